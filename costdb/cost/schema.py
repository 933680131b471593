"""The form of `costdb.analysis/1`, checked where a document comes from outside.

Import it where a document is read: pydantic is not on the path of the other commands.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from costdb.canonical_schema import Items, Number, Text
from costdb.contracts import COUNT_NAMES, Counts, Coverage
from costdb.cost.result import GraphCost, LayerCost, Totals, View
from costdb.errors import BrokenArtifact
from costdb.ir import DType

ShapeDocument = Items[int | None] | None


class _Document(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class ArtifactDocument(_Document):
    """The file that was costed."""

    path: Text
    format: Text
    framework: Text
    bytes: Number
    structure: Text


class TensorDocument(_Document):
    """An input or output."""

    shape: ShapeDocument
    dtype: DType | None


class CoverageDocument(_Document):
    """How many layers are counted how."""

    exact: Number
    estimated: Number
    bounded: Number
    unknown: Number
    unknown_ops: dict[Text, Number]
    unknown_reasons: dict[Text, Text] = {}


class TotalsDocument(_Document):
    """The totals of `costdb.cost.result.Totals`; null where there is no graph to cost."""

    params: Number
    buffers: Number
    weight_bytes: Number
    macs: Number | None
    flops: Number | None
    int_ops: Number | None
    memory_accesses: Number | None
    traffic_bytes: Number | None
    activation_bytes: Number | None
    peak_activation_bytes: Number | None
    peak_memory_bytes: Number | None
    layers: Number | None
    unknown_layers: Number | None


class PeakDocument(_Document):
    """The first layer at which the most activations live; `position` is its place in `layers`."""

    position: Number
    layer: Text
    op: Text
    bytes: Number


class LayerDocument(_Document):
    """One layer: its counts, and its share of the totals."""

    name: Text
    op: Text
    scope: Text
    input_shapes: Items[ShapeDocument]
    output_shapes: Items[ShapeDocument]
    dtype: str | None
    coverage: Coverage
    folded: bool
    note: Text
    macs: Number
    dots: Number
    adds: Number
    muls: Number
    divs: Number
    compares: Number
    specials: Number
    params: Number
    buffers: Number
    weight_bytes: Number
    memory_accesses: Number
    traffic_bytes: Number
    activation_bytes: Number
    live_bytes: Number
    arithmetic_intensity: float | None = None


class AnalysisDocument(_Document):
    """What `costdb analyze --format json` prints."""

    schema_: Literal["costdb.analysis/1"] = Field(alias="schema")
    rules: Number
    artifact: ArtifactDocument
    inputs: dict[Text, TensorDocument]
    outputs: dict[Text, TensorDocument]
    point: Text
    view: View
    convention: Text
    totals: TotalsDocument
    derived: dict[Text, int | float | None] = {}
    peak: PeakDocument | None = None
    coverage: CoverageDocument
    warnings: Items[Text] = []
    layers: Items[LayerDocument]


def read_document(text: bytes, origin: str) -> tuple[AnalysisDocument, GraphCost]:
    """Read an analysis that `costdb analyze --format json` wrote.

    Args:
        text: The JSON.
        origin: The file's name, for the error.

    Returns:
        What stands there, and the cost that it says.

    Raises:
        BrokenArtifact: It is no such document.
    """
    try:
        document = AnalysisDocument.model_validate_json(text)
        return document, graph_cost(document)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the document"
        raise BrokenArtifact(
            f"{origin!r} is no costdb.analysis/1: {where}: {first['msg']}",
            hint="write it with: costdb analyze FILE --format json",
        ) from error
    except ValueError as error:
        raise BrokenArtifact(
            f"{origin!r} is no costdb.analysis/1: {error}",
            hint="write it with: costdb analyze FILE --format json",
        ) from error


def graph_cost(document: AnalysisDocument) -> GraphCost:
    """The cost that an analysis says. Raises ValueError where there is no such dtype."""
    totals = Totals(**document.totals.model_dump())
    layers = tuple(map(_layer, document.layers))
    return GraphCost(document.rules, document.view, totals, layers)


def _layer(layer: LayerDocument) -> LayerCost:
    values = layer.model_dump(exclude={"arithmetic_intensity"})
    counts = Counts(**{name: values.pop(name) for name in COUNT_NAMES})
    values["dtype"] = None if layer.dtype is None else DType(layer.dtype)
    for shapes in ("input_shapes", "output_shapes"):
        values[shapes] = tuple(None if shape is None else tuple(shape) for shape in values[shapes])
    return LayerCost(counts=counts, **values)
