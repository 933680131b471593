"""Why a finding says what it says, in words."""

from collections import Counter
from collections.abc import Iterator
from fractions import Fraction

from costdb.contracts import Coverage
from costdb.cost.result import GraphCost
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


def gap(label: str, cost: GraphCost, metric: str, scope: str) -> str:
    """Why a cost has no such number; empty if it has one."""
    if cost.totals[metric] is None:
        return f"{label} has weights but no graph to cost"
    if scope != TOTAL and not selected_layers(cost, scope):
        return f"no layer of {label} is in {scope}"
    return ""


def lower_bounds(label: str, cost: GraphCost, metric: str, scope: str) -> Iterator[str]:
    """That a number is too low, where layers were not counted."""
    unknown = Counter(
        layer.op for layer in selected_layers(cost, scope) if layer.coverage is Coverage.UNKNOWN
    )
    if unknown and metric not in _ALWAYS_KNOWN:
        listed = ", ".join(f"{op} x{times}" for op, times in unknown.most_common())
        yield f"{label} is a lower bound without {listed}"
