"""Attention as one operator."""

from costdb.contracts import Counts, dot_products, rule
from costdb.ir import Layer


def scaled_dot_product(
    heads: int, queries: int, keys: int, *, key_length: int, value_length: int, masked: bool
) -> Counts:
    """Operations of softmax(scale * Q K' + mask) V over the full rectangle of queries and keys.

    Args:
        heads: Batch times query heads.
        queries: Query positions.
        keys: Key positions.
        key_length: Length of a query or key vector.
        value_length: Length of a value vector.
        masked: Whether a mask is added to the scores.
    """
    scores = heads * queries * keys
    rows = heads * queries
    return (
        dot_products(scores, length=key_length)
        + Counts(muls=scores, adds=scores if masked else 0)
        + Counts(specials=scores, adds=scores - rows if keys else 0, divs=scores)
        + dot_products(rows * value_length, length=keys)
    )


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
        masked=layer.has_input(3),
    )
