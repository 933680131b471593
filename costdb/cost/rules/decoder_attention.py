"""Attention of one step of a decoder of ONNX Runtime, over the keys that a cache holds.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import Counts, Coverage, dot_products, rule
from costdb.cost.rules.attention import head_count, scaled_dot_product
from costdb.cost.rules.runtime_attention import given, projected_attention
from costdb.ir import Layer, Role


@rule(
    "DecoderMaskedSelfAttention",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 2: Role.PARAMETER},
)
def masked_self_attention(layer: Layer) -> Counts:
    """Count attention of one new token, with the projection in front of it.

    Formula: as com.microsoft's Attention, over all keys of the present output.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 1, 768), W (768, 2304), B (2304,), mask (1, 128), past (2, 1, 12, 127, 64),
    num_heads 12, Y (1, 1, 768): macs 1,966,080.
    """
    return projected_attention(layer, past=4, masks=given(layer, 3, 5))


@rule("DecoderMaskedMultiHeadAttention", domain="com.microsoft", weights={10: Role.PARAMETER})
def masked_multi_head_attention(layer: Layer) -> Counts:
    """Count attention of one new token behind its projections, over its own or over others' keys.

    Formula: as com.microsoft's MultiHeadAttention, over all keys of the present output, or over the
    keys (B, N, L, H) that come in; a bias is added to all that comes in, of others to the query.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (1, 1, 768), K (1, 1, 768), V (1, 1, 768), mask (1, 128), bias (1, 12, 1, 128),
    past (1, 12, 127, 64), past (1, 12, 127, 64), num_heads 12, Y (1, 1, 768): macs 196,608.
    """
    heads, query = head_count(layer, "num_heads"), layer.input(0)
    batch, queries = query.size(0), query.size(1)
    value_length = layer.output.size(2) // heads
    is_cross = layer.has_input(1) and layer.input(1).rank == 4
    if is_cross:
        keys, length = layer.input(1).size(2), layer.input(1).size(3)
    else:
        keys, length = _cached(layer, queries), layer.input(5).size(3)
    added = length if is_cross else 2 * length + value_length
    return scaled_dot_product(
        batch * heads,
        queries,
        keys,
        key_length=length,
        value_length=value_length,
        masks=given(layer, 3, 4),
    ) + Counts(adds=batch * heads * queries * added if layer.has_input(10) else 0)


def _cached(layer: Layer, queries: int) -> int:
    """How many keys there are; a cache that is written in place counts whole."""
    past = layer.input(5).size(2)
    return past if layer.integer("past_present_share_buffer", 0) else past + queries


@rule(
    "DecoderAttention",
    domain="com.microsoft",
    weights={2: Role.PARAMETER, 3: Role.PARAMETER, 4: Role.PARAMETER},
    coverage=Coverage.BOUNDED,
)
def decoder_attention(layer: Layer) -> Counts:
    """Count attention with projections of queries (S, B, D) and of keys and values (T, B, D).

    Whether keys and values are projected or cached is decided when it runs: they are projected
    here, and the cached ones attended to.

    Formula: S * B * D and T * B * 2D dot products of length D, an add for each; per head, S times
    the keys of the new cache dot products of length H, the scale and the mask, a softmax, S * H dot
    products over the keys.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (4, 1, 64), K (6, 1, 64), wq (64, 64), wkv (64, 128), B (192,), num_heads 4,
    Y (4, 1, 64): macs 68,608.
    """
    heads, query, key = head_count(layer, "num_heads"), layer.input(0), layer.input(1)
    width, batch = query.size(2), query.size(1)
    projected = query.numel + 2 * key.numel
    keys = layer.outputs[1].size(2) if len(layer.outputs) > 1 else key.size(0)
    return (
        dot_products(projected, length=width)
        + Counts(adds=projected)
        + scaled_dot_product(
            batch * heads,
            query.size(0),
            keys,
            key_length=width // heads,
            value_length=width // heads,
            masks=given(layer, 5),
        )
    )
