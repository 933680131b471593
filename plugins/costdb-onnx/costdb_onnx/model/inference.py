"""What is known of a node's outputs, from what is known of its inputs.

One pass in topological order settles everything: each node's types come from onnx's inference
with the values of small constants at hand, and a node whose inputs are small constants is
computed, so that the next one finds its value. The sizes of a known tensor are a constant too.
"""

import math
from collections.abc import Sequence
from contextlib import suppress

from onnx import TensorProto, TypeProto

from costdb.plugins import BrokenArtifact, Shape, format_shape
from costdb_onnx.model.attributes import attribute_values
from costdb_onnx.model.consistency import contradiction
from costdb_onnx.model.evaluation import evaluate
from costdb_onnx.model.facts import (
    LARGEST_SIZE,
    UNKNOWN,
    Fact,
    element_type_of,
    shape_of,
    tensor_type,
)
from costdb_onnx.model.first_forms import first_form
from costdb_onnx.model.numbers import constant
from costdb_onnx.model.region import Step
from costdb_onnx.model.schema_inference import CannotInfer, infer_types
from costdb_onnx.model.shape_rules import SHAPE_RULES
from costdb_onnx.model.upper_bounds import largest_shapes


class DoesNotFit(BrokenArtifact):
    """A node cannot run on inputs of the sizes that it is given."""


def infer(step: Step, inputs: Sequence[Fact | None], *, lenient: bool) -> list[Fact]:
    """What is known of each output, by position.

    Args:
        step: A node without bodies.
        inputs: What is known of its inputs; None for an absent one.
        lenient: Whether a node that does not fit its inputs is let pass, because it may never run.

    Raises:
        DoesNotFit: The node cannot run on these inputs.
    """
    try:
        outputs = _outputs(step, inputs)
        wrong = contradiction(step, inputs, outputs)
    except CannotInfer as error:
        outputs, wrong = [UNKNOWN] * len(step.outputs), str(error)
    if wrong is None:
        return _with_constants(step, inputs, outputs)
    certain = all(fact is None or (fact.is_known and not fact.is_bounded) for fact in inputs)
    if lenient or not certain:
        return [UNKNOWN] * len(step.outputs)
    shapes = ", ".join(format_shape(fact.shape or ()) for fact in inputs if fact)
    raise DoesNotFit(
        f"layer {step.name!r} ({step.op}) does not fit its inputs {shapes}: {wrong}",
        hint="bind other sizes with --input or --dim, or export the model again",
    )


def _outputs(step: Step, inputs: Sequence[Fact | None]) -> list[Fact]:
    """Types of the outputs. What is known only through upper bounds is marked as such."""
    exact = _types(step, [fact and fact.withheld() for fact in inputs])
    largest: list[TypeProto | None] = exact
    if any(fact and fact.is_bounded for fact in inputs):
        # Sizes that are bounds need not fit one another.
        with suppress(CannotInfer):
            largest = _types(step, inputs)
    limits = largest_shapes(step, inputs)
    limits += [None] * (len(exact) - len(limits))
    return [
        _bounded(certain, possible, limit)
        for certain, possible, limit in zip(exact, largest, limits, strict=False)
    ]


def _bounded(exact: TypeProto | None, largest: TypeProto | None, limit: Shape | None) -> Fact:
    """The largest sizes, marked where the exact ones are not known."""
    known = None if exact is None else shape_of(exact)
    if known is not None and None not in known:
        return Fact(exact)
    shape = None if largest is None else shape_of(largest)
    if shape is None:
        shape = limit
    if shape is None:
        return Fact(exact or largest)
    if limit is None or len(limit) != len(shape):
        limit = shape
    sizes = [most if size is None else size for size, most in zip(shape, limit, strict=True)]
    marked = frozenset(
        axis
        for axis, size in enumerate(sizes)
        if size is not None and (known is None or known[axis] is None)
    )
    return Fact(tensor_type(element_type_of(exact or largest), sizes), bounded_axes=marked)


def _types(step: Step, inputs: Sequence[Fact | None]) -> list[TypeProto | None]:
    """Types of the outputs by position. Raises CannotInfer."""
    rule = SHAPE_RULES.get((step.domain, step.op)) or first_form(step)
    if rule is None:
        return infer_types(step.node, inputs, step.opsets)
    types = rule(step, inputs)
    return types + [None] * (len(step.outputs) - len(types))


def _with_constants(step: Step, inputs: Sequence[Fact | None], outputs: list[Fact]) -> list[Fact]:
    """The outputs, with their values where those are small and follow from constants."""
    if not step.domain and step.op in {"Shape", "Size"} and inputs and inputs[0] and outputs:
        return [_sizes(step, inputs[0], outputs[0])]
    named = [position for position, name in enumerate(step.outputs) if name]
    computed = evaluate(step, inputs, [outputs[position] for position in named])
    if computed is None:
        return outputs
    bounded = any(fact and fact.is_bounded_constant for fact in inputs)
    for position, data in zip(named, computed, strict=True):
        outputs[position] = Fact(
            tensor_type(data.data_type, data.dims),
            data,
            outputs[position].bounded_axes if bounded else frozenset(),
            is_bounded_constant=bounded,
        )
    return outputs


def _sizes(step: Step, data: Fact, output: Fact) -> Fact:
    """The output of Shape or Size."""
    if data.shape is None or not data.is_known:
        return output
    axes = range(len(data.shape))
    if step.op == "Shape":
        values = attribute_values(step.node)
        start, end = values.get("start", 0), values.get("end", len(data.shape))
        if isinstance(start, int) and isinstance(end, int):
            axes = axes[start:end]
    sizes = [data.shape[axis] or 0 for axis in axes]
    dims = [len(sizes)]
    if step.op == "Size":
        dims, sizes = [], [min(math.prod(sizes), LARGEST_SIZE)]
    return Fact(
        tensor_type(TensorProto.INT64, dims),
        constant(TensorProto.INT64, dims, sizes),
        is_bounded_constant=any(axis in data.bounded_axes for axis in axes),
    )
