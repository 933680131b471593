"""Attention over sequences of several lengths without padding, as ONNX Runtime packs them.

The lengths are data: each sequence is taken as long as the longest may be, an upper bound.
https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import ZERO, Counts, Coverage, dot_products, rule
from costdb.cost.rules.attention import head_count, scaled_dot_product
from costdb.cost.rules.normalization import root_mean_square
from costdb.cost.rules.rotary import rotation
from costdb.cost.rules.runtime_attention import given, merged_projection
from costdb.ir import Layer, Role


@rule(
    "PackedAttention",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 2: Role.PARAMETER},
    coverage=Coverage.BOUNDED,
)
def packed_attention(layer: Layer) -> Counts:
    """Count attention of tokens (T, D) with the projection in front of it.

    Formula: T * (2 H + Hv) dot products of length D and an add for each; then as ONNX's Attention
    for B sequences of S queries and keys, the shape of the offsets.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (100, 768), W (768, 2304), B (2304,), offsets (2, 64), lengths (3,), num_heads 12,
    Y (100, 768): macs 189,530,112.
    """
    data, heads, offsets = layer.input(0), head_count(layer, "num_heads"), layer.input(3)
    key_width, value_width = merged_projection(layer)
    projected = data.size(0) * layer.input(1).size(1)
    return (
        dot_products(projected, length=data.size(1))
        + Counts(adds=projected if layer.has_input(2) else 0)
        + scaled_dot_product(
            offsets.size(0) * heads,
            offsets.size(1),
            offsets.size(1),
            key_length=key_width // heads,
            value_length=value_width // heads,
            masks=given(layer, 5),
        )
    )


@rule(
    "PackedMultiHeadAttention",
    domain="com.microsoft",
    weights={3: Role.PARAMETER},
    coverage=Coverage.BOUNDED,
)
def packed_multi_head_attention(layer: Layer) -> Counts:
    """Count attention of sequences without their padding, each taken at the longest one's length.

    Formula: as ONNX's Attention for B sequences of S queries and keys, the shape of the offsets;
    for a bias an add per element of the queries, keys and values.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (100, 768), K (100, 768), V (100, 768), B (2304,), offsets (2, 64), lengths (3,),
    num_heads 12, Y (100, 768): macs 12,582,912.
    """
    heads, query, offsets = head_count(layer, "num_heads"), layer.input(0), layer.input(4)
    if query.rank == 4:  # (T, N, 3, H): queries, keys and values in one
        length = value_length = query.size(3)
    else:
        length, value_length = query.size(1) // heads, layer.input(2).size(1) // heads
    vectors = query.size(0) * heads * (2 * length + value_length)
    return scaled_dot_product(
        offsets.size(0) * heads,
        offsets.size(1),
        offsets.size(1),
        key_length=length,
        value_length=value_length,
        masks=given(layer, 6),
    ) + Counts(adds=vectors if layer.has_input(3) else 0)


@rule(
    "PagedAttention",
    domain="com.microsoft",
    weights={12: Role.PARAMETER, 13: Role.PARAMETER}
    | dict.fromkeys((8, 9, 11, 14, 15), Role.CONSTANT),
    coverage=Coverage.BOUNDED,
)
def paged_attention(layer: Layer) -> Counts:
    """Count attention of tokens (T, N * H) over the pages of a cache, all of them taken as full.

    Formula: per token and head, as many dot products of length H as the pages of one sequence hold
    keys, the scale and the softcap, a softmax, Hv dot products over the keys; `do_rotary` turns the
    queries and keys that come in, and their norms are as RMSNormalization.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (10, 512), K (10, 256), V (10, 256), keys (32, 16, 4, 64), values (32, 16, 4, 64),
    lengths (3,), past (2,), pages (2, 8), num_heads 8, kv_num_heads 4, Y (10, 512):
    macs 1,310,720.
    """
    heads, groups = head_count(layer, "num_heads"), head_count(layer, "kv_num_heads")
    query, pages = layer.input(0), layer.input(7)
    length = query.size(1) // (heads if layer.has_input(1) else heads + 2 * groups)
    vectors = query.size(0) * (heads + groups)
    normed = root_mean_square(vectors, length, scaled=True) if layer.has_input(12) else ZERO
    turned = rotation(vectors * length) if layer.integer("do_rotary", 0) else ZERO
    return (
        normed
        + turned
        + scaled_dot_product(
            heads,
            query.size(0),
            pages.size(1) * layer.input(3).size(1),
            key_length=length,
            value_length=layer.output.size(1) // heads,
            softcap=layer.number("softcap", 0.0) != 0.0,
        )
    )


@rule("SparseAttention", domain="com.microsoft", coverage=Coverage.BOUNDED)
def sparse_attention(layer: Layer) -> Counts:
    """Count attention over blocks of keys, of which each query sees some: here all of the cache.

    Formula: as GroupQueryAttention over as many keys as the cache holds.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (1, 4, 512), K (1, 4, 256), V (1, 4, 256), keys (1, 4, 128, 64),
    values (1, 4, 128, 64), num_heads 8, kv_num_heads 4, Y (1, 4, 512): macs 524,288.
    """
    heads, groups = head_count(layer, "num_heads"), head_count(layer, "kv_num_heads")
    query = layer.input(0)
    tokens = query.size(0) * query.size(1)
    length = query.size(2) // (heads if layer.has_input(1) else heads + 2 * groups)
    turned = tokens * (heads + groups) * length if layer.integer("do_rotary", 0) else 0
    return rotation(turned) + scaled_dot_product(
        query.size(0) * heads,
        query.size(1),
        layer.input(3).size(2),
        key_length=length,
        value_length=length,
    )
