"""ONNX Runtime's operators that have the shape of one of ONNX's.

They are a fused, quantised or channels-last form of it, with further inputs. Their types follow
from onnx's inference for that operator.
"""

from collections.abc import Sequence

from onnx import NodeProto, TensorProto

from costdb.plugins import Shape
from costdb_onnx.model.attributes import is_channels_last
from costdb_onnx.model.facts import Fact, element_type_of, shape_of, tensor_type
from costdb_onnx.model.operands import ShapeRule, Types
from costdb_onnx.model.region import Step
from costdb_onnx.model.schema_inference import infer_types

# The opset whose operators have the attributes that ONNX Runtime's have.
_OPSETS = {"": 16}

# Attributes that decide a shape; the others, such as a fused activation, ONNX's operator lacks.
_ATTRIBUTES = frozenset(
    {"auto_pad", "axes", "ceil_mode", "dilations", "group", "keepdims", "kernel_shape", "pads"}
    | {"strides", "transA", "transB"}
)


def _like(op: str, *positions: int) -> ShapeRule:
    """The types of an operator that is shaped like `op` on its inputs at some positions."""

    def types(step: Step, inputs: Sequence[Fact | None]) -> Types:
        given = [inputs[position] if position < len(inputs) else None for position in positions]
        picked = [fact for fact in given if fact is not None]
        if not picked:
            return [None]
        is_last = is_channels_last(step)
        shapes = [fact.shape for fact in picked]
        if is_last:
            shapes[0] = _channels_first(shapes[0])
        node = NodeProto(op_type=op, input=map(str, range(len(picked))), output=["output"])
        node.attribute.extend(item for item in step.node.attribute if item.name in _ATTRIBUTES)
        facts = [Fact(tensor_type(TensorProto.FLOAT, shape)) for shape in shapes]
        (inferred,) = infer_types(node, facts, _OPSETS)
        shape = None if inferred is None else shape_of(inferred)
        element_type = element_type_of(picked[0].type)
        return [tensor_type(element_type, _channels_last(shape) if is_last else shape)]

    return types


def _channels_first(shape: Shape | None) -> Shape | None:
    return (shape[0], shape[-1], *shape[1:-1]) if shape and len(shape) > 2 else shape


def _channels_last(shape: Shape | None) -> Shape | None:
    return (shape[0], *shape[2:], shape[1]) if shape and len(shape) > 2 else shape


LOOKALIKES: dict[str, ShapeRule] = {
    "FusedConv": _like("Conv", 0, 1, 2),
    "FusedGemm": _like("Gemm", 0, 1, 2),
    "NhwcConv": _like("Conv", 0, 1, 2),
    "NhwcFusedConv": _like("Conv", 0, 1, 2),
    "NhwcMaxPool": _like("MaxPool", 0),
    "QLinearAdd": _like("Add", 0, 3),
    "QLinearAveragePool": _like("AveragePool", 0),
    "QLinearConv": _like("Conv", 0, 3),
    "QLinearGlobalAveragePool": _like("GlobalAveragePool", 0),
    "QLinearMul": _like("Mul", 0, 3),
    "QLinearReduceMean": _like("ReduceMean", 0),
}
