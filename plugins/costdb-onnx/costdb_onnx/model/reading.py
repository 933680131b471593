"""From a file to its graph: one walk over the nodes in topological order."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from onnx import TypeProto

from costdb.plugins import (
    Binding,
    BindingError,
    Body,
    BrokenArtifact,
    Graph,
    Layer,
    Role,
    Source,
    Tensor,
    assemble,
    nearest,
)
from costdb_onnx.model.attributes import layer_attributes
from costdb_onnx.model.control_flow import run
from costdb_onnx.model.expansion import expand
from costdb_onnx.model.facts import UNKNOWN, Fact, completed
from costdb_onnx.model.graph_inputs import bind_inputs, substituted
from costdb_onnx.model.kinds import Kinds
from costdb_onnx.model.lowering import lower
from costdb_onnx.model.ordering import needed_steps
from costdb_onnx.model.outputs import chosen_outputs
from costdb_onnx.model.parsing import parse
from costdb_onnx.model.region import Region

# A loop's body is walked again where what it carries changes its shape, and so are the loops in it:
# a file that nests many doubles the work with each.
MAX_BODY_WALKS = 20_000


def read_graph(source: Source, binding: Binding) -> Graph:
    """The graph of an ONNX file at the sizes that a binding gives it.

    Raises:
        BrokenArtifact: The file is cut off, malformed or contradicts itself.
        BindingError: An open size has no value, or a binding does not fit the model.
        ArtifactUnreadable: The file cannot be read.
    """
    walked = _walked(source, binding)
    return assemble(
        walked.layers,
        inputs=walked.inputs,
        outputs=walked.outputs,
        file_format="onnx",
        framework="onnx",
        notes=walked.notes,
    )


@dataclass(frozen=True, slots=True)
class _Walked:
    """What a walk leaves; the model itself is let go before the graph is assembled."""

    layers: list[Layer]
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    notes: tuple[str, ...]


def _walked(source: Source, binding: Binding) -> _Walked:
    region = expand(parse(source), source)
    bound = bind_inputs(region.inputs, binding)
    outputs = chosen_outputs(region, binding.outputs)
    walk = _Walk(bound.dimensions, binding.trips)
    layers = walk.layers(region, outputs, bound.facts.values(), lenient=False)
    walk.check_trips()
    return _Walked(
        layers,
        walk.tensors(region.inputs),
        walk.tensors(outputs),
        (*bound.notes, *walk.notes),
    )


class _Walk:
    """Goes through the steps of a model and its bodies, and remembers what is known."""

    def __init__(self, dimensions: Mapping[str, int], trips: Mapping[str, int]) -> None:
        self._dimensions = dimensions
        self._trips = trips
        self._loops: set[str] = set()
        self.notes: list[str] = []
        self._bodies = 0
        self._kinds = Kinds()
        self._facts: dict[str, Fact] = {}
        self._roles: dict[str, Role] = {}
        self._tensors: dict[str, Tensor] = {}

    def layers(
        self, region: Region, outputs: Sequence[str], inputs: Iterable[Fact], *, lenient: bool
    ) -> list[Layer]:
        """The layers that the outputs need, in the file's order.

        Args:
            region: The graph.
            outputs: What is asked of it.
            inputs: What is known of its inputs, in their order.
            lenient: Whether nodes that do not fit their inputs are let pass.
        """
        for name, fact in region.stored.items():
            self._learn(name, fact)
        self._roles.update(dict.fromkeys(region.stored, Role.STORED))
        self._roles.update(dict.fromkeys(region.inputs, Role.INPUT))
        for (name, declared), fact in zip(region.inputs.items(), inputs, strict=True):
            self._learn(name, self._as_declared(fact, declared))
        order = needed_steps(region, outputs)
        asked = set(outputs)
        for position in order:
            computed = asked.intersection(region.steps[position].outputs)
            self._roles.update(dict.fromkeys(computed, Role.OUTPUT))
        layers = [self._layer(region, position, lenient=lenient) for position in order]
        in_file_order = sorted(range(len(order)), key=order.__getitem__)
        return [layers[rank] for rank in in_file_order]

    def body(self, region: Region, inputs: Sequence[Fact], *, lenient: bool) -> Graph:
        """The graph of a body, given what is fed to it. Raises BrokenArtifact."""
        self._bodies += 1
        if self._bodies > MAX_BODY_WALKS:
            raise BrokenArtifact(
                "the model's loops nest so deep that their shapes cannot be followed",
                hint="unroll the inner loops when you export it",
            )
        if len(inputs) != len(region.inputs):
            raise BrokenArtifact(
                f"a body takes {len(region.inputs)} inputs and is given {len(inputs)}",
                hint="export the model again",
            )
        around = self._facts.keys() & region.free_names()
        layers = self.layers(region, region.outputs, inputs, lenient=lenient)
        return assemble(
            layers,
            inputs=self.tensors(region.inputs),
            outputs=self.tensors(region.outputs),
            captured=around,
        )

    def fact(self, name: str) -> Fact:
        """What is known of a value."""
        return self._facts.get(name, UNKNOWN)

    def tensors(self, names: Iterable[str]) -> tuple[Tensor, ...]:
        """Values as the IR has them."""
        return tuple(map(self._tensor, names))

    def trip_count(self, loop: str, known: int | None) -> int | None:
        """How often a loop runs: as the file says, else as the caller bound it.

        Raises:
            BindingError: The caller's trip count contradicts the file.
        """
        self._loops.add(loop)
        bound = self._trips.get(loop)
        if known is not None and bound is not None and known != bound:
            raise BindingError(
                f"loop {loop!r} runs {known} times, not {bound}",
                hint=f"leave --trip {loop}={bound} out",
            )
        return bound if known is None else known

    def note(self, text: str) -> None:
        """Say what a reader should know, once."""
        if text not in self.notes:
            self.notes.append(text)

    def check_trips(self) -> None:
        """Raises BindingError if a trip count was bound that belongs to no loop."""
        for name in self._trips:
            if name not in self._loops:
                raise BindingError(
                    f"the model has no loop {name!r}", hint=nearest(name, self._loops, "its loops")
                )

    def _layer(self, region: Region, position: int, *, lenient: bool) -> Layer:
        step = region.steps[position]
        inputs = [self.fact(name) if name else None for name in step.inputs]
        bodies: tuple[Body, ...] = ()
        outputs: Sequence[Fact]
        if step.bodies:
            result = run(step, inputs, self, lenient=lenient)
            bodies, outputs = result.bodies, result.outputs
            attributes = layer_attributes(step, inputs)
        else:
            outputs, attributes = self._kinds.settled(step, inputs, lenient=lenient)
        for name, fact in zip(step.outputs, outputs, strict=False):
            self._learn(name, self._as_declared(fact, region.declared.get(name)))
        free = {name for body in step.bodies.values() for name in body.free_names()}
        captured = (
            tensor for body in bodies for tensor in body.graph.tensors() if tensor.name in free
        )
        return lower(
            step,
            [self._tensor(name) if name else None for name in step.inputs],
            self.tensors(filter(None, step.outputs)),
            attributes,
            bodies=bodies,
            captures=tuple({tensor.name: tensor for tensor in captured}.values()),
        )

    def _learn(self, name: str, fact: Fact) -> None:
        """Remember what is known of a value, in place of what was: a body is walked again."""
        self._facts[name] = fact
        self._tensors.pop(name, None)

    def _as_declared(self, fact: Fact, declared: TypeProto | None) -> Fact:
        """What is known, completed by what the file declares."""
        if declared is None or fact.is_known:
            return fact
        return completed(fact, substituted(declared, self._dimensions))

    def _tensor(self, name: str) -> Tensor:
        tensor = self._tensors.get(name)
        if tensor is None:
            fact = self.fact(name)
            role = self._roles.get(name, Role.ACTIVATION)
            tensor = Tensor(name, fact.shape, fact.dtype, role, bool(fact.bounded_axes))
            self._tensors[name] = tensor
        return tensor
