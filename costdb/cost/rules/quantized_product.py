"""Convolutions and matrix products of integers.

Their multiply-accumulates are those of the floating operator. Around them stand the zero points,
subtracted from what is computed at run time (weights were shifted when the model was built), and
the scaling of the sums to the output's type.
"""

from costdb.contracts import Counts, rule
from costdb.cost.rules.equivalent import accessed_as, counted_as, renamed
from costdb.cost.rules.quantization import DYNAMIC_QUANTIZE, REQUANTIZE
from costdb.cost.rules.runtime_attention import projected_attention
from costdb.ir import Layer, Role


def _slots(weights: tuple[int, ...], scales: tuple[int, ...]) -> dict[int, Role]:
    return dict.fromkeys(weights, Role.PARAMETER) | dict.fromkeys(scales, Role.CONSTANT)


def _shifted(layer: Layer, *operands: tuple[int, int]) -> Counts:
    """Subtractions of zero points; an operand is its position and that of its zero point."""
    return Counts(
        adds=sum(
            layer.input(operand).numel
            for operand, zero_point in operands
            if layer.has_input(zero_point) and not layer.input(operand).role.is_stored
        )
    )


@rule(
    "ConvInteger",
    weights=_slots((1,), (2, 3)),
    accesses=lambda layer: accessed_as("Conv", layer, 0, 1),
)
def integer_convolution(layer: Layer) -> Counts:
    """Count a convolution of integers to 32-bit sums.

    Formula: as Conv; a subtraction per element of X for a zero point.
    Source: https://onnx.ai/onnx/operators/onnx__ConvInteger.html
    Example: X (1, 3, 224, 224), W (32, 3, 3, 3), zero (), Y (1, 32, 112, 112): macs 10,838,016.
    """
    return counted_as("Conv", layer, 0, 1) + _shifted(layer, (0, 2), (1, 3))


@rule(
    "QLinearConv",
    weights=_slots((3, 8), (1, 2, 4, 5, 6, 7)),
    accesses=lambda layer: accessed_as("Conv", layer, 0, 3, 8),
)
def quantized_convolution(layer: Layer) -> Counts:
    """Count a convolution of integers whose sums are scaled to the output's integers.

    Formula: as Conv with its bias; a subtraction per element of X for the zero point; per element
    of Y a multiplication by the scales, a comparison to round, an add and two comparisons to
    saturate.
    Source: https://onnx.ai/onnx/operators/onnx__QLinearConv.html
    Example: X (1, 3, 224, 224), scale (), zero (), W (32, 3, 3, 3), scale (32,), zero (32,),
    scale (), zero (), B (32,), Y (1, 32, 112, 112): macs 10,838,016.
    """
    shifted = _shifted(layer, (0, 2), (3, 5))
    return counted_as("Conv", layer, 0, 3, 8) + shifted + layer.output.numel * REQUANTIZE


# The same with channels that may come last.
RUNTIME_QUANTIZED_CONVOLUTION = renamed(quantized_convolution, "com.microsoft:QLinearConv")


@rule(
    "MatMulInteger",
    weights=_slots((0, 1), (2, 3)),
    accesses=lambda layer: accessed_as("MatMul", layer, 0, 1),
)
def integer_matmul(layer: Layer) -> Counts:
    """Count a matrix product of integers to 32-bit sums.

    Formula: as MatMul; a subtraction per element of each operand that is computed and has a zero
    point.
    Source: https://onnx.ai/onnx/operators/onnx__MatMulInteger.html
    Example: A (128, 768), B (768, 3072), Y (128, 3072): macs 301,989,888.
    """
    return counted_as("MatMul", layer, 0, 1) + _shifted(layer, (0, 2), (1, 3))


@rule(
    "MatMulInteger16",
    domain="com.microsoft",
    weights=_slots((0, 1), ()),
    accesses=lambda layer: accessed_as("MatMul", layer, 0, 1),
)
def integer_matmul_of_16_bits(layer: Layer) -> Counts:
    """Count a matrix product of 16-bit integers.

    Formula: as MatMul.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (128, 768), B (768, 64), Y (128, 64): macs 6,291,456.
    """
    return counted_as("MatMul", layer, 0, 1)


