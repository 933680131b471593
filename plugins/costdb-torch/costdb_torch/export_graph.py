"""The graph of an exported program and the tensors that are stored with it."""

from collections.abc import Hashable, Sequence
from dataclasses import replace

from costdb.plugins import (
    Binding,
    BindingError,
    BrokenArtifact,
    Graph,
    Role,
    Shape,
    Tensor,
    assemble,
    nearest,
)
from costdb_torch.dimensions import Dimensions, bind_dimensions
from costdb_torch.frame import Frame
from costdb_torch.lowering import Lowering
from costdb_torch.program import Program, StoredTensor
from costdb_torch.sizes import Sizes

# What `--output` calls every value.
_EVERYTHING = "*"


def graph_of(
    program: Program,
    stored: Sequence[StoredTensor],
    binding: Binding,
    file_format: str,
    notes: Sequence[str] = (),
) -> Graph:
    """Lower a program to the IR.

    Args:
        program: The program.
        stored: The tensors that come with it, read or not, as far as the file lists them. Those
            that only the program names are added, and are tied to nothing.
        binding: What the caller says.
        file_format: See `Graph`.
        notes: What else a reader should know.

    Raises:
        BrokenArtifact: The program contradicts itself.
        BindingError: The binding does not fit the program.
    """
    dimensions = bind_dimensions(program, binding)
    lowering = Lowering(Sizes(dimensions.symbols, program.ranges), binding.trips)
    fill, weights = _weights(program, stored)
    inputs = _inputs(program, dimensions)
    frame = Frame(
        program.graph,
        tensors={**fill, **inputs},
        names={name: (name, Role.OUTPUT) for name in program.outputs},
    )
    lowering.run(frame)
    for loop in binding.trips:
        if loop not in lowering.loops:
            raise BindingError(
                f"the model has no loop {loop!r}", hint=nearest(loop, lowering.loops, "its loops")
            )
    graph = assemble(
        frame.layers,
        inputs=tuple(inputs.values()),
        outputs=_outputs(program, frame, binding),
    )
    read = {tensor.name for tensor in graph.tensors()}
    return Graph(
        layers=graph.layers,
        inputs=graph.inputs,
        outputs=graph.outputs,
        unread=tuple(tensor for tensor in weights if tensor.name not in read),
        file_format=file_format,
        framework="pytorch",
        notes=(*dimensions.notes, *notes),
    )


def distinct(stored: Sequence[StoredTensor]) -> dict[Hashable, Tensor]:
    """Location -> one tensor for all that lie there, under the first of their names."""
    tensors: dict[Hashable, Tensor] = {}
    names: dict[str, int] = {}
    for entry in stored:
        known = tensors.get(entry.location)
        if known is None:
            tensor = entry.tensor()
            # Nested keys that are joined may meet: "a.b" and "b" in "a".
            again = names[tensor.name] = names.get(tensor.name, 0) + 1
            tensors[entry.location] = (
                tensor if again == 1 else replace(tensor, name=f"{tensor.name} ({again})")
            )
        elif _PRECEDENCE.index(entry.role) < _PRECEDENCE.index(known.role):
            tensors[entry.location] = replace(known, role=entry.role)
    return tensors


# What is tied to a parameter is one.
_PRECEDENCE = (Role.PARAMETER, Role.BUFFER, Role.CONSTANT)


def _weights(
    program: Program, stored: Sequence[StoredTensor]
) -> tuple[dict[str, Tensor], list[Tensor]]:
    """Name of a graph input -> the weight that fills it; and all weights, each once."""
    roles = {entry.key: entry.role for entry in program.stored.values()}
    listed = {entry.key for entry in stored}
    named = [
        StoredTensor(entry.key, _shape(program, name), program.graph.meta(name).dtype, entry.role)
        for name, entry in program.stored.items()
        if entry.key not in listed
    ]
    entries = [
        replace(entry, role=roles.get(entry.key, entry.role), name=_free_name(program, entry.key))
        for entry in (*stored, *named)
    ]
    tensors = distinct(entries)
    locations = {entry.key: entry.location for entry in entries}
    fill = {name: tensors[locations[entry.key]] for name, entry in program.stored.items()}
    return fill, list(tensors.values())


def _shape(program: Program, name: str) -> Shape:
    sizes = program.graph.meta(name).sizes
    return tuple(size if isinstance(size, int) else None for size in sizes)


def _free_name(program: Program, key: str) -> str:
    """A weight's name, unless a value of the graph is called so."""
    return f"state_dict.{key}" if key in program.graph.tensors else key


def _inputs(program: Program, dimensions: Dimensions) -> dict[str, Tensor]:
    return {
        name: Tensor(name, shape, program.graph.meta(name).dtype, Role.INPUT)
        for name, shape in dimensions.shapes.items()
    }


def _outputs(program: Program, frame: Frame, binding: Binding) -> list[Tensor]:
    """What the caller asks for, else what the program hands back."""
    everything = _EVERYTHING in binding.outputs
    asked = [name for name in binding.outputs if name != _EVERYTHING]
    for name in asked:
        if name not in frame.tensors:
            raise BindingError(
                f"the model has no value {name!r}", hint=nearest(name, frame.tensors, "its values")
            )
    names = asked or list(program.outputs)
    outputs = {tensor.name: tensor for tensor in (frame.tensor(n, "the output") for n in names)}
    if everything:
        read = {tensor.name for layer in frame.layers for tensor in layer.reads}
        made = (tensor for layer in frame.layers for tensor in layer.outputs)
        outputs |= {tensor.name: tensor for tensor in made if tensor.name not in read}
    if not outputs:
        raise BrokenArtifact(
            "the program returns no tensor", hint="name a value: --output NAME, or --output '*'"
        )
    return list(outputs.values())
