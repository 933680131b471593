"""Runs one node with onnx's reference implementation; imported where a node is to be run."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from costdb_onnx.model.facts import Fact, element_type_of, may_decide_shapes
from costdb_onnx.model.region import Step

_Array = npt.NDArray[Any]


def run(
    step: Step, constants: dict[str, TensorProto], outputs: Sequence[Fact]
) -> list[TensorProto] | None:
    """The outputs' data; None where they are not what inference says, or cannot be computed.

    Args:
        step: The node.
        constants: Input -> its data.
        outputs: What is known of its outputs' types.
    """
    arrays: dict[str, _Array] = {}
    for name, constant in constants.items():
        array = numpy_helper.to_array(constant)
        # Some exporters feed Range with one-element vectors.
        arrays[name] = array.reshape(()) if step.op == "Range" and array.size == 1 else array
    results = _results(step, arrays)
    if results is None or len(results) != len(outputs):
        return None
    return _checked(results, outputs)


def _results(step: Step, arrays: dict[str, _Array]) -> list[_Array] | None:
    """What the reference implementation returns; None where it cannot run the node."""
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
