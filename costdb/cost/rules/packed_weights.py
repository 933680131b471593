"""Matrix products whose weights are stored in blocks of a few bits each.

The multiply-accumulates are those of the full matrix. Unpacking the weights costs nothing, as
dequantising any constant. `params` counts what is stored: two 4-bit weights are one byte.
"""

from costdb.contracts import Counts, dot_products, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role


def packed_accesses(layer: Layer) -> int:
    """As a matrix product: A is read for each column, the stored weights once, Y is written."""
    size = layer.output.numel
    return size * layer.input(0).size(-1) + layer.input(1).numel + size


@rule(
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
    bias (of MatMulNBits, the sixth input).
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
