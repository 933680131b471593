"""From a file to its graph: one walk over the nodes in topological order."""

from collections.abc import Iterable, Mapping, Sequence

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
from costdb_onnx.model.control_flow import run
from costdb_onnx.model.expansion import expand
from costdb_onnx.model.facts import UNKNOWN, Fact, completed
from costdb_onnx.model.graph_inputs import bind_inputs, substituted
from costdb_onnx.model.inference import infer
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
    region = expand(parse(source), source)
    bound = bind_inputs(region.inputs, binding)
    outputs = chosen_outputs(region, binding.outputs)
    walk = _Walk(bound.dimensions, binding.trips)
    layers = walk.layers(region, outputs, bound.facts.values(), lenient=False)
    walk.check_trips()
    return assemble(
        layers,
        inputs=walk.tensors(region.inputs),
        outputs=walk.tensors(outputs),
        file_format="onnx",
        framework="onnx",
        notes=(*bound.notes, *walk.notes),
    )


class _Walk:
    """Goes through the steps of a model and its bodies, and remembers what is known."""

    def __init__(self, dimensions: Mapping[str, int], trips: Mapping[str, int]) -> None:
        self._dimensions = dimensions
        self._trips = trips
        self._loops: set[str] = set()
        self.notes: list[str] = []
        self._bodies = 0
        self._facts: dict[str, Fact] = {}
        self._roles: dict[str, Role] = {}

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
        self._facts.update(region.stored)
        self._roles.update(dict.fromkeys(region.stored, Role.STORED))
        self._roles.update(dict.fromkeys(region.inputs, Role.INPUT))
        for (name, declared), fact in zip(region.inputs.items(), inputs, strict=True):
            self._facts[name] = self._as_declared(fact, declared)
        order = needed_steps(region, outputs)
        computed = {name for position in order for name in region.steps[position].node.output}
        self._roles.update((name, Role.OUTPUT) for name in outputs if name in computed)
        layers = {position: self._layer(region, position, lenient=lenient) for position in order}
        return [layers[position] for position in sorted(order)]

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
        inputs = [self.fact(name) if name else None for name in step.node.input]
        bodies: tuple[Body, ...] = ()
        if step.bodies:
            result = run(step, inputs, self, lenient=lenient)
            bodies, outputs = result.bodies, result.outputs
        else:
            outputs = infer(step, inputs, lenient=lenient)
        for name, fact in zip(step.node.output, outputs, strict=False):
            self._facts[name] = self._as_declared(fact, region.declared.get(name))
        free = {name for body in step.bodies.values() for name in body.free_names()}
        captured = (
            tensor for body in bodies for tensor in body.graph.tensors() if tensor.name in free
        )
        return lower(
            step,
            inputs,
            [self._tensor(name) if name else None for name in step.node.input],
            self.tensors(filter(None, step.node.output)),
            bodies=bodies,
            captures=tuple({tensor.name: tensor for tensor in captured}.values()),
        )

    def _as_declared(self, fact: Fact, declared: TypeProto | None) -> Fact:
        """What is known, completed by what the file declares."""
        if declared is None or fact.is_known:
            return fact
        return completed(fact, substituted(declared, self._dimensions))

    def _tensor(self, name: str) -> Tensor:
        fact = self.fact(name)
        return Tensor(
            name,
            fact.shape,
            fact.dtype,
            self._roles.get(name, Role.ACTIVATION),
            is_upper_bound=bool(fact.bounded_axes),
        )
