"""Elementwise operators of ONNX Runtime that ONNX lacks.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import Counts, Coverage, dot_products, rule
from costdb.cost.rules.elementwise import ADD, MUL, SIGMOID, per_element
from costdb.ir import Layer, Role

COMPLEX_PRODUCTS = per_element(
    2 * MUL + ADD,
    "a product of complex numbers, real and imaginary parts being elements",
    "com.microsoft:ComplexMul",
    "com.microsoft:ComplexMulConj",
)
SCALED = per_element(SIGMOID + 2 * MUL, "a x * sigmoid(a x)", "com.microsoft:ScaledSiLU")


@rule("SwiGLU", domain="com.microsoft")
def clamped_swish_gated_linear_unit(layer: Layer) -> Counts:
    """Count g * sigmoid(alpha * g) * (u + beta), g and u being two tensors or the halves of one.

    Formula: per element of Y 2 adds, an exp, a division and 2 multiplications; a multiplication for
    an alpha other than 1, an add for a beta other than 0, 3 comparisons for a limit.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: G (1, 128, 2048), U (1, 128, 2048), Y (1, 128, 2048): flops 1,572,864.
    """
    counts = SIGMOID + Counts(
        muls=2 + (layer.number("activation_alpha", 1.0) != 1.0),
        adds=int(layer.number("activation_beta", 0.0) != 0.0),
        compares=3 if layer.number("limit", 0.0) > 0 else 0,
    )
    return layer.output.numel * counts


@rule("GatedAdd", domain="com.microsoft", weights={3: Role.PARAMETER})
def gated_sum(layer: Layer) -> Counts:
    """Count x + y * gate, the gate of a row being given or projected.

    Formula: a multiplication and an add per element; projected, per row a dot product of length K
    and a sigmoid.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 16, 64), Y (1, 16, 64), gate (1, 16, 32), w (32, 1), Z (1, 16, 64): macs 512.
    """
    counts = layer.output.numel * (MUL + ADD)
    if not layer.has_input(3):
        return counts
    length = layer.input(3).size(0)
    rows = layer.input(2).numel // length if length else 0
    return counts + dot_products(rows, length=length) + rows * SIGMOID


@rule("IsAllFinite", domain="com.microsoft")
def all_finite(layer: Layer) -> Counts:
    """Count whether no element of any input is infinite or not a number.

    Formula: a comparison per element.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (8, 64), X (8, 64), Y (): flops 1,024.
    """
    return Counts(compares=sum(tensor.numel for tensor in layer.inputs if tensor is not None))


@rule("DynamicTimeWarping", domain="com.microsoft")
def time_warping(layer: Layer) -> Counts:
    """Count the cheapest path through a table of costs (M, N).

    Formula: per cell two comparisons of three neighbours and an add.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (8, 64), Y (2, 71): flops 1,536.
    """
    return layer.input(0).numel * Counts(compares=2, adds=1)


@rule("RelativePositionBias", domain="com.microsoft", coverage=Coverage.ESTIMATED)
def relative_position_bias(layer: Layer) -> Counts:
    """Count the buckets of distances (1, N, S, S) that T5 looks its biases up by.

    Formula: per query and key 3 adds, 2 divisions, a multiplication, a log and 4 comparisons; the
    distance's sign takes a multiplication and an add more where it counts.
    Source: https://arxiv.org/abs/1910.10683
    Example: table (32, 8), q (), k (), Y (1, 8, 64, 64): flops 45,056.
    """
    pairs = layer.output.size(2) * layer.output.size(3)
    signed = int(layer.integer("is_bidirectional", 0) != 0)
    counts = Counts(adds=3 + signed, divs=2, muls=1 + signed, specials=1, compares=4)
    return pairs * counts


@rule(
    "GatedRelativePositionBias",
    domain="com.microsoft",
    weights=dict.fromkeys((1, 3, 4, 5), Role.PARAMETER),
)
def gated_relative_position_bias(layer: Layer) -> Counts:
    """Count position biases (B, N, S, S) that a gate of each query scales.

    Formula: an add per element of the queries; per query and head D dot products of length H and D
    adds, D - 2 adds to two sums, two sigmoids, 2 multiplications and 2 adds; a multiplication per
    element of Y.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (1, 64, 768), bias (768,), pos (1, 12, 64, 64), w (64, 8), b (8,),
    a (1, 12, 1, 1), Y (1, 12, 64, 64): macs 393,216.
    """
    output, weights = layer.output, layer.input(3)
    length, width = weights.size(0), weights.size(1)
    rows = output.size(0) * output.size(1) * output.size(2)
    gate = Counts(adds=width + max(width - 2, 0)) + 2 * (SIGMOID + MUL + ADD)
    products = dot_products(rows * width, length=length)
    return Counts(adds=rows * length, muls=output.numel) + products + rows * gate
