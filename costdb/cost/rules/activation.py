"""Activation functions that are an attribute of another operator."""

from costdb.contracts import ZERO, Counts
from costdb.cost.rules.elementwise import ADD, COMPARE, DIV, MUL, SIGMOID, SOFTPLUS, SPECIAL
from costdb.ir import Uncountable

# 0.5 * x * (1 + erf(x / sqrt(2))), as ONNX's Gelu.
GELU = 2 * MUL + DIV + SPECIAL + ADD

# 0.5 * x * (1 + tanh(0.797885 * x + 0.035677 * x * x * x)), as com.microsoft's FastGelu.
FAST_GELU = 6 * MUL + 2 * ADD + SPECIAL

_FUNCTIONS = {
    "": ZERO,
    "none": ZERO,
    "identity": ZERO,
    "affine": MUL + ADD,
    "clip": 2 * COMPARE,
    "elu": COMPARE + SPECIAL + ADD + MUL,
    "gelu": GELU,
    "hardsigmoid": MUL + ADD + 2 * COMPARE,
    "leakyrelu": COMPARE + MUL,
    "relu": COMPARE,
    "scaledtanh": 2 * MUL + SPECIAL,
    "sigmoid": SIGMOID,
    "silu": SIGMOID + MUL,
    "softplus": SOFTPLUS,
    "softsign": COMPARE + ADD + DIV,
    "swish": SIGMOID + MUL,
    "tanh": SPECIAL,
    "thresholdedrelu": COMPARE,
}


def activation(name: str) -> Counts:
    """What a function counts for one element; its name in any case. Raises Uncountable."""
    try:
        return _FUNCTIONS[name.lower()]
    except KeyError:
        raise Uncountable(f"no activation {name!r} is known") from None
