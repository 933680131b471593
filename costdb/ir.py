"""The layer IR: what a loader hands over and the cost engine counts.

A `Graph` is a sequence of `Layer`s in topological order over `Tensor`s. Operators and attributes
carry ONNX's names; what ONNX lacks keeps a domain of its own (`tf`, `aten`). Layout is of no
concern to a rule: it reads sizes, and a layer states an axis where one matters.
"""

import heapq
import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from itertools import chain

from costdb.errors import BrokenArtifact

Shape = tuple[int | None, ...]
AttributeValue = int | float | str | tuple[int, ...] | tuple[float, ...] | tuple[str, ...]

# Stored tensors of at most this many elements may be read by a loader: shapes depend on them.
# Anything larger is bulk, and what a model costs does not depend on it.
SMALL_CONSTANT_ELEMENTS = 1024


class Uncountable(Exception):
    """A shape, rank, dtype or input that a rule needs is not known."""


class DType(Enum):
    """An element type; the value is its name in files and JSON."""

    FLOAT64 = "float64"
    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    FLOAT8E4M3FN = "float8e4m3fn"
    FLOAT8E4M3FNUZ = "float8e4m3fnuz"
    FLOAT8E5M2 = "float8e5m2"
    FLOAT8E5M2FNUZ = "float8e5m2fnuz"
    FLOAT8E8M0 = "float8e8m0"
    FLOAT6E2M3 = "float6e2m3"
    FLOAT6E3M2 = "float6e3m2"
    FLOAT4E2M1 = "float4e2m1"
    COMPLEX128 = "complex128"
    COMPLEX64 = "complex64"
    INT64 = "int64"
    INT32 = "int32"
    INT16 = "int16"
    INT8 = "int8"
    INT4 = "int4"
    INT2 = "int2"
    UINT64 = "uint64"
    UINT32 = "uint32"
    UINT16 = "uint16"
    UINT8 = "uint8"
    UINT4 = "uint4"
    UINT2 = "uint2"
    BOOL = "bool"
    STRING = "string"
    HANDLE = "handle"  # sequences, optionals, TensorFlow resources and variants

    @property
    def bits(self) -> int:
        """Stored bits of one element; 0 for strings and handles, whose size is not fixed."""
        return _BITS[self._value_]

    @property
    def is_floating(self) -> bool:
        """Whether arithmetic on it counts as FLOPs rather than as integer operations."""
        # Not `self.value`, which is a call: this is asked several times a layer.
        return self._value_.startswith(("float", "bfloat", "complex"))


# The first number in a type's name is its width.
_BITS = {
    dtype.value: int(bits[0]) for dtype in DType if (bits := re.search(r"\d+", dtype.value))
} | {"bool": 8, "string": 0, "handle": 0}


class Role(Enum):
    """What a tensor is for."""

    INPUT = "input"
    OUTPUT = "output"
    ACTIVATION = "activation"
    PARAMETER = "parameter"
    BUFFER = "buffer"
    CONSTANT = "constant"
    # In the file, which does not say what for; `cost.roles` settles it from the slots it fills.
    STORED = "stored"

    @property
    def is_stored(self) -> bool:
        """Whether the tensor's data comes with the file instead of being computed."""
        return self not in _COMPUTED


_COMPUTED = (Role.INPUT, Role.OUTPUT, Role.ACTIVATION)


