"""An analysis as JSON, `costdb.analysis/1`: what `costdb analyze --format json` prints.

Writing is plain dictionaries; reading, where a file comes from outside, is checked by `schema`.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from costdb.contracts import COUNT_NAMES, Coverage
from costdb.cost.metrics import derived_metrics
from costdb.cost.metrics.arithmetic_intensity import arithmetic_intensity
from costdb.cost.result import ADDITIVE_METRICS, METRICS, Analysis, GraphCost, LayerCost
from costdb.ir import Tensor

SCHEMA = "costdb.analysis/1"

# The numbers of a layer, in the order in which they are written.
LAYER_NUMBERS = tuple(dict.fromkeys((*COUNT_NAMES, *ADDITIVE_METRICS, "live_bytes")))

# The numbers of the article; other conventions come with `costdb explain`.
CONVENTION = "article"


def analysis_document(analysis: Analysis) -> dict[str, Any]:
    """The analysis as a JSON object; its numbers are exact integers, but for derived quotients."""
    return {
        "schema": SCHEMA,
        "rules": analysis.cost.rules,
        "artifact": {
            "path": analysis.artifact.path,
            "format": analysis.artifact.file_format,
            "framework": analysis.artifact.framework,
            "bytes": analysis.artifact.bytes,
            "structure": analysis.structure_digest,
        },
        "inputs": tensors_document(analysis.graph.inputs),
        "outputs": tensors_document(analysis.graph.outputs),
        "point": analysis.point,
        "view": analysis.cost.view.value,
        "convention": CONVENTION,
        "totals": {metric: analysis.cost.totals[metric] for metric in METRICS},
        "derived": {
            name: metric(analysis.cost.totals) for name, metric in derived_metrics().items()
        },
        "peak": _peak(analysis.cost),
        "coverage": coverage_document(analysis.cost),
        "warnings": list(analysis.warnings),
        "layers": [layer_document(layer) for layer in analysis.cost.layers],
    }


def coverage_document(cost: GraphCost) -> dict[str, Any]:
    """How many layers are counted how, and which operators are not."""
    counted: Mapping[Coverage, int] = cost.coverage
    return {
        **{coverage.value: number for coverage, number in counted.items()},
        "unknown_ops": dict(cost.unknown_ops),
        "unknown_reasons": dict(cost.unknown_reasons),
    }


def _peak(cost: GraphCost) -> dict[str, Any] | None:
    """The layer at which the most activations live."""
    position = cost.peak_position
    if position is None:
        return None
    layer = cost.layers[position]
    return {"position": position, "layer": layer.name, "op": layer.op, "bytes": layer.live_bytes}


def tensors_document(tensors: Iterable[Tensor]) -> dict[str, Any]:
    """Inputs or outputs by their names."""
    return {
        tensor.name: {
            "shape": None if tensor.shape is None else list(tensor.shape),
            "dtype": None if tensor.dtype is None else tensor.dtype.value,
        }
        for tensor in tensors
    }


def layer_document(layer: LayerCost) -> dict[str, Any]:
    """One layer: what it is, and its share of the totals."""
    return {
        "name": layer.name,
        "op": layer.op,
        "scope": layer.scope,
        "input_shapes": [None if shape is None else list(shape) for shape in layer.input_shapes],
        "output_shapes": [None if shape is None else list(shape) for shape in layer.output_shapes],
        "dtype": None if layer.dtype is None else layer.dtype.value,
        "coverage": layer.coverage.value,
        "folded": layer.folded,
        "note": layer.note,
        **{name: _number(layer, name) for name in LAYER_NUMBERS},
        "arithmetic_intensity": arithmetic_intensity(layer),
    }


def _number(layer: LayerCost, name: str) -> int:
    value: int = getattr(layer.counts if name in COUNT_NAMES else layer, name)
    return value
