"""The largest sizes that data allow, for operators whose output's size is decided by data."""

import math
from collections.abc import Callable, Sequence

from costdb.plugins import Shape
from costdb_onnx.model.facts import Fact
from costdb_onnx.model.region import Step

# Inputs' facts -> each output's largest sizes; None where even those are unknown.
_Bound = Callable[[Step, Sequence[Fact | None]], list[Shape | None]]


def largest_shapes(step: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    """The largest shape of each output, in the node's order; empty where there is no bound."""
    bound = _BOUNDS.get(step.op) if not step.domain else None
    data = inputs[0] if inputs else None
    if bound is None or data is None or not data.is_known:
        return []
    return bound(step, inputs)


def _sizes(fact: Fact | None) -> tuple[int, ...] | None:
    if fact is None or fact.shape is None:
        return None
    known = tuple(size for size in fact.shape if size is not None)
    return known if len(known) == len(fact.shape) else None


def _non_zero(_: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    sizes = _sizes(inputs[0]) or ()
    return [(len(sizes), math.prod(sizes))]


def _non_max_suppression(_: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    """Every batch and class selects at most as many boxes as there are, or as it is told."""
    scores = _sizes(inputs[1]) if len(inputs) > 1 else None
    if scores is None or len(scores) != 3:
        return []
    batch, classes, boxes = scores
    limit = inputs[2].integers if len(inputs) > 2 and inputs[2] else None
    if limit:
        boxes = min(boxes, max(0, limit[0]))
    return [(batch * classes * boxes, 3)]


def _axis(step: Step) -> int | None:
    return next((item.i for item in step.node.attribute if item.name == "axis"), None)


def _unique(step: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    sizes = _sizes(inputs[0]) or ()
    axis = _axis(step)
    if axis is None:
        count = math.prod(sizes)
        return [(count,)] * 4
    if not -len(sizes) <= axis < len(sizes):
        return []
    return [sizes, *[(sizes[axis],)] * 3]


def _compress(step: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    sizes = _sizes(inputs[0]) or ()
    return [sizes if _axis(step) is not None else (math.prod(sizes),)]


def _as_input(_: Step, inputs: Sequence[Fact | None]) -> list[Shape | None]:
    return [_sizes(inputs[0])] * 2


_BOUNDS: dict[str, _Bound] = {
    "Compress": _compress,
    "NonMaxSuppression": _non_max_suppression,
    "NonZero": _non_zero,
    "Slice": _as_input,
    "TopK": _as_input,
    "Unique": _unique,
}
