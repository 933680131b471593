"""A transformer's layers as one operator of PyTorch."""

from costdb.contracts import Counts, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.attention import head_count, scaled_dot_product
from costdb.cost.rules.normalization import centred
from costdb.ir import Layer, Tensor


def _attended(query: Tensor, key: Tensor, heads: int, *, masks: int, width: int) -> Counts:
    """Attention of (B, S, D) with its projections and biases, before and behind."""
    batch, queries, keys = query.size(0), query.size(1), key.size(1)
    projected = 2 * query.numel + 2 * key.numel
    return (
        dot_products(projected, length=width)
        + Counts(adds=projected)
        + scaled_dot_product(
            batch * heads,
            queries,
            keys,
            key_length=width // heads,
            value_length=width // heads,
            masks=masks,
        )
    )


@rule("_native_multi_head_attention", domain="aten")
def native_multi_head_attention(layer: Layer) -> Counts:
    """Count attention with the projections of queries, keys, values and outputs (B, S, D).

    Formula: 2 numel(Q) + 2 numel(K) dot products of length D, an add for each; per head, as
    scaled_dot_product_attention.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html
    Example: Q (1, 64, 768), K (1, 64, 768), V (1, 64, 768), W (2304, 768), b (2304,),
    W (768, 768), b (768,), num_head 12, Y (1, 64, 768): macs 157,286,400.
    """
    query = layer.input(0)
    return _attended(
        query,
        layer.input(1),
        head_count(layer, "num_head"),
        masks=int(layer.has_input(7)),
        width=query.size(2),
    )


@rule("_transformer_encoder_layer_fwd", domain="aten")
def transformer_encoder_layer(layer: Layer) -> Counts:
    """Count a layer of an encoder: attention, two dense layers, two norms, two sums.

    Formula: as _native_multi_head_attention; numel(X) / D rows of F dot products of length D, F
    adds and activations (a comparison, or for `use_gelu` a Gelu), D dot products of length F and D
    adds; two layer norms as LayerNormalization; 2 numel(X) adds.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.TransformerEncoderLayer.html
    Example: X (1, 64, 768), W (2304, 768), b (2304,), W (768, 768), b (768,), n (768,), n (768,),
    n (768,), n (768,), W (3072, 768), b (3072,), W (768, 3072), b (768,), num_heads 12,
    Y (1, 64, 768): macs 459,276,288.
    """
    data = layer.input(0)
    width, hidden = data.size(2), layer.input(9).size(0)
    rows = data.numel // width if width else 0
    dense = dot_products(rows * hidden, length=width) + dot_products(rows * width, length=hidden)
    activated = activation("gelu" if layer.integer("use_gelu", 0) else "relu")
    norms = 2 * (centred(rows, width) + data.numel * Counts(muls=1, adds=1))
    return (
        _attended(
            data,
            data,
            head_count(layer, "num_heads"),
            masks=int(layer.has_input(13)),
            width=width,
        )
        + dense
        + rows * (hidden * activated + Counts(adds=hidden + width))
        + norms
        + Counts(adds=2 * data.numel)
    )
