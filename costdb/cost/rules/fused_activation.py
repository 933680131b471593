"""Activations of ONNX Runtime with the bias that it merges into them.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them.
"""

import math

from costdb.contracts import Counts, Rule, rule
from costdb.cost.rules.activation import FAST_GELU, GELU
from costdb.cost.rules.elementwise import ADD, MUL, SIGMOID
from costdb.ir import Layer, Role

_BIAS = {1: Role.PARAMETER}


def _row(op: str, counts: Counts, formula: str, *, optional_bias: Counts | None = None) -> Rule:
    """So many operations per element of the output; `optional_bias` more if there is a bias."""
    more = optional_bias or Counts()

    def count(layer: Layer) -> Counts:
        per_element = counts + more if layer.has_input(1) else counts
        return layer.output.numel * per_element

    return Rule(
        op,
        count,
        domain="com.microsoft",
        weights=_BIAS,
        documentation=f"Count {formula}, per element of the output.",
    )


WITH_BIAS = (
    _row("BiasAdd", ADD + ADD, "x + bias + skip"),
    _row("BiasGelu", ADD + GELU, "Gelu(x + bias)"),
    _row("BiasSplitGelu", 2 * ADD + GELU + MUL, "a * Gelu(b), (a, b) being the halves of x + bias"),
    _row("FastGelu", FAST_GELU, "Gelu by tanh of x, or of x + bias", optional_bias=ADD),
    _row("QuickGelu", SIGMOID + 2 * MUL, "x * sigmoid(alpha * x)"),
)


@rule("BiasSoftmax", domain="com.microsoft")
def softmax_with_bias(layer: Layer) -> Counts:
    """Count softmax(x + bias) over the axes from `axis` on, by default 1.

    Formula: an add per element; per row of length n: n exps, n - 1 adds, n divisions.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (8, 12, 64, 64), bias (8, 1, 1, 64), axis 3, Y (8, 12, 64, 64): flops 1,566,720.
    """
    data = layer.input(0)
    length = math.prod(data.sizes[layer.integer("axis", 1) :])
    rows = data.numel // length if length else 0
    return Counts(adds=2 * data.numel - rows, specials=data.numel, divs=data.numel)


@rule("BiasDropout", "BitmaskBiasDropout", domain="com.microsoft", weights=_BIAS)
def bias_without_dropout(layer: Layer) -> Counts:
    """Count x + bias, and plus a residual; at inference nothing is dropped.

    Formula: an add per element for the bias, one for a residual.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 128, 768), bias (768,), residual (1, 128, 768), Y (1, 128, 768): flops 196,608.
    """
    return layer.output.numel * Counts(adds=1 + layer.has_input(2))
