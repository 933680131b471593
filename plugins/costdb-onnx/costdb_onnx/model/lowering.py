"""From a node and what is known of its values to a layer."""

from collections.abc import Mapping, Sequence

from costdb.plugins import AttributeValue, Body, DType, Layer, Tensor
from costdb_onnx.model.region import Step

# Operators of integers that carry floating scales among their inputs.
_INTEGER_PREFIX = "QLinear"
_INTEGER_OPS = frozenset({"ConvInteger", "MatMulInteger", "MatMulInteger16", "QAttention"}) | {
    "DynamicQuantizeMatMul",
    "MatMulIntegerToFloat",
    "MulInteger",
    "QGemm",
    "ReduceSumInteger",
}


def lower(
    step: Step,
    inputs: Sequence[Tensor | None],
    outputs: Sequence[Tensor],
    attributes: Mapping[str, AttributeValue],
    *,
    bodies: tuple[Body, ...] = (),
    captures: tuple[Tensor, ...] = (),
) -> Layer:
    """The layer of a node.

    Args:
        step: The node.
        inputs: Its inputs; None for an absent one.
        outputs: Its outputs, absent ones left out.
        attributes: As rules read them.
        bodies: What runs inside it.
        captures: What the bodies read from outside.
    """
    given = list(inputs)
    while given and given[-1] is None:
        given.pop()
    return Layer(
        name=step.name,
        op=step.op,
        inputs=tuple(given),
        outputs=tuple(outputs),
        domain=step.domain,
        scope=step.scope,
        attributes=attributes,
        compute_dtype=_compute_dtype(step, given, outputs),
        source_op=step.op,
        bodies=bodies,
        captures=captures,
    )


def _compute_dtype(
    step: Step, inputs: Sequence[Tensor | None], outputs: Sequence[Tensor]
) -> DType | None:
    """The first integer input's type of an operator of integers, else the first floating one's."""
    dtypes = [tensor.dtype for tensor in inputs if tensor is not None and tensor.dtype is not None]
    is_integer = step.op.startswith(_INTEGER_PREFIX) or step.op in _INTEGER_OPS
    matching = (dtype for dtype in dtypes if dtype.is_floating is not is_integer)
    return next(matching, outputs[0].dtype if outputs else None)
