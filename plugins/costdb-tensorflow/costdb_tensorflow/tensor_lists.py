"""What lists of tensors hold, and so the shapes of what is taken out of them.

TensorFlow knows the items of a list only within one graph and as far as its makers say them; here
they are followed through writes and from run to run of a loop. A TensorArray of TensorFlow 1 is
followed by its `flow`, which orders reads and writes.

The operators: https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from costdb.plugins import Shape
from costdb_tensorflow.inputs import sizes
from costdb_tensorflow.nodes import Node
from costdb_tensorflow.runtime import Inferred, Items

UNKNOWN_ITEMS = Items(None, None)


class Found(NamedTuple):
    """What an operator on a list says.

    Attributes:
        output: Of which of its outputs.
        items: What the list holds; None if the output is something else.
        shape: The shape of an output that is no list.
    """

    output: int
    items: Items | None = None
    shape: Shape | None = None


class Operands:
    """What is known of the inputs of an operator on a list."""

    def __init__(self, node: Node, known: Sequence[Inferred | None]) -> None:
        self.node = node
        self._known = known

    def items(self, position: int) -> Items:
        """The items of the list at a position."""
        entry = self._entry(position)
        return UNKNOWN_ITEMS if entry is None or entry.items is None else entry.items

    def shape(self, position: int) -> Shape | None:
        """The shape of the tensor at a position."""
        entry = self._entry(position)
        return None if entry is None else entry.shape

    def number(self, position: int) -> int | None:
        """The number at a position, if it is known."""
        value = self.numbers(position)
        return value[0] if value is not None and len(value) == 1 else None

    def numbers(self, position: int) -> tuple[int, ...] | None:
        """The numbers at a position, if they are known."""
        entry = self._entry(position)
        return None if entry is None else entry.value

    def count(self, position: int) -> int | None:
        """How many rows the tensor at a position has."""
        shape = self.shape(position)
        return shape[0] if shape else None

    def stated_shape(self, position: int) -> Shape | None:
        """The shape that the tensor at a position spells, -1 for an open size or, alone, rank."""
        value, shape = self.numbers(position), self.shape(position)
        if value is None or shape == ():
            return None
        return tuple(None if size < 0 else size for size in value)

    def stated_by_attribute(self) -> Shape | None:
        """The shape of the attribute `element_shape`."""
        stated = self.node.attributes.get("element_shape")
        return None if stated is None or stated.shape.unknown_rank else sizes(stated.shape)

    def flag(self, name: str) -> bool:
        """A truth value among the attributes."""
        return name in self.node.attributes and bool(self.node.attributes[name].b)

    def _entry(self, position: int) -> Inferred | None:
        return self._known[position] if position < len(self._known) else None


def found_in_lists(node: Node, known: Sequence[Inferred | None]) -> Sequence[Found]:
    """What an operator on a list says of its outputs; nothing for any other operator.

    Args:
        node: The node.
        known: What is known of its inputs; None for one that is not there.
    """
    if node.op in _OPERATORS:
        return _OPERATORS[node.op](Operands(node, known))
    if node.op in {"Identity", "StopGradient"} and known:
        first = known[0]
        return () if first is None or first.items is None else (Found(0, first.items),)
    return ()


def merged_shapes(one: Shape | None, two: Shape | None) -> Shape | None:
    """The shape of items of which two things are known; sizes that differ are unknown."""
    if one is None or two is None:
        return two if one is None else one
    if len(one) != len(two):
        return None
    pairs = zip(one, two, strict=True)
    return tuple(b if a is None else a if b in {None, a} else None for a, b in pairs)


def _written(items: Items, shape: Shape | None, length: int | None) -> Items:
    """The items of a list into which one of a shape is written."""
    return Items(merged_shapes(items.shape, shape), length)


def _rest(shape: Shape | None) -> Shape | None:
    """The shape of the rows of a tensor."""
    return shape[1:] if shape else None


def _stacked(count: int | None, items: Items) -> Shape | None:
    return None if items.shape is None else (count, *items.shape)


def _joined(items: Items) -> Shape | None:
    """The shape of all items of a list behind one another."""
    if not items.shape:
        return None
    first = items.shape[0]
    rows = None if first is None or items.length is None else first * items.length
    return (rows, *items.shape[1:])


def _empty(o: Operands) -> Sequence[Found]:
    return (Found(0, Items(o.stated_shape(0), 0)),)


def _reserved(o: Operands) -> Sequence[Found]:
    return (Found(0, Items(o.stated_shape(0), o.number(1))),)


def _from_tensor(o: Operands) -> Sequence[Found]:
    return (Found(0, Items(_rest(o.shape(0)), o.count(0))),)


def _scattered(o: Operands) -> Sequence[Found]:
    return (Found(0, Items(_rest(o.shape(0)), o.number(3))),)


def _split(o: Operands) -> Sequence[Found]:
    rest = _rest(o.shape(0))
    shape = None if rest is None else (None, *rest)
    return (Found(0, Items(merged_shapes(o.stated_shape(1), shape), o.count(2))),)


def _set(o: Operands) -> Sequence[Found]:
    items, index = o.items(0), o.number(1)
    length = items.length
    if length is not None and o.flag("resize_if_index_out_of_bounds"):
        # A list that grows is written from its beginning on, unless the place is known.
        length = length + 1 if index is None else max(length, index + 1)
    return (Found(0, _written(items, o.shape(2), length)),)


def _pushed(o: Operands) -> Sequence[Found]:
    items = o.items(0)
    length = None if items.length is None else items.length + 1
    return (Found(0, _written(items, o.shape(1), length)),)


def _popped(o: Operands) -> Sequence[Found]:
    items = o.items(0)
    length = None if items.length is None else max(0, items.length - 1)
    return (Found(0, items._replace(length=length)), Found(1, shape=items.shape))


def _resized(o: Operands) -> Sequence[Found]:
    return (Found(0, o.items(0)._replace(length=o.number(1))),)


def _taken(o: Operands) -> Sequence[Found]:
    return (Found(0, shape=o.items(0).shape),)


def _all_stacked(o: Operands) -> Sequence[Found]:
    items = o.items(0)
    return (Found(0, shape=_stacked(items.length, items)),)


def _gathered(o: Operands) -> Sequence[Found]:
    return (Found(0, shape=_stacked(o.count(1), o.items(0))),)


def _concatenated(o: Operands) -> Sequence[Found]:
    items = o.items(0)
    return (Found(0, shape=_joined(items)), Found(1, shape=(items.length,)))


def _array(o: Operands) -> Sequence[Found]:
    return (Found(1, Items(o.stated_by_attribute(), o.number(0))),)


def _array_written(o: Operands) -> Sequence[Found]:
    items = o.items(3)
    return (Found(0, _written(items, o.shape(2), items.length)),)


def _array_scattered(o: Operands) -> Sequence[Found]:
    items = o.items(3)
    return (Found(0, _written(items, _rest(o.shape(2)), items.length)),)


def _array_split(o: Operands) -> Sequence[Found]:
    items, rest = o.items(3), _rest(o.shape(1))
    return (Found(0, _written(items, None if rest is None else (None, *rest), items.length)),)


def _array_taken(o: Operands) -> Sequence[Found]:
    return (Found(0, shape=o.items(2).shape),)


def _array_gathered(o: Operands) -> Sequence[Found]:
    items = o.items(2)
    known = items._replace(shape=merged_shapes(o.stated_by_attribute(), items.shape))
    return (Found(0, shape=_stacked(o.count(1), known)),)


def _array_concatenated(o: Operands) -> Sequence[Found]:
    items = o.items(1)
    return (Found(0, shape=_joined(items)), Found(1, shape=(items.length,)))


def _array_of_gradients(o: Operands) -> Sequence[Found]:
    """An array of the same items."""
    return (Found(1, o.items(1)),)


_OPERATORS: Mapping[str, Callable[[Operands], Sequence[Found]]] = MappingProxyType(
    {
        "EmptyTensorList": _empty,
        "TensorListConcat": _concatenated,
        "TensorListConcatV2": _concatenated,
        "TensorListFromTensor": _from_tensor,
        "TensorListGather": _gathered,
        "TensorListGetItem": _taken,
        "TensorListPopBack": _popped,
        "TensorListPushBack": _pushed,
        "TensorListReserve": _reserved,
        "TensorListResize": _resized,
        "TensorListScatter": _scattered,
        "TensorListScatterV2": _scattered,
        "TensorListSetItem": _set,
        "TensorListSplit": _split,
        "TensorListStack": _all_stacked,
        "TensorArrayV3": _array,
        "TensorArrayConcatV3": _array_concatenated,
        "TensorArrayGatherV3": _array_gathered,
        "TensorArrayGradV3": _array_of_gradients,
        "TensorArrayReadV3": _array_taken,
        "TensorArrayScatterV3": _array_scattered,
        "TensorArraySplitV3": _array_split,
        "TensorArrayWriteV3": _array_written,
    }
)

LIST_OPERATORS = frozenset(_OPERATORS)
