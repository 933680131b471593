"""Computes small constants out of small constants, with onnx's reference implementation.

Exporters write the arithmetic of shapes as nodes: Shape, Gather, Mul, Concat, Reshape. Only
operators that move and combine numbers are run, and only on tensors that are small.
"""

from collections.abc import Sequence

from onnx import TensorProto

from costdb_onnx.model.facts import Fact, element_type_of, may_decide_shapes
from costdb_onnx.model.region import Step

_ARITHMETIC = frozenset(
    {"Abs", "Add", "Ceil", "Clip", "Div", "Floor", "Max", "Mean", "Min", "Mod", "Mul", "Neg"}
    | {"Pow", "Reciprocal", "Relu", "Round", "Sign", "Sqrt", "Sub", "Sum", "CumSum", "Range"}
    | {"ReduceMax", "ReduceMean", "ReduceMin", "ReduceProd", "ReduceSum", "ArgMax", "ArgMin"}
)

_LOGIC = frozenset(
    {"And", "Equal", "Greater", "GreaterOrEqual", "IsInf", "IsNaN", "Less", "LessOrEqual", "Not"}
    | {"Or", "Where", "Xor", "BitShift", "BitwiseAnd", "BitwiseNot", "BitwiseOr", "BitwiseXor"}
)

_LAYOUT = frozenset(
    {"Cast", "CastLike", "Concat", "ConstantOfShape", "Expand", "Flatten", "Gather"}
    | {"GatherElements", "GatherND", "Identity", "OneHot", "Pad", "Reshape", "ScatterElements"}
    | {"ScatterND", "Slice", "Split", "Squeeze", "Tile", "TopK", "Transpose", "Trilu", "Unsqueeze"}
)

# Operators whose output has a size that their input's data decide.
_SELECTION = frozenset({"Compress", "NonZero", "Unique"})

EVALUATED = _ARITHMETIC | _LOGIC | _LAYOUT | _SELECTION


def evaluate(
    step: Step, inputs: Sequence[Fact | None], outputs: Sequence[Fact]
) -> list[TensorProto] | None:
    """The outputs' data; None where they are not computed.

    Args:
        step: The node.
        inputs: What is known of its inputs; None for an absent one.
        outputs: What is known of its outputs' types.
    """
    if step.domain or step.op not in EVALUATED:
        return None
    if not all(may_decide_shapes(element_type_of(fact.type), fact.shape) for fact in outputs):
        return None
    constants: dict[str, TensorProto] = {}
    for name, fact in zip(step.inputs, inputs, strict=True):
        if fact is None:
            continue
        if fact.constant is None:
            return None
        constants[name] = fact.constant
    # Importing it takes longer than reading most models, and few need it.
    from costdb_onnx.model import reference  # noqa: PLC0415

    return reference.run(step, constants, outputs)