@dataclass(frozen=True, slots=True)
class Tensor:
    """A value that layers read or write.

    Attributes:
        name: Unique within a graph and its bodies.
        shape: Sizes; None for an unknown size, and None as a whole for an unknown rank.
        dtype: None where unknown.
        role: What it is for.
        is_upper_bound: Whether the shape is the largest one that data allow (NonZero, NMS).
    """

    name: str
    shape: Shape | None
    dtype: DType | None
    role: Role = Role.ACTIVATION
    is_upper_bound: bool = False

    @property
    def rank(self) -> int:
        """The number of axes. Raises Uncountable where it is unknown."""
        if self.shape is None:
            raise Uncountable(f"the rank of {self.name!r} is unknown")
        return len(self.shape)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The shape, fully known. Raises Uncountable where it is not."""
        if self.shape is None or None in self.shape:
            raise Uncountable(f"the shape of {self.name!r} is unknown")
        return self.shape  # type: ignore[return-value] # no None is left

    def size(self, axis: int) -> int:
        """The size along an axis, negative ones from the end. Raises Uncountable if unknown."""
        if not -self.rank <= axis < self.rank:
            raise Uncountable(f"{self.name!r} has rank {self.rank} and no axis {axis}")
        size = self.shape[axis] if self.shape is not None else None
        if size is None:
            raise Uncountable(f"axis {axis} of {self.name!r} is unknown")
        return size

    @property
    def numel(self) -> int:
        """The number of elements. Raises Uncountable where it is unknown."""
        return math.prod(self.sizes)

    @property
    def nbytes(self) -> int | None:
        """Stored bytes, packed types rounded up to whole bytes; None where unknown."""
        if self.shape is None or None in self.shape or self.dtype is None:
            return None
        return (self.numel * self.dtype.bits + 7) // 8


@dataclass(frozen=True, slots=True)
class Body:
    """A graph that a control-flow layer runs.

    Attributes:
        graph: What is run.
        trip_count: How often; None where data decide.
    """

    graph: "Graph"
    trip_count: int | None = 1


@dataclass(frozen=True, slots=True)
class Layer:
    """One operator.

    Attributes:
        name: The file's name for it; shown, never compared.
        op: The operator, as ONNX names it.
        inputs: None where an optional input is absent.
        outputs: At least one; an absent optional output is left out.
        domain: "" for ONNX's own operators, else "com.microsoft", "tf", "aten", a vendor's.
        scope: The module path, "/"-separated, for roll-ups.
        attributes: As ONNX names them; tensors and graphs are left out.
        compute_dtype: What it computes in; decides between FLOPs and integer operations.
        source_op: What the file called the operator.
        source_module: What the file says of the module that it came from, such as a class name.
        bodies: The branches or the body of a control-flow operator.
        captures: What the bodies read from outside.
    """

    name: str
    op: str
    inputs: tuple[Tensor | None, ...]
    outputs: tuple[Tensor, ...]
    domain: str = ""
    scope: str = ""
    attributes: Mapping[str, AttributeValue] = field(default_factory=dict)
    compute_dtype: DType | None = None
    source_op: str = ""
    source_module: str = ""
    bodies: tuple[Body, ...] = ()
    captures: tuple[Tensor, ...] = ()

    @property
    def qualified_op(self) -> str:
        """The operator with its domain where that is not ONNX's: `Conv`, `tf:Roll`."""
        return f"{self.domain}:{self.op}" if self.domain else self.op

    def has_input(self, position: int) -> bool:
        """Whether the optional input at a position is given."""
        return position < len(self.inputs) and self.inputs[position] is not None

    def input(self, position: int) -> Tensor:
        """The input at a position. Raises Uncountable where it is absent."""
        tensor = self.inputs[position] if position < len(self.inputs) else None
        if tensor is None:
            raise Uncountable(f"{self.qualified_op} has no input {position}")
        return tensor

    @property
    def output(self) -> Tensor:
        """The first output. Raises Uncountable where there is none."""
        if not self.outputs:
            raise Uncountable(f"{self.qualified_op} has no output")
        return self.outputs[0]

    def integer(self, attribute: str, default: int) -> int:
        """An integer attribute. Raises Uncountable where it is something else."""
        value = self.attributes.get(attribute, default)
        if not isinstance(value, int):
            raise Uncountable(f"attribute {attribute!r} of {self.qualified_op} is not an integer")
        return value

    def number(self, attribute: str, default: float) -> float:
        """A numeric attribute. Raises Uncountable where it is something else."""
        value = self.attributes.get(attribute, default)
        if not isinstance(value, int | float):
            raise Uncountable(f"attribute {attribute!r} of {self.qualified_op} is not a number")
        return value

    def integers(self, attribute: str) -> tuple[int, ...]:
        """A list of integers. Raises Uncountable where it is absent or something else."""
        value = self.attributes.get(attribute)
        if not isinstance(value, tuple) or not all(isinstance(item, int) for item in value):
            raise Uncountable(f"{self.qualified_op} has no list of integers {attribute!r}")
        return tuple(int(item) for item in value)

    def string(self, attribute: str, default: str = "") -> str:
        """A text attribute. Raises Uncountable where it is something else."""
        value = self.attributes.get(attribute, default)
        if not isinstance(value, str):
            raise Uncountable(f"attribute {attribute!r} of {self.qualified_op} is not text")
        return value

    @property
    def reads(self) -> Iterator[Tensor]:
        """Every tensor that it needs: its inputs, and what its bodies take from outside."""
        return chain(filter(None, self.inputs), self.captures)


