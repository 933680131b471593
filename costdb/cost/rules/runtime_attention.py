"""Attention of ONNX Runtime, whose queries, keys and values come in several layouts.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.attention import head_count, scaled_dot_product
from costdb.cost.rules.rotary import rotation
from costdb.ir import Layer, Role, Uncountable


def given(layer: Layer, *positions: int) -> int:
    """How many of some optional inputs are given."""
    return sum(layer.has_input(position) for position in positions)


@rule("MultiHeadAttention", domain="com.microsoft", weights={3: Role.PARAMETER})
def multi_head_attention(layer: Layer) -> Counts:
    """Count attention behind its projections, whose bias is added here, past keys included.

    Formula: as ONNX's Attention, with an add for each score and each of the two masks that is
    given, and for a bias an add per element of the queries, keys and values that come in.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (1, 64, 768), K (1, 80, 768), V (1, 80, 768), num_heads 12, Y (1, 64, 768):
    macs 7,864,320.
    """
    heads = head_count(layer, "num_heads")
    query = layer.input(0)
    batch, queries = query.size(0), query.size(1)
    length, keys, value_length = _key_layout(layer, heads)
    past = layer.input(6).size(2) if layer.has_input(6) else 0
    vectors = queries * length + keys * (length + value_length)
    return scaled_dot_product(
        batch * heads,
        queries,
        keys + past,
        key_length=length,
        value_length=value_length,
        masks=given(layer, 4, 5),
    ) + Counts(adds=batch * heads * vectors if layer.has_input(3) else 0)


def _key_layout(layer: Layer, heads: int) -> tuple[int, int, int]:
    """Length of a key, number of keys that come in, length of a value."""
    query = layer.input(0)
    if query.rank == 5:  # (B, S, N, 3, H): queries, keys and values in one
        return query.size(4), query.size(1), query.size(4)
    key = layer.input(1)
    if key.rank == 5:  # (B, L, N, 2, H): keys and values in one
        return key.size(4), key.size(1), key.size(4)
    value = layer.input(2)
    if key.rank == 4:  # (B, N, L, H): of another layer, its heads apart
        return key.size(3), key.size(2), value.size(3)
    return key.size(2) // heads, key.size(1), value.size(2) // heads


@rule(
    "GroupQueryAttention",
    domain="com.microsoft",
    weights={7: Role.CONSTANT, 8: Role.CONSTANT},
)
def group_query_attention(layer: Layer) -> Counts:
    """Count attention of groups of query heads that share keys, past keys included.

    Formula: as ONNX's Attention, over as many keys as the present output holds; `do_rotary` turns
    the queries and keys that come in: 2 multiplications and an add per element.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: Q (1, 1, 4096), K (1, 1, 1024), V (1, 1, 1024), past (1, 8, 511, 128),
    past (1, 8, 511, 128), num_heads 32, kv_num_heads 8, Y (1, 1, 4096): macs 4,194,304.
    """
    query = layer.input(0)
    heads, groups = head_count(layer, "num_heads"), head_count(layer, "kv_num_heads")
    batch, queries = query.size(0), query.size(1)
    length = query.size(2) // (heads if layer.has_input(1) else heads + 2 * groups)
    attended = scaled_dot_product(
        batch * heads,
        queries,
        _keys_with_past(layer, queries),
        key_length=length,
        value_length=length,
        masks=given(layer, 10),
        softcap=layer.number("softcap", 0.0) != 0.0,
    )
    if not layer.integer("do_rotary", 0):
        return attended
    return attended + rotation(batch * queries * (heads + groups) * length)


def _keys_with_past(layer: Layer, incoming: int) -> int:
    """The present output's length: a cache that is written in place does not grow."""
    if len(layer.outputs) > 1:
        return layer.outputs[1].size(2)
    return incoming + (layer.input(3).size(2) if layer.has_input(3) else 0)


def merged_projection(layer: Layer) -> tuple[int, int]:
    """Widths of the queries (and the keys) and of the values that merged weights project to."""
    width = layer.input(1).size(1)
    if "qkv_hidden_sizes" not in layer.attributes:
        return width // 3, width // 3
    sizes = layer.integers("qkv_hidden_sizes")
    if len(sizes) != 3 or sum(sizes) != width:
        raise Uncountable(f"qkv_hidden_sizes of {layer.qualified_op} do not fit its weights")
    return sizes[0], sizes[2]


def projected_attention(layer: Layer, *, past: int, masks: int) -> Counts:
    """Attention of inputs (B, S, D) that weights (D, 2 H + Hv) project, the bias added.

    Args:
        layer: With `num_heads`; input, weights and bias are its first inputs.
        past: Position of the past keys and values (2, B, N, P, H).
        masks: How many tensors are added to the scores.
    """
    data, heads = layer.input(0), head_count(layer, "num_heads")
    batch, length = data.size(0), data.size(1)
    key_width, value_width = merged_projection(layer)
    projected = batch * length * layer.input(1).size(1)
    return (
        dot_products(projected, length=data.size(2))
        + Counts(adds=projected if layer.has_input(2) else 0)
        + scaled_dot_product(
            batch * heads,
            length,
            _keys_beside_past(layer, past, length),
            key_length=key_width // heads,
            value_length=value_width // heads,
            masks=masks,
        )
        + _turned(layer, batch * length * 2 * heads, key_width // heads)
    )


def _keys_beside_past(layer: Layer, past: int, incoming: int) -> int:
    """Keys in all; a buffer that past and present share counts whole, and does not grow."""
    if not layer.has_input(past):
        return incoming
    held = layer.input(past).size(3)
    return held if layer.integer("past_present_share_buffer", 0) else held + incoming


def _turned(layer: Layer, vectors: int, length: int) -> Counts:
    """The rotation of queries and keys, if `do_rotary` asks for it."""
    if not layer.integer("do_rotary", 0):
        return ZERO
    return rotation(vectors * (layer.integer("rotary_embedding_dim", 0) or length))


@rule("Attention", domain="com.microsoft", weights={1: Role.PARAMETER, 2: Role.PARAMETER})
def attention_with_projection(layer: Layer) -> Counts:
    """Count attention with the projection to queries, keys and values in front of it.

    Formula: B * S * (2 H + Hv) dot products of length D, an add for each if there is a bias; then
    as ONNX's Attention, past keys included, with an add for each score and each mask; `do_rotary`
    turns queries and keys: 2 multiplications and an add per element.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), W (768, 2304), B (2304,), num_heads 12, Y (1, 128, 768):
    macs 251,658,240.
    """
    return projected_attention(layer, past=4, masks=given(layer, 3, 5))
