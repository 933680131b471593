"""Attention as one operator."""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.ir import Layer, Uncountable


def scaled_dot_product(
    heads: int,
    queries: int,
    keys: int,
    *,
    key_length: int,
    value_length: int,
    masks: int = 0,
    softcap: bool = False,
) -> Counts:
    """Operations of softmax(scale * Q K' + mask) V over the full rectangle of queries and keys.

    Args:
        heads: Batch times query heads.
        queries: Query positions.
        keys: Key positions, past ones included.
        key_length: Length of a query or key vector.
        value_length: Length of a value vector.
        masks: How many tensors are added to the scores.
        softcap: Whether the scores become cap * tanh(score / cap).
    """
    scores = heads * queries * keys
    rows = heads * queries
    return (
        dot_products(scores, length=key_length)
        + Counts(muls=scores, adds=scores * masks)
        + (scores * Counts(divs=1, specials=1, muls=1) if softcap else ZERO)
        + Counts(specials=scores, adds=scores - rows if keys else 0, divs=scores)
        + dot_products(rows * value_length, length=keys)
    )


def head_count(layer: Layer, attribute: str) -> int:
    """An attribute that says how many heads there are. Raises Uncountable if it does not."""
    heads = layer.integer(attribute, 0)
    if heads < 1:
        raise Uncountable(f"{layer.qualified_op} has no {attribute}")
    return heads


@rule("scaled_dot_product_attention", domain="aten")
def scaled_dot_product_attention(layer: Layer) -> Counts:
    """Count softmax(scale * Q K' + mask) V, the full rectangle whether or not it is causal.

    Formula: per head, Sq * Sk dot products of length D, a multiplication by the scale and an add of
    the mask for each score, a softmax of Sq rows of length Sk, Sq * Dv dot products of length Sk.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html
    Example: Q (1, 12, 64, 64), K (1, 12, 64, 64), V (1, 12, 64, 64), Y (1, 12, 64, 64):
    macs 6,291,456.
    """
    query, key, value = layer.input(0), layer.input(1), layer.input(2)
    queries, length = query.size(-2), query.size(-1)
    heads = query.numel // (queries * length) if queries * length else 0
    return scaled_dot_product(
        heads,
        queries,
        key.size(-2),
        key_length=length,
        value_length=value.size(-1),
        masks=int(layer.has_input(3)),
    )


@rule("Attention")
def attention(layer: Layer) -> Counts:
    """Count attention of queries (B, H, Sq, D) or (B, Sq, H * D), past keys and values included.

    Formula: per query head, Sq * Sk dot products of length D, a multiplication by the scale and an
    add of the mask for each score, for a softcap a division, a tanh and a multiplication more, a
    softmax of Sq rows of length Sk, Sq * Dv dot products of length Sk. Sk counts the past keys; a
    causal or windowed attention counts in full. Groups of query heads share keys, not work.
    Source: https://onnx.ai/onnx/operators/onnx__Attention.html
    Example: Q (1, 64, 768), K (1, 64, 256), V (1, 64, 256), q_num_heads 12, kv_num_heads 4,
    Y (1, 64, 768): macs 6,291,456.
    """
    query, key, value = layer.input(0), layer.input(1), layer.input(2)
    if query.rank == 4:
        heads, key_length, value_length = query.size(1), query.size(3), value.size(3)
    else:
        heads = head_count(layer, "q_num_heads")
        key_length = query.size(2) // heads
        value_length = value.size(2) // head_count(layer, "kv_num_heads")
    past = layer.input(4).size(-2) if layer.has_input(4) else 0
    return scaled_dot_product(
        query.size(0) * heads,
        query.size(-2),
        key.size(-2) + past,
        key_length=key_length,
        value_length=value_length,
        masks=int(layer.has_input(3)),
        softcap=layer.number("softcap", 0.0) != 0.0,
    )


@rule("FlexAttention", domain="ai.onnx.preview")
def flexible_attention(layer: Layer) -> Counts:
    """Count attention whose scores and probabilities may pass through graphs of their own.

    Formula: as Attention; what the graphs compute is counted layer by layer.
    Source: https://onnx.ai/onnx/operators/onnx_preview_FlexAttention.html
    Example: Q (1, 12, 64, 64), K (1, 4, 64, 64), V (1, 4, 64, 64), Y (1, 12, 64, 64):
    macs 6,291,456.
    """
    query, key, value = layer.input(0), layer.input(1), layer.input(2)
    return scaled_dot_product(
        query.size(0) * query.size(1),
        query.size(2),
        key.size(2),
        key_length=query.size(3),
        value_length=value.size(3),
    )


@rule("_flash_attention_forward", "_efficient_attention_forward", domain="aten")
def attention_of_tokens(layer: Layer) -> Counts:
    """Count attention of queries (B, Sq, H, D), heads behind positions.

    Formula: as scaled_dot_product_attention. Sequences in a row, (T, H, D), count in full: B times
    `max_q` or `max_seqlen_q` queries and as many keys as the longest sequence has.
    Source: https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
    Example: Q (1, 64, 12, 64), K (1, 64, 12, 64), V (1, 64, 12, 64), Y (1, 64, 12, 64):
    macs 6,291,456.
    """
    query, key, value = layer.input(0), layer.input(1), layer.input(2)
    behind = layer.inputs[3:]
    if query.rank == 4:
        batch, queries, keys = query.size(0), query.size(1), key.size(1)
    else:
        offsets = next((each for each in behind if each is not None and each.rank == 1), None)
        if offsets is None:
            raise Uncountable(f"{layer.qualified_op} does not say where sequences begin")
        batch = max(offsets.numel - 1, 0)
        queries, keys = _longest(layer, "q"), _longest(layer, "k")
    return scaled_dot_product(
        batch * query.size(-2),
        queries,
        keys,
        key_length=query.size(-1),
        value_length=value.size(-1),
        masks=sum(1 for each in behind if each is not None and each.rank == 4),
    )


def _longest(layer: Layer, of: str) -> int:
    """The length of the longest sequence of queries or keys."""
    length = layer.integer(f"max_{of}", layer.integer(f"max_seqlen_{of}", 0))
    if length < 1:
        raise Uncountable(f"{layer.qualified_op} does not say how long sequences are")
    return length
