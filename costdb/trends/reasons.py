"""Why a finding says what it says, in words."""

from collections import Counter
from collections.abc import Iterator, Sequence
from fractions import Fraction

from costdb.binding import format_shape
from costdb.contracts import Coverage
from costdb.cost.result import GraphCost, LayerCost
from costdb.ir import Tensor
from costdb.trends.scopes import TOTAL, selected_layers

# Metrics that are known even of a layer that no rule counts.
_ALWAYS_KNOWN = frozenset({"params", "buffers", "weight_bytes", "layers", "unknown_layers"})


def subject(metric: str, scope: str) -> str:
    """What was compared: "macs", "macs of layer:head*"."""
    return metric if scope == TOTAL else f"{metric} of {scope}"


def change(old: int, new: int) -> str:
    """What happened to a number: "+12.0 % (1,000 -> 1,120)".

    A change that one decimal would hide is written out: "+2 (4,100,000,000 -> 4,100,000,002)".
    There is no percentage of zero: "new (0 -> 5)".
    """
    if old == new:
        return f"unchanged at {new:,}"
    if old == 0:
        return f"new (0 -> {new:,})"
    percent = f"{float(Fraction(100 * (new - old), old)):+,.1f}"
    moved = f"{new - old:+,}" if percent in {"+0.0", "-0.0"} else f"{percent} %"
    return f"{moved} ({old:,} -> {new:,})"


def obstacles(label: str, old: GraphCost, new_label: str, new: GraphCost) -> Iterator[str]:
    """Why two costs cannot be compared, whatever the metric."""
    if old.rules != new.rules:
        yield (
            f"{label} was counted under rules revision {old.rules}, {new_label} under"
            f" {new.rules}: recost first"
        )
    if old.view is not new.view:
        yield f"{label} is the {old.view.value} view, {new_label} the {new.view.value} view"


def removal(label: str, old: GraphCost, new_label: str, new: GraphCost, scope: str) -> str:
    """That a part of the model is gone; empty if it is not, or was never there."""
    if scope == TOTAL or selected_layers(new, scope) or not selected_layers(old, scope):
        return ""
    return f"removed: {scope} is in {label}, and no layer of {new_label} is"


def gap(label: str, cost: GraphCost, metric: str, scope: str) -> str:
    """Why a cost has no such number; empty if it has one."""
    if cost.totals[metric] is None:
        return f"{label} has weights but no graph to cost"
    if scope != TOTAL and not selected_layers(cost, scope):
        return f"no layer of {label} is in {scope}"
    return ""


def resized_inputs(old: Sequence[Tensor], new: Sequence[Tensor]) -> Iterator[str]:
    """That inputs of a model have another shape: "input x is 1x3x256x256, was 1x3x224x224"."""
    before = {tensor.name: tensor.shape for tensor in old}
    if set(before) != {tensor.name for tensor in new} and len(old) == len(new):
        # Frameworks number names anew.
        before = {now.name: was.shape for was, now in zip(old, new, strict=True)}
    for tensor in new:
        was = before.get(tensor.name)
        if tensor.shape is not None and was is not None and was != tensor.shape:
            shapes = f"{format_shape(tensor.shape)}, was {format_shape(was)}"
            yield f"input {tensor.name} is {shapes}"


def lower_bounds(label: str, cost: GraphCost, metric: str, scope: str) -> Iterator[str]:
    """That a number is too low, where layers were not counted."""
    unknown = Counter(layer.op for layer in uncounted(cost, metric, scope))
    if unknown:
        listed = ", ".join(f"{op} x{times}" for op, times in unknown.most_common())
        yield f"{label} is a lower bound without {listed}"


def uncounted(cost: GraphCost, metric: str, scope: str) -> tuple[LayerCost, ...]:
    """The layers that a number leaves out, because no rule counts them."""
    if metric in _ALWAYS_KNOWN:
        return ()
    layers = selected_layers(cost, scope)
    return tuple(layer for layer in layers if layer.coverage is Coverage.UNKNOWN)


def leave_out_the_same(old: GraphCost, new: GraphCost, metric: str, scope: str) -> bool:
    """Whether two numbers leave out the same layers, so that they can be compared all the same."""
    before, now = (
        Counter(
            (layer.op, layer.input_shapes, layer.output_shapes, layer.params)
            for layer in uncounted(cost, metric, scope)
        )
        for cost in (old, new)
    )
    return before == now
