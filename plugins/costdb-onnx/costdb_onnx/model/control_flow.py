"""What runs inside a node, how often, and what is known of the node's outputs.

Definitions: https://onnx.ai/onnx/operators/onnx__If.html, onnx__Loop.html, onnx__Scan.html,
onnx__SequenceMap.html and onnx_preview_FlexAttention.html.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from onnx import TensorProto, TypeProto

from costdb.plugins import Body, BrokenArtifact, Graph
from costdb_onnx.model.attributes import attribute_values
from costdb_onnx.model.facts import UNKNOWN, Fact, element_type_of, tensor_type
from costdb_onnx.model.inference import DoesNotFit, infer
from costdb_onnx.model.numbers import constant
from costdb_onnx.model.region import Region, Step

# A value that a loop carries may change its shape from run to run. The sizes that do are found by
# walking the body again; each walk leaves fewer of them, so a few always do.
_MAX_WALKS = 8


@dataclass(frozen=True, slots=True)
class Run:
    """What control flow amounts to.

    Attributes:
        bodies: What is run.
        outputs: What is known of the node's outputs, by position.
    """

    bodies: tuple[Body, ...]
    outputs: list[Fact]


class BodyWalk(Protocol):
    """The walk that a body is handed back to."""

    def body(self, region: Region, inputs: Sequence[Fact], *, lenient: bool) -> Graph:
        """The body's graph, given what is fed to it."""

    def fact(self, name: str) -> Fact:
        """What is known of a value."""

    def trip_count(self, loop: str, known: int | None) -> int | None:
        """How often a loop runs: as the file says, else as the caller bound it."""

    def note(self, text: str) -> None:
        """Say what a reader should know."""


def run(step: Step, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool) -> Run:
    """Walk the bodies of a node.

    Args:
        step: A node with bodies.
        inputs: What is known of its inputs; None for an absent one.
        walk: Where the bodies are handed to.
        lenient: Whether nodes that do not fit their inputs are let pass.

    Raises:
        BrokenArtifact: A body does not take what it is given.
        BindingError: A trip count was bound that contradicts the file.
    """
    if not step.domain and step.op == "If":
        return _if(step, inputs, walk, lenient=lenient)
    body = step.bodies.get("body")
    if body is not None and not step.domain:
        match step.op:
            case "Loop":
                return _Loop(step, body, inputs).run(walk, lenient=lenient)
            case "Scan":
                return _scan(step, body, inputs, walk, lenient=lenient)
            case "SequenceMap":
                return _sequence_map(step, body, inputs, walk, lenient=lenient)
            case _:
                pass
    if (step.domain, step.op) == ("ai.onnx.preview", "FlexAttention"):
        return _flexible_attention(step, inputs, walk, lenient=lenient)
    return _opaque(step, inputs, walk)


def _if(step: Step, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool) -> Run:
    """The branches that can run: the one that the condition is known to take, or those that fit."""
    taken = _truth(inputs[0] if inputs else None)
    branches = [
        step.bodies[name]
        for name, when in (("then_branch", True), ("else_branch", False))
        if name in step.bodies and taken in {None, when}
    ]
    bodies: list[Body] = []
    results: list[list[Fact]] = []
    misfit: DoesNotFit | None = None
    for region in branches:
        try:
            bodies.append(Body(walk.body(region, (), lenient=lenient)))
        except DoesNotFit as error:
            misfit = error
        else:
            results.append([walk.fact(name) for name in region.outputs])
    if misfit is not None:
        # A branch that cannot run at the sizes given is not the one that runs.
        if not bodies:
            raise misfit
        walk.note(f"layer {step.name!r}: a branch is left out, {misfit.message}")
    outputs = results[0] if results else []
    for other in results[1:]:
        outputs = [_either(one, two) for one, two in zip(outputs, other, strict=False)]
    return Run(tuple(bodies), outputs)


