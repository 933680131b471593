"""Types of operators in the form that opset 1 gave them, for which onnx has no inference.

Most are those of the next form once attributes have their later names. The forms are described in
https://github.com/onnx/onnx/blob/main/docs/Changelog.md.
"""

import math
from collections.abc import Callable, Sequence

from onnx import AttributeProto, NodeProto, TensorProto

from costdb_onnx.model.attributes import attribute_values
from costdb_onnx.model.facts import Fact, tensor_type
from costdb_onnx.model.numbers import constant
from costdb_onnx.model.operands import (
    Operands,
    ShapeRule,
    Types,
    as_first_input,
    integers_of,
    numbers_of,
)
from costdb_onnx.model.region import Step
from costdb_onnx.model.schema_inference import has_inference, infer_types


def first_form(step: Step) -> ShapeRule | None:
    """The rule of a node whose opset has the operator's first form; None for any other."""
    rule = None if step.domain else _FIRST_FORMS.get(step.op)
    if rule is None:
        return None
    # Tile has a function in its first form, which infers no shape.
    is_first = step.opset < 6 if step.op == "Tile" else not has_inference(step.op, step.opset)
    return rule if is_first else None


def _as_of(opset: int, renew: Callable[[NodeProto], None] = lambda _: None) -> ShapeRule:
    """As a later opset infers it, with the attributes in that opset's form."""

    def types(step: Step, inputs: Sequence[Fact | None]) -> Types:
        node = _copied(step.node)
        renew(node)
        return infer_types(node, inputs, {"": opset})

    return types


def _with_axis(node: NodeProto) -> None:
    if not any(item.name == "axis" for item in node.attribute):
        node.attribute.add(name="axis", type=AttributeProto.INT, i=1)


def _with_pads(node: NodeProto) -> None:
    for item in node.attribute:
        if item.name == "paddings":
            item.name = "pads"


def _with_scales(node: NodeProto) -> None:
    sides = {item.name: item.f for item in node.attribute}
    scales = [1.0, 1.0, sides.get("height_scale", 1.0), sides.get("width_scale", 1.0)]
    node.attribute.add(name="scales", type=AttributeProto.FLOATS, floats=scales)


def _cast(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """The element type is given by its name."""
    name = attribute_values(step.node).get("to")
    known = TensorProto.DataType.items()
    element_type = dict(known).get(str(name).upper(), TensorProto.UNDEFINED)
    return [tensor_type(element_type, Operands(step, inputs).shape(0))]


def _reshape(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """The sizes are an attribute."""
    sizes = Operands(step, inputs).integers("shape")
    data = constant(TensorProto.INT64, [len(sizes)], sizes)
    node = NodeProto(op_type="Reshape", input=[*step.inputs[:1], "sizes"], output=step.outputs)
    fact = Fact(tensor_type(TensorProto.INT64, data.dims), data)
    return infer_types(node, [*inputs[:1], fact], {"": 5})


def _split(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """The sizes of the parts are an attribute or an input."""
    node = _copied(step.node)
    del node.input[1:]
    if sizes := integers_of(inputs, 1):
        node.attribute.add(name="split", type=AttributeProto.INTS, ints=sizes)
    return infer_types(node, inputs[:1], {"": 2})


def _tile(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """One axis is repeated; how often and which one are inputs, of the data's type."""
    operands = Operands(step, inputs)
    shape, kind = operands.shape(0), operands.element_type(0)
    tiles, axes = numbers_of(inputs, 1), numbers_of(inputs, 2)
    if (
        shape is None
        or not tiles
        or not math.isfinite(tiles[0])
        or not axes
        or not -len(shape) <= axes[0] < len(shape)
    ):
        return [tensor_type(kind, None if shape is None else [None] * len(shape))]
    sizes, axis = list(shape), int(axes[0])
    repeated = sizes[axis]
    sizes[axis] = None if repeated is None else max(0, int(repeated * tiles[0]))
    return [tensor_type(kind, sizes)]


def _copied(node: NodeProto) -> NodeProto:
    copy = NodeProto()
    copy.CopyFrom(node)
    return copy


# Arithmetic takes the first operand's shape: the second one is stretched to it.
_SHAPED_AS_FIRST = (
    "Abs", "Add", "BatchNormalization", "Ceil", "Clip", "Div", "Elu", "Exp", "Floor", "HardSigmoid",
    "InstanceNormalization", "LeakyRelu", "Log", "Max", "Mean", "Min", "Mul", "Neg", "PRelu",
    "Reciprocal", "Relu", "Selu", "Sigmoid", "Sqrt", "Sub", "Sum", "Tanh",
)  # fmt: skip

_FIRST_FORMS: dict[str, ShapeRule] = dict.fromkeys(_SHAPED_AS_FIRST, as_first_input(0)) | {
    "Cast": _cast,
    "Concat": _as_of(4, _with_axis),
    "GRU": _as_of(7),
    "Gemm": _as_of(7),
    "GlobalLpPool": _as_of(2),
    "LpPool": _as_of(2),
    "Pad": _as_of(2, _with_pads),
    "Reshape": _reshape,
    "Split": _split,
    "Tile": _tile,
    "Upsample": _as_of(7, _with_scales),
}
