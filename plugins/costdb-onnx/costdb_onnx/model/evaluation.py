"""Computes small constants out of small constants, with onnx's reference implementation.

Exporters write the arithmetic of shapes as nodes: Shape, Gather, Mul, Concat, Reshape. Only
operators that move and combine numbers are run, and only on tensors that are small.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper

from costdb_onnx.model.facts import Fact, element_type_of, may_decide_shapes
from costdb_onnx.model.region import Step

_Array = npt.NDArray[Any]

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
    arrays: dict[str, _Array] = {}
    for name, fact in zip(step.inputs, inputs, strict=True):
        if fact is None:
            continue
        if fact.constant is None:
            return None
        array = numpy_helper.to_array(fact.constant)
        # Some exporters feed Range with one-element vectors.
        arrays[name] = array.reshape(()) if step.op == "Range" and array.size == 1 else array
    results = _run(step, arrays)
    if results is None or len(results) != len(outputs):
        return None
    return _checked(results, outputs)


def _run(step: Step, arrays: dict[str, _Array]) -> list[_Array] | None:
    """What the reference implementation returns; None where it cannot run the node."""
    # Importing it takes half as long as onnx itself, and few models need it.
    from onnx.reference import ReferenceEvaluator  # noqa: PLC0415

    node = NodeProto()
    node.CopyFrom(step.node)
    node.domain = ""
    outputs = [name for name in step.outputs if name]
    function = helper.make_function(
        "costdb", step.op, list(arrays), outputs, [node], [helper.make_opsetid("", step.opset)]
    )
    try:
        with np.errstate(all="ignore"):
            return list(ReferenceEvaluator(function).run(None, arrays, attributes={}))
    except Exception:  # noqa: BLE001 - it raises anything; the value then stays unknown
        return None


def _checked(results: Sequence[object], outputs: Sequence[Fact]) -> list[TensorProto] | None:
    """The results as tensors, if they are of the types that were inferred."""
    tensors = []
    for result, output in zip(results, outputs, strict=True):
        element_type = element_type_of(output.type)
        if not isinstance(result, np.ndarray | np.generic):
            return None
        if result.dtype != helper.tensor_dtype_to_np_dtype(element_type):
            return None
        if not may_decide_shapes(element_type, result.shape):
            return None
        tensors.append(numpy_helper.from_array(np.asarray(result)))
    return tensors
