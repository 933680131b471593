"""Operators of ONNX Runtime on 8-bit integers in the layouts of cuBLASLt, symmetrically quantised.

Integers have a scale and no zero point. https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
describes them.
"""

from costdb.contracts import Counts, dot_products, rule
from costdb.cost.rules.activation import GELU
from costdb.cost.rules.attention import head_count, scaled_dot_product
from costdb.cost.rules.elementwise import per_element
from costdb.cost.rules.equivalent import accessed_as, counted_as
from costdb.cost.rules.runtime_attention import given
from costdb.ir import Layer, Role

# x / scale, rounded and saturated.
QUANTIZE = Counts(divs=1, compares=3)

# A sum of products to 8 bits: scaled, rounded and saturated.
REQUANTIZE = Counts(muls=1, compares=3)

STEPS = (
    *per_element(QUANTIZE, "x / scale, rounded and saturated", "com.microsoft:QuantizeWithOrder"),
    *per_element(Counts(muls=1), "x * scale", "com.microsoft:DequantizeWithOrder"),
    *per_element(
        Counts(muls=1) + GELU + QUANTIZE,
        "Gelu(x * scale) / scale, rounded and saturated",
        "com.microsoft:QOrderedGelu",
    ),
)


def _slots(weights: tuple[int, ...], scales: tuple[int, ...]) -> dict[int, Role]:
    return dict.fromkeys(weights, Role.PARAMETER) | dict.fromkeys(scales, Role.CONSTANT)


@rule(
    "QOrderedMatMul",
    domain="com.microsoft",
    weights=_slots((2, 5), (1, 3, 4, 7)),
    accesses=lambda layer: accessed_as("Gemm", layer, 0, 2, 5),
)
def ordered_matmul(layer: Layer) -> Counts:
    """Count a matrix product of integers to integers, Y = alpha A B + bias + beta C.

    Formula: numel(Y) dot products of length K, the last axis of A; per element of Y a
    multiplication and three comparisons to 8 bits, an add for a bias, a multiplication and an add
    for C.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 128, 768), scale (), B (768, 64), scale (), scale (), Y (1, 128, 64):
    macs 6,291,456.
    """
    size = layer.output.numel
    summed = REQUANTIZE + Counts(adds=given(layer, 5, 6), muls=given(layer, 6))
    return dot_products(size, length=layer.input(0).size(-1)) + size * summed


@rule("QOrderedLayerNormalization", domain="com.microsoft", weights=_slots((2, 3), (1, 4)))
def ordered_layer_normalization(layer: Layer) -> Counts:
    """Count a layer norm of integers to integers.

    Formula: as LayerNormalization; per element a multiplication by the scale, a division, and
    three comparisons to 8 bits.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), scale (), gamma (768,), beta (768,), scale (), Y (1, 128, 768):
    flops 1,180,032.
    """
    steps = layer.output.numel * (Counts(muls=1) + QUANTIZE)
    return counted_as("LayerNormalization", layer, 0, 2, 3) + steps


@rule(
    "QOrderedAttention",
    domain="com.microsoft",
    weights=_slots((5, 6, 7, 11, 12, 13), (1, 2, 3, 4, 8, 9, 10, 14, 15, 16)),
)
def ordered_attention(layer: Layer) -> Counts:
    """Count attention of integers with the projections in front of it.

    Formula: per element of the queries, keys and values a dot product of length D, an add for the
    bias; then as ONNX's Attention; a multiplication and three comparisons to 8 bits for each of
    those elements, each score and each element of Y, a division and three comparisons for each
    probability.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), s (), s (), s (), s (), wq (768, 768), wk (768, 768), wv (768, 768),
    s (), s (), s (), bq (768,), bk (768,), bv (768,), num_heads 12, Y (1, 128, 768):
    macs 251,658,240.
    """
    data, heads = layer.input(0), head_count(layer, "num_heads")
    batch, length = data.size(0), data.size(1)
    key_width, value_width = layer.input(6).size(1), layer.input(7).size(1)
    projected = batch * length * (layer.input(5).size(1) + key_width + value_width)
    scores = batch * heads * length * length
    return (
        dot_products(projected, length=data.size(2))
        + Counts(adds=projected)
        + scaled_dot_product(
            batch * heads,
            length,
            length,
            key_length=key_width // heads,
            value_length=value_width // heads,
            masks=given(layer, 17, 19),
        )
        + (projected + scores + layer.output.numel) * REQUANTIZE
        + scores * QUANTIZE
    )
