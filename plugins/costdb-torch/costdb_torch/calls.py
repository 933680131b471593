"""One call of an ATen operator, with its tensors and numbers in place."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from costdb.plugins import AttributeValue, DType, Tensor

# An argument: tensors are the IR's, and numbers that depend on shapes are settled (None if not).
Value = bool | int | float | str | DType | Tensor | tuple["Value", ...] | None


@dataclass(frozen=True, slots=True)
class Call:
    """A call.

    Attributes:
        arguments: Name in the operator's schema -> value; those left at their default are absent.
        outputs: The tensors that it yields.
    """

    arguments: Mapping[str, Value]
    outputs: tuple[Tensor, ...]

    @property
    def output(self) -> Tensor:
        """The first result."""
        return self.outputs[0]

    def tensors(self) -> tuple[Tensor, ...]:
        """Every tensor among the arguments, those in lists included, in order."""
        return tuple(_tensors(tuple(self.arguments.values())))

    def given(self, *names: str) -> tuple[Tensor | None, ...]:
        """The tensors of some arguments in the order asked for; lists are flattened.

        An argument that is absent, None or a number is None, but left out at the end.
        """
        found: list[Tensor | None] = []
        for name in names:
            value = self.arguments.get(name)
            found.extend(_tensors(value) if isinstance(value, tuple) else [self.tensor(name)])
        while found and found[-1] is None:
            found.pop()
        return tuple(found)

    def tensor(self, name: str) -> Tensor | None:
        """A tensor; None if it is absent or something else."""
        value = self.arguments.get(name)
        return value if isinstance(value, Tensor) else None

    @staticmethod
    def rank(tensor: Tensor | None) -> int | None:
        """A tensor's number of axes; None if there is no tensor or its rank is unknown."""
        return None if tensor is None or tensor.shape is None else len(tensor.shape)

    def integer(self, name: str, default: int) -> int:
        """An integer; the default if it is absent or not settled."""
        value = self.arguments.get(name)
        return int(value) if isinstance(value, int) else default

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of integers, or a lone one; empty if it is absent or not settled."""
        value = self.arguments.get(name)
        items = value if isinstance(value, tuple) else (value,)
        numbers = tuple(int(item) for item in items if isinstance(item, int))
        return numbers if len(numbers) == len(items) else ()

    def number(self, name: str) -> int | float | None:
        """A number; None if it is absent or something else."""
        value = self.arguments.get(name)
        return value if isinstance(value, int | float) else None

    def flag(self, name: str) -> bool:
        """A truth value that is false by default."""
        return self.arguments.get(name) is True

    def text(self, name: str) -> str:
        """A text; empty if it is absent."""
        value = self.arguments.get(name)
        return value if isinstance(value, str) else ""

    def plain_arguments(self) -> dict[str, AttributeValue]:
        """All numbers, texts and lists of them, as attributes."""
        attributes: dict[str, AttributeValue] = {}
        for name, value in self.arguments.items():
            plain = _plain(value)
            if plain is not None:
                attributes[name] = plain
        return attributes


def _tensors(values: tuple[Value, ...]) -> Iterator[Tensor]:
    for value in values:
        if isinstance(value, Tensor):
            yield value
        elif isinstance(value, tuple):
            yield from _tensors(value)


def _plain(value: Value) -> AttributeValue | None:
    if isinstance(value, bool):
        return int(value)
    if isinstance(value, int | float | str):
        return value
    if isinstance(value, tuple) and value:
        if all(isinstance(item, int) for item in value):
            return tuple(int(item) for item in value if isinstance(item, int))
        if all(isinstance(item, int | float) for item in value):
            return tuple(float(item) for item in value if isinstance(item, int | float))
    return None