class _Loop:
    """Loop(M, condition, carried...): the body takes iteration, condition and what is carried."""

    def __init__(self, step: Step, body: Region, inputs: Sequence[Fact | None]) -> None:
        self._step = step
        self._body = body
        self._limit = _integer(inputs[0] if inputs else None)
        has_condition = len(inputs) > 1 and inputs[1] is not None
        self._begins = _truth(inputs[1]) if has_condition else True
        self._initial = [_type_only(fact or UNKNOWN) for fact in inputs[2:]]

    def run(self, walk: BodyWalk, *, lenient: bool) -> Run:
        """Walk the body until what it carries keeps its shape."""
        iteration = Fact(tensor_type(TensorProto.INT64, ()))
        condition = Fact(
            tensor_type(TensorProto.BOOL, ()),
            constant(TensorProto.BOOL, (), [1]) if self._begins else None,
        )
        carried = self._initial
        results = self._body.outputs
        # A body that never runs need not fit what it is given.
        lenient = lenient or self._begins is False or self._limit == 0
        graph = walk.body(self._body, (iteration, condition, *carried), lenient=lenient)
        for _ in range(_MAX_WALKS):
            after = [walk.fact(name) for name in results[1 : 1 + len(carried)]]
            widened = [_alike(one, two) for one, two in zip(carried, after, strict=False)]
            if widened == carried[: len(widened)]:
                break
            carried = [*widened, *carried[len(widened) :]]
            graph = walk.body(self._body, (iteration, condition, *carried), lenient=lenient)
        goes_on = _truth(walk.fact(results[0])) if results else None
        trips = walk.trip_count(self._step.name, self._known_trips(goes_on=goes_on))
        collected = results[1 + len(carried) :]
        stacked = [_stacked(walk.fact(name), trips) for name in collected]
        return Run((Body(graph, trips),), [*carried, *stacked])

    def _known_trips(self, *, goes_on: bool | None) -> int | None:
        """The trip count if no data decide it."""
        if self._begins is False:
            return 0
        if self._begins is None or goes_on is None:
            return None
        return self._limit if goes_on else min(1, 1 if self._limit is None else self._limit)


def _scan(
    step: Step, body: Region, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool
) -> Run:
    """The body takes what is carried and a slice of each scanned input."""
    if step.opset == 8:
        return _batched_scan(step, body, inputs, walk, lenient=lenient)
    values = attribute_values(step.node)
    facts = [fact or UNKNOWN for fact in inputs]
    carried, scanned = _split_scan(step, facts)
    axes = _axes(values.get("scan_input_axes"), len(scanned))
    sliced = [_slice(fact, axis) for fact, axis in zip(scanned, axes, strict=True)]
    graph = walk.body(body, [*map(_type_only, carried), *sliced], lenient=lenient)
    sizes = [_size(fact, axis) for fact, axis in zip(scanned, axes, strict=True)]
    trips = walk.trip_count(step.name, next((n for n in sizes if n is not None), None))
    results = [walk.fact(name) for name in body.outputs]
    axes = _axes(values.get("scan_output_axes"), len(results) - len(carried))
    stacked = [
        _stacked(fact, trips, axis)
        for fact, axis in zip(results[len(carried) :], axes, strict=True)
    ]
    return Run((Body(graph, trips),), [*map(_type_only, results[: len(carried)]), *stacked])


def _batched_scan(
    step: Step, body: Region, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool
) -> Run:
    """Scan of opset 8: an optional first input of lengths, and a batch axis before everything."""
    facts = [fact or UNKNOWN for fact in inputs[1:]]
    carried, scanned = _split_scan(step, facts)
    sliced = [_slice(_slice(fact, 1), 0) for fact in scanned]
    graph = walk.body(body, [*(_slice(fact, 0) for fact in carried), *sliced], lenient=lenient)
    batch, length = (_size(scanned[0], axis) if scanned else None for axis in (0, 1))
    known = None if batch is None or length is None else batch * length
    trips = walk.trip_count(step.name, known)
    results = [walk.fact(name) for name in body.outputs]
    outputs = [_stacked(fact, batch) for fact in results[: len(carried)]]
    outputs += [_stacked(_stacked(fact, length), batch) for fact in results[len(carried) :]]
    return Run((Body(graph, trips),), outputs)


def _split_scan(step: Step, facts: list[Fact]) -> tuple[list[Fact], list[Fact]]:
    """The inputs that are carried and those that are scanned."""
    count = attribute_values(step.node).get("num_scan_inputs")
    if not isinstance(count, int) or not 0 < count <= len(facts):
        raise BrokenArtifact(
            f"layer {step.name!r} (Scan) scans {count} of its {len(facts)} inputs",
            hint="export the model again",
        )
    return facts[:-count], facts[-count:]


def _sequence_map(
    step: Step, body: Region, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool
) -> Run:
    """The body takes one element of each sequence, and tensors as they are."""
    graph = walk.body(body, [_element(fact) for fact in inputs], lenient=lenient)
    trips = walk.trip_count(step.name, None)
    outputs = []
    for name in body.outputs:
        sequence = TypeProto()
        sequence.sequence_type.elem_type.CopyFrom(walk.fact(name).type or TypeProto())
        outputs.append(Fact(sequence))
    return Run((Body(graph, trips),), outputs)