@dataclass(frozen=True, slots=True)
class Graph:
    """A model, or the body of a control-flow layer.

    Attributes:
        layers: In topological order; only what the outputs need.
        inputs: What has to be fed, in the file's order, whether or not a layer reads it.
        outputs: What is asked for. Empty for a state dict, which has no graph to cost.
        unread: Stored tensors that no layer reads but that count as the model's weights.
        file_format: Such as "onnx", "tensorflow-graphdef", "torch-export".
        framework: "onnx", "tensorflow" or "pytorch".
        notes: What a reader should know: an open batch dimension that was taken as 1.
    """

    layers: tuple[Layer, ...]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    unread: tuple[Tensor, ...] = ()
    file_format: str = ""
    framework: str = ""
    notes: tuple[str, ...] = ()

    @property
    def is_state_dict(self) -> bool:
        """Whether there are only weights, and no graph to cost."""
        return not self.outputs

    def all_layers(self) -> Iterator[Layer]:
        """Every layer, each followed by those of the bodies that it runs."""
        for layer in self.layers:
            yield layer
            for body in layer.bodies:
                yield from body.graph.all_layers()

    def tensors(self) -> Iterator[Tensor]:
        """Every tensor once, in the order of first mention; bodies are left to their layers."""
        seen: set[str] = set()
        for tensor in self._mentions():
            if tensor.name not in seen:
                seen.add(tensor.name)
                yield tensor

    def _mentions(self) -> Iterator[Tensor]:
        yield from self.inputs
        for layer in self.layers:
            yield from layer.reads
            yield from layer.outputs
        yield from self.outputs
        yield from self.unread


def assemble(
    layers: Iterable[Layer],
    *,
    inputs: Sequence[Tensor],
    outputs: Sequence[Tensor],
    unread: Sequence[Tensor] = (),
    captured: Collection[str] = (),
    file_format: str = "",
    framework: str = "",
    notes: Sequence[str] = (),
) -> Graph:
    """Build a graph from layers in any order, and check it.

    Layers that the outputs do not need are dropped. The rest is sorted topologically; where the
    order is free, the given one stays.

    Args:
        layers: In the file's order.
        inputs: What has to be fed.
        outputs: What is asked for.
        unread: Stored tensors that count although no layer reads them.
        captured: Names that a body may take from the graph around it.
        file_format: See `Graph`.
        framework: See `Graph`.
        notes: See `Graph`.

    Returns:
        The pruned, sorted graph.

    Raises:
        BrokenArtifact: A tensor is produced twice or by a layer and an input, is read but never
            produced, or depends on itself.
    """
    candidates = tuple(layers)
    input_names = {tensor.name for tensor in inputs}
    producer: dict[str, int] = {}
    for position, layer in enumerate(candidates):
        for tensor in layer.outputs:
            if tensor.name in producer or tensor.name in input_names:
                raise BrokenArtifact(
                    f"tensor {tensor.name!r} is produced twice, again by layer {layer.name!r}",
                    hint="export the model again",
                )
            producer[tensor.name] = position
    dependencies = _dependencies(candidates, outputs, producer, input_names.union(captured))
    order = _topological_order(candidates, dependencies)
    return Graph(
        layers=tuple(candidates[position] for position in order),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        unread=tuple(unread),
        file_format=file_format,
        framework=framework,
        notes=tuple(notes),
    )


def _dependencies(
    layers: Sequence[Layer],
    outputs: Sequence[Tensor],
    producer: Mapping[str, int],
    given: Collection[str],
) -> dict[int, tuple[int, ...]]:
    """Positions of the layers that the outputs depend on, with those that each depends on."""
    dependencies: dict[int, tuple[int, ...]] = {}

    def sources(reads: Iterable[Tensor], reader: str) -> tuple[int, ...]:
        positions = set()
        for tensor in reads:
            position = producer.get(tensor.name)
            if position is not None:
                positions.add(position)
            elif tensor.name not in given and not tensor.role.is_stored:
                raise BrokenArtifact(
                    f"nothing produces {tensor.name!r}, which {reader}",
                    hint="export the model again",
                )
        return tuple(positions)

    waiting = list(sources(outputs, "is an output"))
    while waiting:
        position = waiting.pop()
        if position not in dependencies:
            layer = layers[position]
            dependencies[position] = sources(layer.reads, f"layer {layer.name!r} reads")
            waiting.extend(dependencies[position])
    return dependencies


def _topological_order(
    layers: Sequence[Layer], dependencies: Mapping[int, Sequence[int]]
) -> list[int]:
    """Sort by dependency; the smallest position first where the order is free."""
    if all(max(sources, default=-1) < position for position, sources in dependencies.items()):
        return sorted(dependencies)
    waiting_for = {position: len(sources) for position, sources in dependencies.items()}
    readers: dict[int, list[int]] = {}
    for position, sources in dependencies.items():
        for source in sources:
            readers.setdefault(source, []).append(position)
    ready = [position for position, count in waiting_for.items() if count == 0]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        position = heapq.heappop(ready)
        order.append(position)
        for reader in readers.get(position, ()):
            waiting_for[reader] -= 1
            if waiting_for[reader] == 0:
                heapq.heappush(ready, reader)
    if len(order) != len(waiting_for):
        stuck = min(position for position, count in waiting_for.items() if count > 0)
        raise BrokenArtifact(
            f"layer {layers[stuck].name!r} depends on its own output",
            hint="export the model again",
        )
    return order
