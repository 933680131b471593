"""Costs in a line, for tests of trends: what a layer costs is given, or follows from its sizes."""

from collections.abc import Iterable, Sequence

from costdb.contracts import Counts, Coverage
from costdb.cost.result import ADDITIVE_METRICS, GraphCost, LayerCost, Totals, View
from costdb.ir import DType, Shape
from costdb.trends.scopes import layer_amount

NOTHING: tuple[Shape | None, ...] = ()


def layer(
    op: str,
    name: str = "",
    *,
    scope: str = "",
    inputs: Sequence[Shape | None] = ((1, 8),),
    outputs: Sequence[Shape | None] = ((1, 8),),
    dtype: DType | None = DType.FLOAT32,
    coverage: Coverage = Coverage.EXACT,
    counts: Counts | None = None,
    macs: int = 0,
    folded: bool = False,
    **numbers: int,
) -> LayerCost:
    """A layer of which the numbers that matter are given."""
    return LayerCost(
        name,
        op,
        scope,
        tuple(inputs),
        tuple(outputs),
        dtype,
        coverage,
        counts or Counts(macs=macs),
        folded=folded,
        note="",
        **numbers,
    )


def conv(
    name: str, channels: tuple[int, int], size: int, *, kernel: int = 3, scope: str = ""
) -> LayerCost:
    """A square convolution that keeps the size, without bias, in ONNX's layout."""
    before, after = channels
    params = after * before * kernel * kernel
    return layer(
        "Conv",
        name,
        scope=scope,
        inputs=[(1, before, size, size), (after, before, kernel, kernel)],
        outputs=[(1, after, size, size)],
        macs=params * size * size,
        params=params,
        weight_bytes=4 * params,
        activation_bytes=4 * after * size * size,
        live_bytes=4 * (before + after) * size * size,
    )


def relu(name: str, channels: int, size: int, *, scope: str = "") -> LayerCost:
    """An activation on what a convolution puts out."""
    shape = (1, channels, size, size)
    numel = channels * size * size
    return layer(
        "Relu",
        name,
        scope=scope,
        inputs=[shape],
        outputs=[shape],
        counts=Counts(compares=numel),
        activation_bytes=4 * numel,
        live_bytes=8 * numel,
    )


def graph_cost(
    layers: Iterable[LayerCost],
    *,
    rules: int = 1,
    view: View = View.DEPLOYED,
    unread_params: int = 0,
    unread_bytes: int = 0,
) -> GraphCost:
    """The cost of a graph with these layers, and stored tensors that none of them reads."""
    layers = tuple(layers)
    sums = {metric: sum(entry[metric] for entry in layers) for metric in ADDITIVE_METRICS}
    sums["params"] += unread_params
    sums["weight_bytes"] += unread_bytes
    peak = max((entry.live_bytes for entry in layers), default=0)
    totals = Totals(
        **sums,
        peak_activation_bytes=peak,
        peak_memory_bytes=sums["weight_bytes"] + peak,
        layers=len(layers),
        unknown_layers=sum(layer_amount(entry, "unknown_layers") for entry in layers),
    )
    return GraphCost(rules, view, totals, layers)


def state_dict_cost(params: int) -> GraphCost:
    """The cost of weights without a graph."""
    totals = Totals(params, 0, 4 * params, *([None] * 10))
    return GraphCost(1, View.DEPLOYED, totals, ())


def macs(number: int, *, rules: int = 1) -> GraphCost:
    """A model of one layer with so many MACs."""
    return graph_cost([layer("MatMul", "dense", macs=number)], rules=rules)
