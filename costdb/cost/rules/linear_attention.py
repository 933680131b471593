"""Attention whose state has a fixed size, and the convolution that stands in front of it."""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.attention import head_count
from costdb.ir import Layer, Role, Uncountable

_GATED = frozenset({"gated", "gated_delta"})
_DELTA = frozenset({"delta", "gated_delta"})


@rule("LinearAttention")
def linear_attention(layer: Layer) -> Counts:
    """Count a recurrence over states of Dk x Dv elements, token by token as it is defined.

    Formula: per token and key head Dk * Dv multiplications and adds for k v' and the sum with the
    state; gated, an exp per decay and Dk * Dv multiplications; with the delta rule, Dv dot products
    of length Dk, Dv subtractions and Dk multiplications. Per token and query head Dk
    multiplications by the scale and Dv dot products of length Dk.
    Source: https://onnx.ai/onnx/operators/onnx__LinearAttention.html
    Example: Q (1, 10, 64), K (1, 10, 64), V (1, 10, 64), update_rule "linear", q_num_heads 4,
    kv_num_heads 4, Y (1, 10, 64): macs 10,240.
    """
    query, value = layer.input(0), layer.input(2)
    heads, groups = head_count(layer, "q_num_heads"), head_count(layer, "kv_num_heads")
    update = layer.string("update_rule", "gated_delta")
    if update not in {"linear", *_GATED, *_DELTA}:
        raise Uncountable(f"LinearAttention has an unknown update_rule {update!r}")
    tokens = query.size(0) * query.size(1)
    key_length, value_length = query.size(2) // heads, value.size(2) // groups
    state = key_length * value_length
    per_group = Counts(muls=state, adds=state)
    if update in _GATED:
        per_group += Counts(muls=state)
    if update in _DELTA:
        per_group += dot_products(value_length, length=key_length)
        per_group += Counts(adds=value_length, muls=key_length)
    per_head = Counts(muls=key_length) + dot_products(value_length, length=key_length)
    decays = Counts(specials=layer.input(4).numel) if update in _GATED else ZERO
    return tokens * (groups * per_group + heads * per_head) + decays


@rule("CausalConvWithState", weights={1: Role.PARAMETER, 2: Role.PARAMETER})
def causal_convolution(layer: Layer) -> Counts:
    """Count a depthwise convolution over past and present positions.

    Formula: numel(Y) dot products of length k; one add per element of Y for a bias; the activation
    if there is one.
    Source: https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
    Example: X (1, 1024, 128), W (1024, 1, 4), Y (1, 1024, 128): macs 524,288.
    """
    size = layer.output.numel
    counts = dot_products(size, length=layer.input(1).size(2))
    if layer.has_input(2):
        counts += Counts(adds=size)
    return counts + size * activation(layer.string("activation", "none"))
