"""Parts of a model, as policies name them, and what they cost.

`total` is the whole model; `layer:GLOB` its layers by name, `op:GLOB` by operator, `scope:GLOB` by
module path. `*` stands for any characters, "/" too.
"""

from collections.abc import Iterable
from fnmatch import fnmatchcase

from costdb.contracts import Coverage
from costdb.cost.result import ADDITIVE_METRICS, GraphCost, LayerCost

TOTAL = "total"
KINDS = ("layer", "op", "scope")

# The metrics that a part of a model has; a peak is the whole model's.
SUMMED_METRICS = (*ADDITIVE_METRICS, "layers", "unknown_layers")


def layer_amount(layer: LayerCost, metric: str) -> int:
    """What one layer adds to one of the summed metrics."""
    if metric == "layers":
        return 1
    if metric == "unknown_layers":
        return int(layer.coverage is Coverage.UNKNOWN)
    return layer[metric]


def selects(scope: str, layer: LayerCost) -> bool:
    """Whether a layer is in a part of the model."""
    kind, _, glob = scope.partition(":")
    if kind == "layer":
        return fnmatchcase(layer.name, glob)
    if kind == "op":
        return fnmatchcase(layer.op, glob)
    if kind == "scope":
        # `decoder/*` means what stands directly in the decoder, too.
        return fnmatchcase(layer.scope, glob) or fnmatchcase(f"{layer.scope}/", glob)
    return True


def selected_layers(cost: GraphCost, scope: str) -> tuple[LayerCost, ...]:
    """The layers in a part of the model, in the graph's order."""
    return tuple(layer for layer in cost.layers if selects(scope, layer))


def model_module(layers: Iterable[LayerCost]) -> str:
    """The outermost module that all layers with a scope lie in; empty if there are several.

    It is the model itself. Frameworks number or name it anew: `resnet50_1`, `resnet101`.
    """
    tops = {layer.scope.partition("/")[0] for layer in layers if layer.scope}
    return tops.pop() if len(tops) == 1 else ""


def amount(cost: GraphCost, metric: str, scope: str = TOTAL) -> int | None:
    """What a model or a part of it costs; None where there is no graph to cost.

    Args:
        cost: The model's cost.
        metric: A metric of `Totals`; for a part of the model one of `SUMMED_METRICS`.
        scope: The part.
    """
    if scope == TOTAL or cost.totals[metric] is None:
        return cost.totals[metric]
    return sum(layer_amount(layer, metric) for layer in selected_layers(cost, scope))
