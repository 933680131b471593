"""Matrix products whose weights are stored in blocks of a few bits each.

The multiply-accumulates are those of the full matrix. Unpacking the weights costs nothing, as
dequantising any constant. `params` counts what is stored: two 4-bit weights are one byte.
"""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.equivalent import renamed
from costdb.cost.rules.normalization import root_mean_square
from costdb.ir import Layer, Role, Tensor


def packed_accesses(layer: Layer) -> int:
    """As a matrix product: A is read for each column, the stored weights once, Y is written."""
    size = layer.output.numel
    return size * layer.input(0).size(-1) + layer.input(1).numel + size


@rule(
    "MatMulBlockQuantizedFp4Weight",
    "MatMulBnb4",
    "MatMulFpQ4",
    "MatMulNBits",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 5: Role.PARAMETER} | dict.fromkeys((2, 3, 4), Role.CONSTANT),
    accesses=packed_accesses,
)
def packed_matmul(layer: Layer) -> Counts:
    """Count a matrix product with packed weights, Y = A B.

    Formula: numel(Y) dot products of length K, the last axis of A; one add per element of Y for a
    bias, the sixth input.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 128, 4096), B (11008, 128, 16), scales (1409024,), K 4096, N 11008, bits 4,
    Y (1, 128, 11008): macs 5,771,362,304.
    """
    size = layer.output.numel
    products = dot_products(size, length=layer.input(0).size(-1))
    return products + Counts(adds=size if layer.has_input(5) else 0)


PACKED_ELSEWHERE = renamed(
    packed_matmul,
    "aten:_weight_int4pack_mm",
    "aten:_weight_int4pack_mm_for_cpu",
    "aten:_weight_int8pack_mm",
)


@rule(
    "MatMulBlockQuantizedFp8Weight",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 2: Role.CONSTANT, 3: Role.CONSTANT, 4: Role.PARAMETER},
    accesses=packed_accesses,
)
def block_scaled_matmul(layer: Layer) -> Counts:
    """Count a matrix product with 8-bit floating weights (N, K) and scales of their blocks.

    Formula: numel(Y) dot products of length K; a division and a multiplication per element of A if
    it is quantised, by the fourth input; an add per element of Y for a bias.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 128, 4096), B (1024, 4096), scales (1024, 32), Y (1, 128, 1024):
    macs 536,870,912.
    """
    size, data = layer.output.numel, layer.input(0)
    quantized = data.numel if layer.has_input(3) else 0
    return dot_products(size, length=data.size(-1)) + Counts(
        adds=size if layer.has_input(4) else 0, divs=quantized, muls=quantized
    )


def _packed_slots(matrices: tuple[int, ...], others: tuple[int, ...]) -> dict[int, Role]:
    """Packed matrices with their scales behind them, and other parameters."""
    scales = (place + 1 for place in matrices)
    return dict.fromkeys(matrices + others, Role.PARAMETER) | dict.fromkeys(scales, Role.CONSTANT)


def _normalized(layer: Layer) -> Counts:
    """The root-mean-square norm in front, of A or of A + skip, if there is a scale for it."""
    if not layer.has_input(2):
        return ZERO
    data = layer.input(0)
    length = data.size(-1)
    rows = data.numel // length if length else 0
    skipped = Counts(adds=data.numel if layer.has_input(1) else 0)
    return root_mean_square(rows, length, scaled=True) + skipped


def _projected(layer: Layer, output: Tensor, bias: int) -> Counts:
    products = dot_products(output.numel, length=layer.input(0).size(-1))
    return products + Counts(adds=output.numel if layer.has_input(bias) else 0)


@rule("MatMulNBitsMlp", domain="com.microsoft", weights=_packed_slots((3, 6), (2, 5, 8)))
def packed_gated_layer(layer: Layer) -> Counts:
    """Count activation(A G) * (A U) with packed weights, and a norm of A in front.

    Formula: 2 numel(Y) dot products of length K, an add for each where there is a bias; per
    element of Y the activation and a multiplication; a norm as SkipSimplifiedLayerNormalization.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 1, 4096), skip (1, 1, 4096), norm (4096,), G (11008, 128, 16),
    scales (1409024,), B (11008,), U (11008, 128, 16), activation "silu", Y (1, 1, 11008):
    macs 90,177,536.
    """
    output = layer.output
    gated = activation(layer.string("activation", "silu")) + Counts(muls=1)
    products = _projected(layer, output, 5) + _projected(layer, output, 8)
    return _normalized(layer) + products + output.numel * gated


@rule("MatMulNBitsQkv", domain="com.microsoft", weights=_packed_slots((3, 6, 9), (2, 5, 8, 11)))
def packed_projections(layer: Layer) -> Counts:
    """Count the queries, keys and values of a normed A, with packed weights.

    Formula: per element of the three a dot product of length K, an add where there is a bias; the
    norm as SkipSimplifiedLayerNormalization.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 1, 4096), skip (1, 1, 4096), norm (4096,), Y (1, 1, 4096): macs 16,777,216.
    """
    outputs = zip(layer.outputs[:3], (5, 8, 11), strict=False)
    counts = _normalized(layer)
    for output, bias in outputs:
        counts += _projected(layer, output, bias)
    return counts


@rule("MatMulNBitsQLoRA", domain="com.microsoft", weights=_packed_slots((1, 3, 5), ()))
def packed_matmul_with_adapter(layer: Layer) -> Counts:
    """Count X W + (X A) B with packed weights, A and B being of a low rank R.

    Formula: numel(Y) dot products of length K, R of length K for each row, numel(Y) of length R,
    numel(Y) adds.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 4096), W (1024, 128, 16), s (1024, 128), A (16, 128, 16), s (16, 128),
    B (1024, 1, 8), s (1024, 1), Y (1, 128, 1024): macs 547,356,672.
    """
    size, data, rank = layer.output.numel, layer.input(0), layer.input(3).size(0)
    length = data.size(-1)
    rows = data.numel // length if length else 0
    plain = dot_products(size, length=length)
    if rank == 0:
        return plain
    adapted = dot_products(rows * rank, length=length) + dot_products(size, length=rank)
    return plain + adapted + Counts(adds=size)
