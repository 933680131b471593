"""What happened to layers, in a few words: "8 new Conv, 2 removed MatMul"."""

import math
from collections import Counter
from collections.abc import Iterable, Sequence

from costdb.binding import format_shape
from costdb.contracts import Coverage
from costdb.cost.result import LayerCost
from costdb.ir import Shape
from costdb.trends.alignment import Pair

# How many kinds of events are told of one part of a model.
EVENTS_TOLD = 3


def describe(changes: Sequence[tuple[Pair, int]]) -> str:
    """What happened to layers, what made the largest changes first.

    Args:
        changes: Layers, and how much of a metric each of them adds; none of them unchanged.
    """
    weight: Counter[tuple[str, str]] = Counter()
    layers: dict[tuple[str, str], list[Pair]] = {}
    for pair, change in changes:
        event = _event(pair)
        weight[event] += abs(change)
        layers.setdefault(event, []).append(pair)
    # most_common keeps the order of what weighs the same.
    told = [_phrase(event, layers[event]) for event, _ in weight.most_common(EVENTS_TOLD)]
    rest = sum(len(layers[event]) for event, _ in weight.most_common()[EVENTS_TOLD:])
    return ", ".join([*told, f"{rest} more"] if rest else told)


def resized(old: Shape | None, new: Shape | None) -> str:
    """Two shapes, without the axes that are alike if several are not: "56x56 -> 64x64"."""
    if old is not None and new is not None and len(old) == len(new):
        differing = [(a, b) for a, b in zip(old, new, strict=True) if a != b]
        if len(differing) > 1:
            old, new = tuple(a for a, _ in differing), tuple(b for _, b in differing)
    return f"{_shape(old)} -> {_shape(new)}"


def _event(pair: Pair) -> tuple[str, str]:
    """A verb and the operator that it happened to."""
    if pair.old is None or pair.new is None:
        return ("new" if pair.old is None else "removed"), pair.layer.op
    if pair.old.op != pair.new.op:
        return f"replaced by {pair.new.op}", pair.old.op
    if pair.old.folded != pair.new.folded:
        return "folded now" if pair.new.folded else "no longer folded", pair.new.op
    was_known, is_known = (layer.coverage is not Coverage.UNKNOWN for layer in (pair.old, pair.new))
    if was_known != is_known:
        return "counted now" if is_known else "no longer counted", pair.new.op
    return "changed", pair.new.op


def _phrase(event: tuple[str, str], pairs: Sequence[Pair]) -> str:
    verb, op = event
    if verb in {"new", "removed"}:
        return f"{len(pairs)} {verb} {op}"
    subject = op if len(pairs) == 1 else f"{len(pairs)} {op}"
    details = {_detail(pair.old, pair.new) for pair in pairs if pair.old and pair.new}
    detail = details.pop() if verb == "changed" and len(details) == 1 else ""
    return f"{subject} {verb} {detail}".rstrip()


def _detail(old: LayerCost, new: LayerCost) -> str:
    """What is different about a layer that has changed; empty where its shapes do not show it."""
    if (old.params, old.buffers) != (new.params, new.buffers):
        return _weights_detail(old, new)
    if old.dtype is not new.dtype:
        names = (layer.dtype.value if layer.dtype else "?" for layer in (old, new))
        return " -> ".join(names)
    for shapes in ((old.output_shapes, new.output_shapes), (old.input_shapes, new.input_shapes)):
        for before, after in zip(*shapes, strict=False):
            if before != after:
                return resized(before, after)
    return ""


def _weights_detail(old: LayerCost, new: LayerCost) -> str:
    growth = new.params - old.params
    candidates = [
        (before, after)
        for before, after in zip(old.input_shapes, new.input_shapes, strict=False)
        if before and after and before != after and None not in (*before, *after)
    ]
    if not candidates:
        return ""
    # Nothing says which inputs are weights, but the weights are what grew as the layer's did.
    before, after = min(candidates, key=lambda shapes: abs(growth - _growth(*shapes)))
    if "Conv" in new.op and len(before) == len(after) > 2:
        old_kernel, new_kernel = _kernel(before, old), _kernel(after, new)
        if old_kernel != new_kernel:
            return f"{_shape(old_kernel)} -> {_shape(new_kernel)}"
    return f"{_shape(before)} -> {_shape(after)}"


def _kernel(weights: Shape, layer: LayerCost) -> Shape:
    """The spatial sizes of a convolution's weights.

    ONNX stores them behind the channels, TensorFlow before; one of the channels is the output's.
    """
    channels = {size for shape in layer.output_shapes for size in _known(shape)[1:]}
    return weights[2:] if channels & {*weights[:2]} else weights[:-2]


def _growth(before: Shape, after: Shape) -> int:
    return math.prod(_known(after)) - math.prod(_known(before))


def _known(shape: Shape | None) -> tuple[int, ...]:
    return tuple(size for size in shape or () if size is not None)


def _shape(shape: Iterable[int | None] | None) -> str:
    return "?" if shape is None else format_shape(shape)
