"""Mixtures of experts: a router sends each token through a few of many small networks."""

from costdb.contracts import Counts, Coverage, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.elementwise import SIGMOID
from costdb.cost.rules.ordering import selected
from costdb.ir import Layer, Role, Uncountable

_WEIGHTS = dict.fromkeys(range(2, 8), Role.PARAMETER)
_PACKED_WEIGHTS = dict.fromkeys((2, 4, 5, 7, 8, 10), Role.PARAMETER)
_SCALES = dict.fromkeys((3, 6, 9, 11, 12, 13, 15, 16, 17, 18), Role.CONSTANT)

# Activations that take one half of the first product as a gate for the other.
_GATED = {"swiglu": SIGMOID + Counts(muls=2), "geglu": activation("gelu") + Counts(muls=1)}


@rule("MoE", domain="com.microsoft", weights=_WEIGHTS, coverage=Coverage.ESTIMATED)
def mixture_of_experts(layer: Layer) -> Counts:
    """Count k experts for each token, each a dense layer, an activation and a dense layer.

    Formula: per token and chosen expert, of D inputs and I hidden elements: the rows of the first
    weights in dot products of length D, I of the third weights, D of length I, an add for each
    where there is a bias, the activation per hidden element, a multiplication where a third
    product or the other half is gated. Per token a softmax over the E experts, the search for the
    k largest, k multiplications and k - 1 adds per element of Y; for `normalize_routing_weights`
    k divisions and k - 1 adds.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 16, 64), router (16, 8), fc1 (8, 256, 64), b (8, 256), fc2 (8, 64, 256), k 2,
    Y (1, 16, 64): macs 1,048,576.
    """
    return _experts(layer, second=4, third=6, biases=(3, 5, 7))


@rule(
    "QMoE",
    domain="com.microsoft",
    weights=_PACKED_WEIGHTS | _SCALES,
    coverage=Coverage.ESTIMATED,
)
def quantized_mixture_of_experts(layer: Layer) -> Counts:
    """Count k experts for each token, whose weights are stored in a few bits each.

    Formula: as MoE; unpacking the weights costs nothing, as dequantising any constant.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (1, 16, 64), router (16, 8), fc1 (8, 256, 32), scales (8, 256), b (8, 256),
    fc2 (8, 64, 128), scales (8, 64), k 2, Y (1, 16, 64): macs 1,048,576.
    """
    return _experts(layer, second=5, third=8, biases=(4, 7, 10))


def _experts(layer: Layer, *, second: int, third: int, biases: tuple[int, int, int]) -> Counts:
    """All that a mixture counts; positions are those of the weights and biases.

    Packed weights are as long as the others along the axis of their products.
    """
    data, chosen = layer.input(0), layer.integer("k", 1)
    experts, length = layer.input(1).size(1), data.size(-1)
    if not 0 < chosen <= experts:
        raise Uncountable(f"{layer.qualified_op} chooses {chosen} of {experts} experts")
    tokens = data.numel // length if length else 0
    name = layer.string("activation_type", "relu").lower()
    rows, width = layer.input(2).size(1), layer.input(second).size(1)
    halved = name in _GATED and bool(layer.integer("swiglu_fusion", 0))
    hidden = rows // 2 if halved else rows
    first = [rows, hidden] if layer.has_input(third) else [rows]
    expert = dot_products(sum(first), length=length) + dot_products(width, length=hidden)
    expert += hidden * _activated(layer, name, gated=halved or layer.has_input(third))
    widths = (rows, width, hidden)
    given = (size for size, place in zip(widths, biases, strict=True) if layer.has_input(place))
    expert += Counts(adds=sum(given))
    return tokens * (chosen * expert + _routing(layer, experts, chosen, width))


def _activated(layer: Layer, name: str, *, gated: bool) -> Counts:
    """The activation of one hidden element, with what it is multiplied by."""
    if name not in _GATED:
        return activation(name) + Counts(muls=int(gated))
    scaled = layer.number("activation_alpha", 1.0) != 1.0
    shifted = layer.number("activation_beta", 0.0) != 0.0
    clamped = 3 if "swiglu_limit" in layer.attributes else 0
    return _GATED[name] + Counts(muls=int(scaled), adds=int(shifted), compares=clamped)


def _routing(layer: Layer, experts: int, chosen: int, width: int) -> Counts:
    """Of one token: the softmax, the choice, and the sum of what the experts say."""
    counts = Counts(specials=experts, adds=experts - 1, divs=experts)
    counts += Counts(compares=selected(experts, chosen))
    counts += width * Counts(muls=chosen, adds=chosen - 1)
    if layer.integer("normalize_routing_weights", 0):
        counts += Counts(divs=chosen, adds=chosen - 1)
    return counts
