"""A graph of a program while it is lowered."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from costdb.plugins import BrokenArtifact, Layer, Role, Tensor
from costdb_torch.program import Argument, ProgramGraph, TensorReference


@dataclass(slots=True)
class Frame:
    """A graph, what its names stand for, and what has been lowered of it.

    Attributes:
        graph: What is lowered.
        tensors: Name in the graph -> the tensor that it stands for now.
        names: Name in the graph -> the name and role that its tensor is to have, where they are
            not the usual ones.
        prefix: Stands in front of all other names.
        scope: The module path of layers that name none.
        wholes: Name of a view -> name of the tensor that it is a part of.
        layers: What has been lowered.
    """

    graph: ProgramGraph
    tensors: dict[str, Tensor]
    names: Mapping[str, tuple[str, Role]] = field(default_factory=dict)
    prefix: str = ""
    scope: str = ""
    wholes: dict[str, str] = field(default_factory=dict)
    layers: list[Layer] = field(default_factory=list)

    def tensor(self, name: str, reader: str) -> Tensor:
        """What a name stands for. Raises BrokenArtifact if nothing gives it."""
        try:
            return self.tensors[name]
        except KeyError:
            raise BrokenArtifact(
                f"{reader} reads {name!r}, which nothing produces", hint="export the model again"
            ) from None

    def final_name(self, name: str) -> tuple[str, Role]:
        """The name and role of a tensor that the graph calls so."""
        return self.names.get(name, (self.prefix + name, Role.ACTIVATION))

    def outputs(self) -> tuple[Tensor, ...]:
        """The tensors that the graph hands back."""
        return tuple(self.tensor(name, "the output") for name in names_in(self.graph.outputs))


def names_in(arguments: Iterable[Argument]) -> Iterator[str]:
    """The name of every tensor among arguments, those in lists included."""
    for argument in arguments:
        if isinstance(argument, TensorReference):
            yield argument.name
        elif isinstance(argument, tuple):
            yield from names_in(argument)


def source_op(target: str) -> str:
    """What the file calls an operator: "aten.conv2d.default"."""
    return target.removeprefix("torch.ops.")
