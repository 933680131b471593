"""Whether a model's own inputs have another size, read off its layers."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from costdb.cost.result import LayerCost
from costdb.ir import Shape
from costdb.trends.alignment import Change, Pair
from costdb.trends.wording import resized

_Resizing = tuple[Shape, Shape]


@dataclass(frozen=True, slots=True)
class InputSize:
    """An input of the model that has another shape than before.

    Attributes:
        old: Its shape before.
        new: Its shape now.
        position: Of the first pair of layers that reads it.
    """

    old: Shape
    new: Shape
    position: int

    @property
    def text(self) -> str:
        """In words: "input 224 -> 256"."""
        differing = [(a, b) for a, b in zip(self.old, self.new, strict=True) if a != b]
        if len(differing) > 1 and len(set(differing)) == 1:
            return f"input {differing[0][0]} -> {differing[0][1]}"
        return f"input {resized(self.old, self.new)}"

    def explains(self, position: int, pair: Pair) -> bool:
        """Whether a layer has changed as it has because the input did: it only sees other shapes.

        Args:
            position: Of the pair among all pairs.
            pair: What became of the layer.
        """
        if position < self.position or pair.change is not Change.CHANGED:
            return False
        old, new = pair.old, pair.new
        if old is None or new is None or old.op != new.op or not _has_same_weights(old, new):
            return False
        is_same_kind = (old.dtype, old.coverage, old.folded) == (
            new.dtype,
            new.coverage,
            new.folded,
        )
        return is_same_kind and _shapes(old) != _shapes(new)


def input_size(pairs: Sequence[Pair]) -> InputSize | None:
    """The first input of the model whose shape has changed; None if none is seen to have.

    A layer that reads another shape of the same rank than before, which no layer before it puts
    out, neither then nor now, reads an input of the model, unless what it reads may be weights.
    Only in the deployed view can layers that prepare weights be told from others.
    """
    made_before: set[Shape | None] = set()
    made_now: set[Shape | None] = set()
    weights: set[_Resizing] = set()
    for position, pair in enumerate(pairs):
        if pair.old is not None and pair.new is not None:
            for resizing in _resizings(pair.old, pair.new):
                before, after = resizing
                if _may_be_weights(pair.old, pair.new, resizing):
                    weights.add(resizing)
                elif not (before in made_before or after in made_now or resizing in weights):
                    return InputSize(before, after, position)
        made_before.update(pair.old.output_shapes if pair.old else ())
        made_now.update(pair.new.output_shapes if pair.new else ())
    return None


def _resizings(old: LayerCost, new: LayerCost) -> Iterator[_Resizing]:
    for before, after in zip(old.input_shapes, new.input_shapes, strict=False):
        if before is None or after is None:
            continue
        if before != after and len(before) == len(after):
            yield before, after


def _may_be_weights(old: LayerCost, new: LayerCost, resizing: _Resizing) -> bool:
    if old.folded or new.folded:
        return True
    if _has_same_weights(old, new):
        return False
    # A stored element takes four bits or more, so an input with more of them is no weight.
    sizes = ((size or 0 for size in shape) for shape in resizing)
    return any(
        math.prod(elements) <= 2 * layer.weight_bytes
        for elements, layer in zip(sizes, (old, new), strict=True)
    )


def _has_same_weights(old: LayerCost, new: LayerCost) -> bool:
    return (old.params, old.buffers, old.weight_bytes) == (
        new.params,
        new.buffers,
        new.weight_bytes,
    )


def _shapes(layer: LayerCost) -> object:
    return layer.input_shapes, layer.output_shapes
