"""What a rule for output shapes sees of a node."""

from collections.abc import Callable, Sequence

from onnx import TypeProto

from costdb.plugins import Shape
from costdb_onnx.model.attributes import attribute_values
from costdb_onnx.model.facts import Fact, element_type_of
from costdb_onnx.model.numbers import numbers
from costdb_onnx.model.region import Step

# Types of outputs by position; None, or none at all, where nothing is known.
Types = list[TypeProto | None]
ShapeRule = Callable[[Step, Sequence[Fact | None]], Types]


class Operands:
    """The inputs and attributes of one node."""

    def __init__(self, step: Step, inputs: Sequence[Fact | None]) -> None:
        self._inputs = inputs
        self._attributes = attribute_values(step.node)

    def has(self, position: int) -> bool:
        """Whether an optional input is given."""
        return position < len(self._inputs) and self._inputs[position] is not None

    def rank(self, position: int) -> int | None:
        """The number of axes; None where it is unknown."""
        shape = self.shape(position)
        return None if shape is None else len(shape)

    def shape(self, position: int) -> Shape | None:
        """An input's shape; None where it is absent or unknown."""
        fact = self._inputs[position] if position < len(self._inputs) else None
        return None if fact is None else fact.shape

    def size(self, position: int, axis: int) -> int | None:
        """The size of an input along an axis; None where it is unknown."""
        shape = self.shape(position)
        if shape is None or not -len(shape) <= axis < len(shape):
            return None
        return shape[axis]

    def element_type(self, position: int) -> int:
        """TensorProto.DataType of an input; 0 where it is unknown."""
        fact = self._inputs[position] if position < len(self._inputs) else None
        return element_type_of(None if fact is None else fact.type)

    def integer(self, attribute: str, default: int = 0) -> int:
        """An integer attribute."""
        value = self._attributes.get(attribute, default)
        return value if isinstance(value, int) else default

    def integers(self, attribute: str) -> tuple[int, ...]:
        """A list of integers; empty where it is absent."""
        value = self._attributes.get(attribute, ())
        if not isinstance(value, tuple):
            return ()
        return tuple(item for item in value if isinstance(item, int))


def rule_of(types: Callable[[Operands], Types]) -> ShapeRule:
    """The rule that a function of the operands is."""
    return lambda step, inputs: types(Operands(step, inputs))


def as_first_input(*positions: int) -> ShapeRule:
    """The outputs at some positions are of the first input's type."""

    def types(_: Step, inputs: Sequence[Fact | None]) -> Types:
        first = inputs[0].type if inputs and inputs[0] is not None else None
        return [first if position in positions else None for position in range(max(positions) + 1)]

    return types


def integers_of(inputs: Sequence[Fact | None], position: int) -> tuple[int, ...] | None:
    """The numbers of a small constant of integers; None where they are not known."""
    fact = inputs[position] if position < len(inputs) else None
    return None if fact is None else fact.integers


def numbers_of(inputs: Sequence[Fact | None], position: int) -> list[float] | None:
    """The numbers of a small constant; None where they are not known."""
    fact = inputs[position] if position < len(inputs) else None
    if fact is None or fact.constant is None:
        return None
    return [float(number) for number in numbers(fact.constant)]
