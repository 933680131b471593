"""Convolutions and matrix products of ONNX Runtime with what it merges into them.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import Counts, dot_products, rule
from costdb.cost.rules.activation import FAST_GELU, activation
from costdb.cost.rules.equivalent import accessed_as, counted_as
from costdb.ir import Layer, Role

KERNEL_AND_BIAS = {1: Role.PARAMETER, 2: Role.PARAMETER}
OPERANDS = {0: Role.PARAMETER, 1: Role.PARAMETER}


@rule(
    "FusedConv",
    "NhwcConv",
    "NhwcFusedConv",
    domain="com.microsoft",
    weights=KERNEL_AND_BIAS,
    accesses=lambda layer: accessed_as("Conv", layer, 0, 1, 2),
)
def fused_convolution(layer: Layer) -> Counts:
    """Count a convolution, a sum with another tensor and an activation, as far as they are given.

    Formula: as Conv; an add per element of Y for the fourth input; the activation's operations per
    element of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 3, 224, 224), W (32, 3, 3, 3), B (32,), activation "Relu",
    Y (1, 32, 112, 112): macs 10,838,016.
    """
    after = activation(layer.string("activation")) + Counts(adds=int(layer.has_input(3)))
    return counted_as("Conv", layer, 0, 1, 2) + layer.output.numel * after


@rule(
    "FusedGemm",
    domain="com.microsoft",
    weights=OPERANDS | KERNEL_AND_BIAS,
    accesses=lambda layer: accessed_as("Gemm", layer),
)
def fused_gemm(layer: Layer) -> Counts:
    """Count a general matrix product and an activation.

    Formula: as Gemm; the activation's operations per element of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 4096), B (4096, 1000), C (1000,), activation "Relu", Y (1, 1000):
    macs 4,096,000.
    """
    return counted_as("Gemm", layer) + layer.output.numel * activation(layer.string("activation"))


def _inner_size(layer: Layer) -> int:
    """Length of the dot products; `transBatchA` has moved the rows of A to its first axis."""
    if not layer.integer("transA", 0):
        return layer.input(0).size(-1)
    return layer.input(0).size(0 if layer.integer("transBatchA", 0) else -2)


def fused_matmul_accesses(layer: Layer) -> int:
    """As a matrix product: A is read for each column, B as stored, Y is written."""
    size = layer.output.numel
    return size * _inner_size(layer) + layer.input(1).numel + size


@rule(
    "FusedMatMul",
    "TransposeMatMul",
    domain="com.microsoft",
    weights=OPERANDS,
    accesses=fused_matmul_accesses,
)
def fused_matmul(layer: Layer) -> Counts:
    """Count a matrix product of operands that may be transposed, times alpha.

    Formula: numel(Y) dot products of length K; a multiplication per element of Y for an alpha other
    than 1.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 12, 128, 64), B (1, 12, 128, 64), transB 1, Y (1, 12, 128, 128):
    macs 12,582,912.
    """
    return _scaled_product(layer)


def _scaled_product(layer: Layer) -> Counts:
    size = layer.output.numel
    scaled = Counts(muls=size if layer.number("alpha", 1.0) != 1.0 else 0)
    return dot_products(size, length=_inner_size(layer)) + scaled


@rule(
    "GemmFastGelu",
    domain="com.microsoft",
    weights=KERNEL_AND_BIAS,
    accesses=lambda layer: accessed_as("Gemm", layer),
)
def matmul_with_gelu(layer: Layer) -> Counts:
    """Count a matrix product, a bias and GELU by tanh.

    Formula: as MatMul; per element of Y an add for a bias, 6 multiplications, 2 adds and a tanh.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), W (768, 3072), B (3072,), Y (1, 128, 3072): macs 301,989,888.
    """
    after = FAST_GELU + Counts(adds=int(layer.has_input(2)))
    return counted_as("MatMul", layer, 0, 1) + layer.output.numel * after


@rule(
    "FusedMatMulActivation",
    domain="com.microsoft",
    weights=OPERANDS,
    accesses=fused_matmul_accesses,
)
def fused_matmul_with_activation(layer: Layer) -> Counts:
    """Count a matrix product as FusedMatMul does, and an activation.

    Formula: as FusedMatMul; the activation's operations per element of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 12, 128, 64), B (1, 12, 128, 64), transB 1, activation "Relu",
    Y (1, 12, 128, 128): macs 12,582,912.
    """
    return _scaled_product(layer) + layer.output.numel * activation(layer.string("activation"))


@rule(
    "GemmFloat8",
    domain="com.microsoft",
    weights=OPERANDS | {2: Role.PARAMETER} | dict.fromkeys((3, 4, 5), Role.CONSTANT),
    accesses=lambda layer: accessed_as("Gemm", layer, 0, 1, 2),
)
def gemm_of_8_bit_floats(layer: Layer) -> Counts:
    """Count a general matrix product of 8-bit floats, scaled to the output's type.

    Formula: as Gemm; a multiplication per element of Y for each scale that is given; the
    activation's operations per element of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (128, 768), B (64, 768), transB 1, Y (128, 64): macs 6,291,456.
    """
    scales = sum(layer.has_input(position) for position in (3, 4, 5))
    after = activation(layer.string("activation", "none")) + Counts(muls=scales)
    return counted_as("Gemm", layer, 0, 1, 2) + layer.output.numel * after


@rule(
    "ConvTransposeWithDynamicPads",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 3: Role.PARAMETER},
    accesses=lambda layer: accessed_as("ConvTranspose", layer, 0, 1, 3),
)
def transposed_convolution_with_pads(layer: Layer) -> Counts:
    """Count a transposed convolution whose padding is an input.

    Formula: as ConvTranspose.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 64, 16, 16), W (64, 32, 4, 4), pads (4,), Y (1, 32, 32, 32): macs 8,388,608.
    """
    return counted_as("ConvTranspose", layer, 0, 1, 3)
