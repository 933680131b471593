"""Types of outputs that onnx does not infer, or not for every opset and element type."""

import math
from collections.abc import Sequence

from onnx import TensorProto

from costdb_onnx.model.facts import Fact, element_type_of, tensor_type
from costdb_onnx.model.lookalikes import LOOKALIKES
from costdb_onnx.model.operands import (
    Operands,
    ShapeRule,
    Types,
    as_first_input,
    integers_of,
    numbers_of,
)
from costdb_onnx.model.region import Step
from costdb_onnx.model.runtime_shapes import RUNTIME_SHAPES
from costdb_onnx.model.schema_inference import infer_types


def _range(_: Step, inputs: Sequence[Fact | None]) -> Types:
    """From start to limit by steps of delta; onnx knows four element types, and no 1-d inputs."""
    element_type = element_type_of(inputs[0].type if inputs and inputs[0] else None)
    numbers = [numbers_of(inputs, position) for position in range(3)]
    bounds = [number[0] for number in numbers if number and len(number) == 1]
    if len(bounds) < 3 or not bounds[2] or not all(map(math.isfinite, bounds)):
        return [tensor_type(element_type, (None,))]
    start, limit, delta = bounds
    return [tensor_type(element_type, (max(0, math.ceil((limit - start) / delta)),))]


def _max_unpool(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """The shape that an input gives, which onnx leaves unread."""
    sizes = integers_of(inputs, 2)
    if sizes is None or min(sizes, default=0) < 0:
        return infer_types(step.node, inputs, step.opsets)
    return [tensor_type(element_type_of(inputs[0].type if inputs[0] else None), sizes)]


def _stft(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """Frames of a signal (B, L, 1 or 2), by default one half of a spectrum; onnx infers both."""
    operands = Operands(step, inputs)
    steps, lengths = integers_of(inputs, 1), integers_of(inputs, 3)
    length = lengths[0] if lengths else operands.size(2, 0)
    samples = operands.size(0, 1)
    frames = bins = None
    if length is not None and length >= 0:
        bins = length // 2 + 1 if operands.integer("onesided", 1) else length
        if steps and steps[0] >= 1 and samples is not None:
            frames = max(0, (samples - length) // steps[0] + 1)
    return [tensor_type(operands.element_type(0), (operands.size(0, 0), frames, bins, 2))]


def _dropout(step: Step, inputs: Sequence[Fact | None]) -> Types:
    """The output and its mask; onnx infers no mask before opset 12."""
    data = inputs[0] if inputs else None
    if data is None:
        return [None]
    mask_type = TensorProto.BOOL if step.opset >= 10 else element_type_of(data.type)
    return [data.type, tensor_type(mask_type, data.shape)]


# Operators of ONNX's own domain that have no inference function, and those that ONNX Runtime
# writes there.
_OWN: dict[str, ShapeRule] = dict.fromkeys(
    ("GroupNormalization", "MeanVarianceNormalization", "SimplifiedLayerNormalization"),
    as_first_input(0),
) | {"Dropout": _dropout, "MaxUnpool": _max_unpool, "Range": _range, "STFT": _stft}

_MICROSOFT = "com.microsoft"

# Domain and operator -> the types of its outputs.
SHAPE_RULES: dict[tuple[str, str], ShapeRule] = {("", op): rule for op, rule in _OWN.items()} | {
    (_MICROSOFT, op): rule for op, rule in (RUNTIME_SHAPES | LOOKALIKES).items()
}
