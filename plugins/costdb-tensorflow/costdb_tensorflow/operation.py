"""One operation of a TensorFlow graph, with all that its mapping onto the IR may ask."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from costdb.plugins import AttributeValue, BrokenArtifact, DType, Layer, Tensor
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.nodes import Node

Attributes = dict[str, AttributeValue]

# The domain of operators that ONNX lacks.
DOMAIN = "tf"

# Attributes that differ from one export to the next and change nothing: names, and random seeds.
_INCIDENTAL = re.compile(r"_.*|.*name|container|message|seed2?")


@dataclass(frozen=True, slots=True)
class Operation:
    """A node that computes something.

    Attributes:
        node: The node.
        definitions: Of the operators.
        inputs: What it reads.
        outputs: What it yields, as far as it is asked for.
        constants: Input position -> the value, flat, of a stored tensor of a few integers.
    """

    node: Node
    definitions: Definitions
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    constants: Mapping[int, tuple[int, ...]] = field(default_factory=dict)

    def input(self, position: int) -> Tensor:
        """The input at a position, negative ones from the end. Raises BrokenArtifact."""
        if not -len(self.inputs) <= position < len(self.inputs):
            raise BrokenArtifact(
                f"node {self.node.name!r} ({self.node.op}) has no input {position}",
                hint="export the model again",
            )
        return self.inputs[position]

    @property
    def output(self) -> Tensor:
        """The first output."""
        return self.outputs[0]

    def integer(self, name: str, default: int = 0) -> int:
        """An integer attribute."""
        value = self._attribute(name)
        return default if value is None else int(value.i)

    def number(self, name: str, default: float = 0.0) -> float:
        """A numeric attribute."""
        value = self._attribute(name)
        return default if value is None else float(value.f)

    def flag(self, name: str) -> bool:
        """A truth value; false if there is none."""
        value = self._attribute(name)
        return value is not None and bool(value.b)

    def text(self, name: str) -> str:
        """A text attribute; empty if there is none."""
        value = self._attribute(name)
        return "" if value is None else value.s.decode(errors="replace")

    def encoded(self, name: str) -> bytes:
        """A message in an attribute; empty if there is none."""
        value = self._attribute(name)
        return b"" if value is None else bytes(value.s)

    def integers(self, name: str) -> tuple[int, ...]:
        """A list of integers; empty if there is none."""
        value = self._attribute(name)
        return () if value is None else tuple(map(int, value.list.i))

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of texts; empty if there is none."""
        value = self._attribute(name)
        return () if value is None else tuple(s.decode(errors="replace") for s in value.list.s)

    def layer(
        self,
        op: str,
        inputs: tuple[Tensor | None, ...],
        outputs: tuple[Tensor, ...],
        attributes: Mapping[str, AttributeValue] | None = None,
        *,
        domain: str = "",
        part: str = "",
    ) -> Layer:
        """A layer that does what this operation does, or a part of it, which it then names."""
        name = self.node.name
        given = [tensor for tensor in inputs if tensor is not None]
        return Layer(
            name=f"{name}/{part}" if part else name,
            op=op,
            inputs=inputs,
            outputs=outputs,
            domain=domain,
            scope=name.rpartition("/")[0],
            attributes=attributes or {},
            compute_dtype=_compute_dtype(given, outputs),
            source_op=self.node.op,
            source_module=self.node.caller,
        )

    def unmapped(self) -> Layer:
        """The layer of an operator that ONNX lacks, with its numbers and texts as attributes."""
        attributes = {name: _plain(value) for name, value in sorted(self._stated().items())}
        known = {name: value for name, value in attributes.items() if value is not None}
        return self.layer(self.node.op, self.inputs, self.outputs, known, domain=DOMAIN)

    def _stated(self) -> dict[str, Any]:
        """The attributes that say what is computed, with their defaults."""
        definition = self.definitions.of(self.node.op)
        names = [entry.name for entry in definition.attr] if definition is not None else []
        stated = {name: self._attribute(name) for name in (*names, *self.node.attributes)}
        return {
            name: value
            for name, value in stated.items()
            if value is not None and not _INCIDENTAL.fullmatch(name)
        }

    def _attribute(self, name: str) -> Any | None:
        return self.definitions.attribute(self.node, name)


def _plain(value: Any) -> AttributeValue | None:
    """An AttrValue as the IR has it; None for a dtype, a shape, a tensor or a function."""
    field = value.WhichOneof("value")
    match field:
        case "i" | "b":
            return int(value.i or value.b)
        case "f":
            return float(value.f)
        case "s":
            return str(value.s.decode(errors="replace"))
        case "list":
            numbers: tuple[int, ...] = tuple(map(int, (*value.list.i, *value.list.b)))
            texts: tuple[str, ...] = tuple(t.decode(errors="replace") for t in value.list.s)
            return numbers or tuple(map(float, value.list.f)) or texts or None
        case _:
            return None


def _compute_dtype(inputs: list[Tensor], outputs: tuple[Tensor, ...]) -> DType | None:
    """What is computed in: the dtype of the first floating input, else of the first output."""
    for tensor in inputs:
        if tensor.dtype is not None and tensor.dtype.is_floating:
            return tensor.dtype
    return outputs[0].dtype if outputs else None
