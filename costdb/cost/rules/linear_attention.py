"""Attention whose state has a fixed size, and the convolution that stands in front of it."""

import math

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.attention import head_count
from costdb.cost.rules.elementwise import ADD, MUL, SIGMOID, SOFTPLUS
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role, Uncountable

_GATED = frozenset({"gated", "gated_delta"})
_DELTA = frozenset({"delta", "gated_delta"})


@rule("LinearAttention")
def linear_attention(layer: Layer) -> Counts:
    """Count a recurrence over states of Dk x Dv elements, token by token as it is defined.

    Formula: per token and key head Dk * Dv multiplications and adds for k v' and the sum with the
    state; gated, an exp per decay and Dk * Dv multiplications; with the delta rule, Dv dot products
    of length Dk, Dv subtractions and Dk multiplications. Per token and query head Dk
    multiplications by the scale and Dv dot products of length Dk; where key heads are more, they
    take the place of the query heads.
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
    return tokens * (groups * per_group + max(heads, groups) * per_head) + decays


@rule("CausalConvWithState", weights={1: Role.PARAMETER, 2: Role.PARAMETER})
def causal_convolution(layer: Layer) -> Counts:
    """Count a depthwise convolution over past and present positions.

    Formula: numel(Y) dot products of length k, the size of the kernel; one add per element of Y for
    a bias; the activation if there is one.
    Source: https://onnx.ai/onnx/operators/onnx__CausalConvWithState.html
    Example: X (1, 1024, 128), W (1024, 1, 4), Y (1, 1024, 128): macs 524,288.
    """
    return _causal(layer, bias=2)


def _causal(layer: Layer, *, bias: int) -> Counts:
    """Kernels are (C, 1, k), with an axis for each one of the data that they slide along."""
    size, kernel = layer.output.numel, layer.input(1)
    taps = math.prod(kernel.sizes[2:])
    after = activation(layer.string("activation", "none")) + Counts(adds=layer.has_input(bias))
    return dot_products(size, length=taps) + size * after


@rule(
    "VarlenCausalConvWithState",
    domain="com.microsoft",
    weights={1: Role.PARAMETER, 3: Role.PARAMETER},
)
def packed_causal_convolution(layer: Layer) -> Counts:
    """Count a depthwise convolution over the tokens (T, C) of sequences in a row.

    Formula: as CausalConvWithState.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (128, 1024), W (1024, 1, 4), lengths (3,), Y (128, 1024): macs 524,288.
    """
    return _causal(layer, bias=3)


RUNTIME_LINEAR_ATTENTION = renamed(linear_attention, "com.microsoft:LinearAttention")
RUNTIME_CAUSAL_CONVOLUTION = renamed(causal_convolution, "com.microsoft:CausalConvWithState")


@rule("LinearAttentionGate", domain="com.microsoft", weights={1: Role.PARAMETER, 2: Role.PARAMETER})
def linear_attention_gate(layer: Layer) -> Counts:
    """Count scale * softplus(a + bias), and sigmoid(b) where b is given.

    Formula: per element an add, an exp, an add, a log and a multiplication; for b 2 adds, an exp
    and a division.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (1, 16, 8), bias (8,), scale (8,), B (1, 16, 8), Y (1, 16, 8): flops 1,152.
    """
    decay = ADD + SOFTPLUS + MUL
    return layer.output.numel * (decay + SIGMOID if layer.has_input(3) else decay)
