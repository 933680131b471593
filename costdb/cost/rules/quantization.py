"""From floats to integers and back: y = saturate(round(x / scale) + zero point).

Rounding is counted as one comparison and saturation as two, as Round and Clip are.
"""

from costdb.contracts import Counts, rule
from costdb.cost.rules.elementwise import per_element
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role

# x / scale, rounded, shifted by the zero point and saturated.
QUANTIZE = Counts(divs=1, adds=1, compares=3)

# (x - zero point) * scale.
DEQUANTIZE = Counts(adds=1, muls=1)

# A sum of integer products to its output's type: scaled, rounded, shifted and saturated.
REQUANTIZE = Counts(muls=1, adds=1, compares=3)

# The search for the smallest and the largest value goes before.
DYNAMIC_QUANTIZE = QUANTIZE + Counts(compares=2)

SCALES = {1: Role.CONSTANT, 2: Role.CONSTANT}


@rule("QuantizeLinear", weights=SCALES)
def quantize_linear(layer: Layer) -> Counts:
    """Count x / scale, rounded, plus the zero point, saturated.

    Formula: per element a division, a comparison to round and two to saturate; an add if there is a
    zero point.
    Source: https://onnx.ai/onnx/operators/onnx__QuantizeLinear.html
    Example: X (1, 3, 224, 224), scale (), zero (), Y (1, 3, 224, 224): flops 752,640.
    """
    return layer.output.numel * Counts(divs=1, compares=3, adds=int(layer.has_input(2)))


@rule("DequantizeLinear", weights=SCALES)
def dequantize_linear(layer: Layer) -> Counts:
    """Count (x - zero point) * scale.

    Formula: per element a multiplication, and a subtraction if there is a zero point. A constant
    is dequantised when the model is built.
    Source: https://onnx.ai/onnx/operators/onnx__DequantizeLinear.html
    Example: X (1, 3, 224, 224), scale (), zero (), Y (1, 3, 224, 224): flops 301,056.
    """
    return layer.output.numel * Counts(muls=1, adds=int(layer.has_input(2)))


RUNTIME_QUANTIZE = renamed(quantize_linear, "com.microsoft:QuantizeLinear")
RUNTIME_DEQUANTIZE = renamed(dequantize_linear, "com.microsoft:DequantizeLinear")


@rule("DynamicQuantizeLinear")
def dynamic_quantize_linear(layer: Layer) -> Counts:
    """Count a quantisation whose scale and zero point are computed from the data.

    Formula: per element two comparisons for the range, a division, a comparison to round, an add
    and two comparisons to saturate; for the scale a subtraction and a division, for the zero point
    a division, a subtraction and three comparisons.
    Source: https://onnx.ai/onnx/operators/onnx__DynamicQuantizeLinear.html
    Example: X (1, 128, 768), Y (1, 128, 768): flops 688,135.
    """
    scalars = Counts(adds=2, divs=2, compares=3)
    return layer.input(0).numel * DYNAMIC_QUANTIZE + scalars


@rule(
    "GatherBlockQuantized",
    domain="com.microsoft",
    weights={0: Role.PARAMETER, 2: Role.CONSTANT, 3: Role.CONSTANT},
)
def gather_quantized_blocks(layer: Layer) -> Counts:
    """Count rows that are looked up and dequantised.

    Formula: a subtraction and a multiplication per element that is looked up.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: data (32000, 2048), ids (1, 128), scales (32000, 128), Y (1, 128, 4096):
    flops 1,048,576.
    """
    return layer.output.numel * DEQUANTIZE


# Clamped to the range, moved to whole steps from its lower end, and back.
FAKE_QUANTIZE = Counts(compares=3, adds=2, divs=1, muls=1)

SIMULATED = per_element(
    FAKE_QUANTIZE,
    "quantising and dequantising: clamp, - low, / step, round, * step, + low",
    "tf:FakeQuantWithMinMaxArgs",
    "tf:FakeQuantWithMinMaxVars",
    "tf:FakeQuantWithMinMaxVarsPerChannel",
    "tf:QuantizeAndDequantizeV2",
    "tf:QuantizeAndDequantizeV3",
    "tf:QuantizeAndDequantizeV4",
    "aten:fake_quantize_per_tensor_affine",
    "aten:fake_quantize_per_tensor_affine_cachemask",
    "aten:fake_quantize_per_channel_affine",
    "aten:fake_quantize_per_channel_affine_cachemask",
)

STEPS = (
    *per_element(
        QUANTIZE,
        "x / step, rounded, shifted and saturated",
        "aten:quantize_per_channel",
        "aten:quantize_per_tensor",
        "tf:QuantizeV2",
    ),
    *per_element(DEQUANTIZE, "(x - shift) * step", "aten:dequantize", "tf:Dequantize"),
)