@rule(
    "QLinearMatMul",
    weights=_slots((0, 3), (1, 2, 4, 5, 6, 7)),
    accesses=lambda layer: accessed_as("MatMul", layer, 0, 3),
)
def quantized_matmul(layer: Layer) -> Counts:
    """Count a matrix product of integers whose sums are scaled to the output's integers.

    Formula: as MatMul; a subtraction per element of each operand that is computed; per element of Y
    a multiplication by the scales, a comparison to round, an add and two comparisons to saturate.
    Source: https://onnx.ai/onnx/operators/onnx__QLinearMatMul.html
    Example: A (128, 768), scale (), zero (), B (768, 64), scale (), zero (), scale (), zero (),
    Y (128, 64): macs 6,291,456.
    """
    shifted = _shifted(layer, (0, 2), (3, 5))
    return counted_as("MatMul", layer, 0, 3) + shifted + layer.output.numel * REQUANTIZE


def _rescaled(layer: Layer, bias: int) -> Counts:
    """Sums times the product of the scales, and a bias."""
    return layer.output.numel * Counts(muls=1, adds=int(layer.has_input(bias)))


@rule(
    "MatMulIntegerToFloat",
    domain="com.microsoft",
    weights=_slots((0, 1, 6), (2, 3, 4, 5)),
    accesses=lambda layer: accessed_as("Gemm", layer, 0, 1, 6),
)
def integer_matmul_to_float(layer: Layer) -> Counts:
    """Count a matrix product of integers whose sums are scaled to floats.

    Formula: as MatMulInteger; per element of Y a multiplication by the scales, and an add for a
    bias.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (128, 768), B (768, 64), scale (), scale (64,), Y (128, 64): macs 6,291,456.
    """
    products = counted_as("MatMul", layer, 0, 1)
    return products + _shifted(layer, (0, 4), (1, 5)) + _rescaled(layer, bias=6)


@rule(
    "DynamicQuantizeMatMul",
    domain="com.microsoft",
    weights=_slots((1, 4), (2, 3)),
    accesses=lambda layer: accessed_as("Gemm", layer, 0, 1, 4),
)
def dynamically_quantized_matmul(layer: Layer) -> Counts:
    """Count a matrix product whose left operand is quantised at run time.

    Formula: as DynamicQuantizeLinear, per element of A, and as MatMulIntegerToFloat.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (128, 768), B (768, 64), scale (64,), Y (128, 64): macs 6,291,456.
    """
    quantized = layer.input(0).numel * DYNAMIC_QUANTIZE
    shifted = _shifted(layer, (1, 3)) + Counts(adds=layer.input(0).numel)
    return quantized + shifted + counted_as("MatMul", layer, 0, 1) + _rescaled(layer, bias=4)


@rule(
    "QGemm",
    domain="com.microsoft",
    weights=_slots((3, 6), (1, 2, 4, 5, 7, 8)),
    accesses=lambda layer: accessed_as("Gemm", layer, 0, 3, 6),
)
def quantized_gemm(layer: Layer) -> Counts:
    """Count a general matrix product of integers, to integers or to floats.

    Formula: as Gemm; a subtraction per element of A for the zero
    point; per element of Y a multiplication by the scales, and for integers a comparison to round,
    an add and two comparisons to saturate.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 1280), scale (), zero (), B (1000, 1280), scale (), zero (), C (1000,),
    scale (), zero (), transB 1, Y (1, 1000): macs 1,280,000.
    """
    scaled = REQUANTIZE if layer.has_input(7) else Counts(muls=1)
    shifted = _shifted(layer, (0, 2), (3, 5))
    return counted_as("Gemm", layer, 0, 3, 6) + shifted + layer.output.numel * scaled


@rule(
    "QAttention",
    domain="com.microsoft",
    weights=_slots((1, 2), (3, 4, 6, 7)),
)
def quantized_attention(layer: Layer) -> Counts:
    """Count attention behind a projection that is computed in integers.

    Formula: as com.microsoft's Attention; a subtraction per element of the input for a zero point,
    a multiplication by the scales per element of the queries, keys and values.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), W (768, 2304), B (2304,), scale (), scale (), num_heads 12,
    Y (1, 128, 768): macs 251,658,240.
    """
    data = layer.input(0)
    projected = data.size(0) * data.size(1) * layer.input(1).size(1)
    attended = projected_attention(layer, past=8, masks=int(layer.has_input(5)))
    return attended + _shifted(layer, (0, 6), (1, 7)) + Counts(muls=projected)