def _flexible_attention(
    step: Step, inputs: Sequence[Fact | None], walk: BodyWalk, *, lenient: bool
) -> Run:
    """Bodies take the scores or the probabilities: batch, query heads, queries, keys."""
    query, key = (fact or UNKNOWN for fact in [*inputs, None, None][:2])
    is_double = element_type_of(query.type) == TensorProto.DOUBLE
    precision = attribute_values(step.node).get("softmax_precision")
    element_type = TensorProto.DOUBLE if is_double else TensorProto.FLOAT
    scores = Fact(
        tensor_type(
            precision if isinstance(precision, int) else element_type,
            (_size(query, 0), _size(query, 1), _size(query, 2), _size(key, 2)),
        )
    )
    bodies = (walk.body(region, [scores], lenient=lenient) for region in step.bodies.values())
    return Run(tuple(map(Body, bodies)), infer(step, inputs, lenient=lenient))


def _opaque(step: Step, inputs: Sequence[Fact | None], walk: BodyWalk) -> Run:
    """Another operator: what it feeds its bodies is what they declare."""
    bodies = tuple(
        Body(
            walk.body(region, [UNKNOWN] * len(region.inputs), lenient=True),
            walk.trip_count(step.name, None),
        )
        for region in step.bodies.values()
    )
    return Run(bodies, infer(step, inputs, lenient=True))


def _truth(fact: Fact | None) -> bool | None:
    """A condition's value, if it is known for certain."""
    number = None if fact is None or fact.is_bounded else _integer(fact)
    return None if number is None else bool(number)


def _integer(fact: Fact | None) -> int | None:
    numbers = None if fact is None else fact.integers
    return max(0, numbers[0]) if numbers is not None and len(numbers) == 1 else None


def _type_only(fact: Fact) -> Fact:
    """What is known of a value that changes from run to run."""
    return Fact(fact.type, bounded_axes=fact.bounded_axes)


def _alike(one: Fact, two: Fact) -> Fact:
    """What is known of a value that is the one or the other; sizes that differ are unknown."""
    if one.shape is None or two.shape is None or len(one.shape) != len(two.shape):
        known = element_type_of(one.type) or element_type_of(two.type)
        is_same = one.type == two.type
        return _type_only(one) if is_same else Fact(tensor_type(known, None) if known else None)
    if one.shape == two.shape:
        return Fact(one.type, bounded_axes=one.bounded_axes | two.bounded_axes)
    sizes = [a if a == b else None for a, b in zip(one.shape, two.shape, strict=True)]
    return Fact(tensor_type(element_type_of(one.type), sizes))


def _either(one: Fact, two: Fact) -> Fact:
    """What is known of a value that data choose; of sizes that differ, the larger is a bound."""
    alike = _alike(one, two)
    if alike.shape is None or one.shape is None or two.shape is None or None not in alike.shape:
        return alike
    pairs = list(zip(one.shape, two.shape, strict=True))
    sizes = [None if a is None or b is None else max(a, b) for a, b in pairs]
    differ = frozenset(axis for axis, (a, b) in enumerate(pairs) if a != b and sizes[axis])
    return Fact(
        tensor_type(element_type_of(one.type), sizes),
        bounded_axes=differ | one.bounded_axes | two.bounded_axes,
    )


def _element(fact: Fact | None) -> Fact:
    if fact is None or fact.type is None:
        return UNKNOWN
    if fact.type.HasField("sequence_type"):
        return Fact(fact.type.sequence_type.elem_type)
    return _type_only(fact)


def _axes(value: object, count: int) -> list[int]:
    """Axes as an attribute gives them; the first one where it does not."""
    given = [item for item in value if isinstance(item, int)] if isinstance(value, tuple) else []
    return [*given, *[0] * count][: max(0, count)]


def _size(fact: Fact, axis: int) -> int | None:
    shape = fact.shape
    return shape[axis] if shape is not None and -len(shape) <= axis < len(shape) else None


def _slice(fact: Fact, axis: int) -> Fact:
    """One element along an axis."""
    shape = fact.shape
    if shape is None or not -len(shape) <= axis < len(shape):
        return Fact(tensor_type(element_type_of(fact.type), None))
    axis %= len(shape)
    rest = (*shape[:axis], *shape[axis + 1 :])
    bounded = frozenset(n - (n > axis) for n in fact.bounded_axes if n != axis)
    return Fact(tensor_type(element_type_of(fact.type), rest), bounded_axes=bounded)


def _stacked(fact: Fact, count: int | None, axis: int = 0) -> Fact:
    """So many elements along a new axis."""
    shape = fact.shape
    if shape is None or not -len(shape) <= axis <= len(shape):
        return Fact(tensor_type(element_type_of(fact.type), None))
    axis = axis + len(shape) + 1 if axis < 0 else axis
    sizes = (*shape[:axis], count, *shape[axis:])
    bounded = frozenset(n + (n >= axis) for n in fact.bounded_axes)
    return Fact(tensor_type(element_type_of(fact.type), sizes), bounded_axes=bounded)
