"""An analysis as listings: its totals, its layers, and roll-ups of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from enum import Enum

from costdb.binding import format_shape
from costdb.contracts import Coverage
from costdb.cost.metric import DerivedMetric
from costdb.cost.metrics import derived_metrics
from costdb.cost.metrics.arithmetic_intensity import arithmetic_intensity
from costdb.cost.result import METRICS, Analysis, GraphCost, LayerCost, Totals
from costdb.ir import Shape, Tensor
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import UNKNOWN, exact, format_count, format_ratio, percent, quantity

# What each metric is called in a heading, and what its numbers are of.
METRIC_UNITS = {
    metric: Unit.BYTES if metric.endswith("bytes") else Unit.COUNT for metric in METRICS
}


class Grouping(Enum):
    """How layers are listed: one by one, or rolled up."""

    LAYER = "layer"
    SCOPE = "scope"
    OP = "op"
    DTYPE = "dtype"


def format_metric(metric: str, value: int | None) -> str:
    """A total as a person reads it: 4.09 G, 102.55 MB."""
    if value is None:
        return UNKNOWN
    return format_count(value, "B" if METRIC_UNITS[metric] is Unit.BYTES else "")


def totals_listing(totals: Totals, title: str = "") -> Listing:
    """Every total, rounded and exact, and what is derived from them."""
    stored = [(metric, format_metric(metric, totals[metric]), totals[metric]) for metric in METRICS]
    more = [_derived_row(metric, totals) for metric in derived_metrics().values()]
    return Listing(
        (Column("total"), Column("rounded", Unit.WRITTEN), Column("exact", Unit.EXACT)),
        [*stored, *more],
        title=title,
    )


def _derived_row(metric: DerivedMetric, totals: Totals) -> tuple[Value, ...]:
    value = metric(totals)
    if value is None:
        return (metric.name, UNKNOWN, None)
    # A quotient has no exact digits to show.
    written = f"{format_ratio(value)} {metric.unit}".rstrip()
    return (metric.name, written, value if isinstance(value, int) else "")


def layers_listing(cost: GraphCost, by: Grouping, top: int | None) -> Listing:
    """Layers or groups of layers, the most MACs first.

    Args:
        cost: Whose layers.
        by: How to group them.
        top: How many rows; None for all.
    """
    if by is Grouping.LAYER:
        number = len(cost.layers)
        shown = _layer_rows(sorted(cost.layers, key=_rank)[:top])
    else:
        groups = _group_rows(cost, by)
        number = len(groups)
        shown = sorted(groups, key=lambda row: _rank(row[1]))[:top]
    total = cost.totals.macs or 0
    left_out = number - len(shown)
    return Listing(
        (
            *_headings(by),
            Column("MACs", Unit.EXACT),
            Column("of all", Unit.WRITTEN),
            Column("FLOPs", Unit.EXACT),
            Column("params", Unit.EXACT),
            Column("weight bytes", Unit.EXACT),
            Column("accesses", Unit.COUNT),
            Column("traffic bytes", Unit.BYTES),
            Column("FLOPs/byte", Unit.EXACT),
            Column("counted"),
        ),
        [
            (
                *labels,
                sums.macs,
                percent(sums.macs, total),
                sums.flops,
                sums.params,
                sums.weight_bytes,
                sums.memory_accesses,
                sums.traffic_bytes,
                arithmetic_intensity(sums),
                sums.counted,
            )
            for labels, sums in shown
        ],
        footer=(f"{left_out:,} more with fewer MACs; --top {number} shows all",)
        if left_out
        else (),
    )


class Sums:
    """The numbers of some layers, added up.

    Attributes:
        counted: How well they are covered, in a word.
    """

    def __init__(self, layers: Iterable[LayerCost]) -> None:
        members = list(layers)
        self.macs = sum(layer.macs for layer in members)
        self.flops = sum(layer.flops for layer in members)
        self.params = sum(layer.params for layer in members)
        self.weight_bytes = sum(layer.weight_bytes for layer in members)
        self.memory_accesses = sum(layer.memory_accesses for layer in members)
        self.traffic_bytes = sum(layer.traffic_bytes for layer in members)
        self.activation_bytes = sum(layer.activation_bytes for layer in members)
        self.counted = _counted(members)

    def __getitem__(self, metric: str) -> int:
        """A sum by its name in `Totals`."""
        value: int = getattr(self, metric)
        return value


def _counted(layers: list[LayerCost]) -> str:
    """How well the layers are covered, in a word: the worst of them, or folded."""
    if all(layer.folded for layer in layers):
        return "folded"
    found = {layer.coverage for layer in layers}
    worst = next((coverage for coverage in reversed(Coverage) if coverage in found), Coverage.EXACT)
    return str(worst.value)


def _headings(by: Grouping) -> tuple[Column, ...]:
    if by is Grouping.LAYER:
        return (Column("layer"), Column("op"), Column("output"))
    return (Column(by.value), Column("layers", Unit.EXACT))


def _rank(costs: LayerCost | Sums) -> tuple[int, int, int]:
    """What sorts the most MACs first."""
    return (-costs.macs, -costs.flops, -costs.params)


def _layer_rows(layers: Iterable[LayerCost]) -> list[tuple[tuple[Value, ...], Sums]]:
    return [((layer.name, layer.op, first_shape(layer)), Sums([layer])) for layer in layers]


def first_shape(layer: LayerCost) -> str:
    """The shape of a layer's first output: 1x32x112x112, or ? where it is not known."""
    return describe_shape(layer.output_shapes[0] if layer.output_shapes else None)


