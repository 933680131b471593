"""An ATen program: what `.pt2` archives hold, what a recorded TorchScript run yields.

Programs say for every value what it is, and for every call which overload of which operator it
is and what its arguments are called. `lowering` turns them into the layer IR.
"""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from costdb.plugins import BrokenArtifact, DType, Role, Shape, Tensor

# A size: a number, or a readable expression over symbols (see `expressions`).
Size = int | str


@dataclass(frozen=True, slots=True)
class TensorMeta:
    """What a program knows of a tensor.

    Attributes:
        sizes: Numbers or expressions.
        dtype: None for a type that the IR has no name for.
    """

    sizes: tuple[Size, ...]
    dtype: DType | None


@dataclass(frozen=True, slots=True)
class TensorReference:
    """A tensor, by its name in the graph."""

    name: str


@dataclass(frozen=True, slots=True)
class SymbolReference:
    """A number that is computed at run time, by its name in the graph."""

    name: str


Argument: TypeAlias = (
    "bool | int | float | str | DType | TensorReference | SymbolReference | ProgramGraph"
    " | tuple[Argument, ...] | None"
)


@dataclass(frozen=True, slots=True)
class Node:
    """One call.

    Attributes:
        name: Its name in the graph.
        target: What is called, such as "torch.ops.aten.conv2d.default".
        arguments: Argument name -> value; those of a higher-order operator have numbers for names.
        outputs: One for each result.
        scope: The path of the innermost module, "/"-separated.
        module: The class of that module, as the file has it.
    """

    name: str
    target: str
    arguments: Mapping[str, Argument]
    outputs: tuple[Argument, ...]
    scope: str = ""
    module: str = ""


@dataclass(frozen=True, slots=True)
class ProgramGraph:
    """Calls in the order of execution.

    Attributes:
        inputs: Tensors and numbers that are handed in.
        outputs: What is handed back.
        nodes: The calls.
        tensors: Tensor name -> what is known of it.
        symbols: Name of a number that is computed at run time -> its value as an expression.
    """

    inputs: tuple[Argument, ...]
    outputs: tuple[Argument, ...]
    nodes: tuple[Node, ...]
    tensors: Mapping[str, TensorMeta]
    symbols: Mapping[str, Size] = field(default_factory=dict)

    def meta(self, name: str) -> TensorMeta:
        """What is known of a tensor. Raises BrokenArtifact where nothing is."""
        try:
            return self.tensors[name]
        except KeyError:
            raise BrokenArtifact(
                f"the program says nothing of tensor {name!r}", hint="export the model again"
            ) from None


@dataclass(frozen=True, slots=True)
class StoredInput:
    """A graph input that the file's weights fill.

    Attributes:
        key: The weight's name in the state dict, such as "conv1.weight".
        role: PARAMETER, BUFFER or CONSTANT.
    """

    key: str
    role: Role


@dataclass(frozen=True, slots=True)
class Range:
    """The values that a symbol may take, both included; None where there is no limit."""

    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class Program:
    """A graph, and which of its inputs and outputs are a caller's.

    Attributes:
        graph: All calls.
        stored: Name of a graph input -> what fills it.
        user_inputs: What a caller hands in.
        outputs: Names of the tensors that a caller gets.
        ranges: Symbol -> the values it may take.
    """

    graph: ProgramGraph
    stored: Mapping[str, StoredInput]
    user_inputs: tuple[TensorReference | SymbolReference, ...]
    outputs: tuple[str, ...]
    ranges: Mapping[str, Range] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """A tensor of a state dict, without its data.

    Attributes:
        key: Its name in the state dict.
        shape: Its sizes.
        dtype: None for a type that the IR has no name for.
        role: PARAMETER, BUFFER or CONSTANT.
        location: Where its data lie: storage, offset, sizes and strides. Two names with one
            location are one tensor, tied. By default nothing else lies there.
        name: What the IR calls it; by default as the state dict does.
    """

    key: str
    shape: Shape
    dtype: DType | None
    role: Role
    location: Hashable = None
    name: str = ""

    def __post_init__(self) -> None:
        if self.location is None:
            object.__setattr__(self, "location", ("only", self.key))

    def tensor(self) -> Tensor:
        """It as the IR has it."""
        return Tensor(self.name or self.key, self.shape, self.dtype, self.role)