def describe_shape(shape: Shape | None) -> str:
    """A shape as it is typed, or ? where it is not known."""
    return "?" if shape is None else format_shape(shape)


_GROUP_NAMES: dict[Grouping, Callable[[LayerCost], str]] = {
    Grouping.SCOPE: lambda layer: layer.scope or "(top)",
    Grouping.OP: lambda layer: layer.op,
    Grouping.DTYPE: lambda layer: layer.dtype.value if layer.dtype else "unknown",
}


def _group_rows(cost: GraphCost, by: Grouping) -> list[tuple[tuple[Value, ...], Sums]]:
    groups: dict[str, list[LayerCost]] = {}
    for layer in cost.layers:
        groups.setdefault(_GROUP_NAMES[by](layer), []).append(layer)
    return [((name, len(members)), Sums(members)) for name, members in groups.items()]


def describe_tensors(tensors: Iterable[Tensor]) -> str:
    """Tensors in a line: x 1x224x224x3 float32."""
    return ", ".join(
        f"{tensor.name} {describe_shape(tensor.shape)}"
        f" {tensor.dtype.value if tensor.dtype else '?'}"
        for tensor in tensors
    )


def describe_coverage(cost: GraphCost) -> str:
    """Coverage in a line: 312 layers: 309 exact, 3 unknown (GridSample x2, CustomNMS)."""
    if cost.totals.layers is None:
        return "weights only: there is no graph to cost"
    kinds = [f"{number:,} {kind.value}" for kind, number in cost.coverage.items() if number]
    line = f"{quantity(cost.totals.layers, 'layer')}: {', '.join(kinds) or 'none'}"
    if not cost.is_lower_bound:
        return line
    ops = (f"{op} x{number}" if number > 1 else op for op, number in cost.unknown_ops.items())
    return f"{line} ({', '.join(ops)}): the totals are a lower bound"


def reasons_of_unknown(cost: GraphCost) -> Iterator[str]:
    """Why operators are unknown, as far as there is more to say than that no rule counts them."""
    for op, reason in cost.unknown_reasons.items():
        if not reason.startswith("no rule counts"):
            yield f"{op}: {reason}"


def describe_peak(cost: GraphCost) -> Iterator[str]:
    """Where activations peak: activations peak at layer 12 of 174, /layer1/conv1 (Conv)."""
    position = cost.peak_position
    if position is not None:
        layer = cost.layers[position]
        place = f"layer {exact(position + 1)} of {exact(len(cost.layers))}"
        yield f"activations peak at {place}, {layer.name} ({layer.op})"


def analysis_listings(
    analysis: Analysis, by: Grouping, top: int | None, title: str
) -> Iterator[Listing]:
    """What a person reads of an analysis: its totals, where they come from, its largest parts."""
    cost = analysis.cost
    artifact = analysis.artifact
    size = format_count(artifact.bytes, "B")
    footer = [
        f"file: {artifact.path}, {artifact.file_format}, {size}",
        f"inputs: {describe_tensors(analysis.graph.inputs) or 'none'}",
        describe_coverage(cost),
        *reasons_of_unknown(cost),
        *describe_peak(cost),
    ]
    folded = sum(layer.folded for layer in cost.layers)
    if folded:
        footer.append(f"{folded:,} of them are folded away at deployment; --stored counts them")
    totals = totals_listing(cost.totals, title)
    yield replace(totals, footer=tuple(footer))
    if cost.layers:
        yield layers_listing(cost, by, top)
