"""Experts by hand: 5 tokens of 4 elements, 3 experts of 6 hidden ones."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role, Uncountable

MS = "com.microsoft"
SWISH = Counts(adds=2, specials=1, divs=1, muls=1)
GELU = Counts(muls=2, divs=1, specials=1, adds=1)

# Of one expert and token: 4 -> 6 -> 4.
EXPERT = Counts(macs=48, dots=10)


def routed(chosen: int) -> Counts:
    """A softmax of three, the search for the best (one or two comparisons each), the sum."""
    return Counts(specials=3, adds=2 + 4 * (chosen - 1), divs=3, compares=3, muls=4 * chosen)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:MoE", [(5, 4), (5, 3), (3, 6, 4), None, (3, 4, 6)], (5, 4)),
            5 * (EXPERT + Counts(compares=6) + routed(1)), id="one expert, ReLU, no bias",
        ),
        pytest.param(
            node(
                f"{MS}:MoE", [(1, 5, 4), (5, 3), (3, 6, 4), (3, 6), (3, 4, 6), (3, 4)], (1, 5, 4),
                k=2, activation_type="gelu",
            ),
            5 * (2 * (EXPERT + Counts(adds=10) + 6 * GELU) + routed(2)),
            id="two experts, Gelu, biases of 6 and 4",
        ),
        pytest.param(
            node(
                f"{MS}:MoE",
                [(5, 4), (5, 3), (3, 6, 4), None, (3, 4, 6), None, (3, 6, 4), (3, 6)], (5, 4),
                k=2, activation_type="silu", normalize_routing_weights=1,
            ),
            5 * (
                2 * (EXPERT + Counts(macs=24, dots=6, adds=6) + 6 * (SWISH + Counts(muls=1)))
                + routed(2) + Counts(divs=2, adds=1)
            ),
            id="a third product with a bias gates the first; weights are normalised",
        ),
        pytest.param(
            node(
                f"{MS}:MoE", [(5, 4), (5, 3), (3, 12, 4), None, (3, 4, 6)], (5, 4),
                activation_type="swiglu", swiglu_fusion=1, activation_alpha=1.702,
                activation_beta=1.0, swiglu_limit=7.0,
            ),
            5 * (
                Counts(macs=48 + 24, dots=16)
                + 6 * (SWISH + Counts(muls=2, adds=1, compares=3)) + routed(1)
            ),
            id="SwiGLU of two halves of 6, scaled, shifted and clamped",
        ),
        pytest.param(
            node(
                f"{MS}:QMoE",
                [(5, 4), (5, 3), (3, 6, 2), (3, 6), (3, 6), (3, 4, 3), (3, 4), (3, 4)], (5, 4),
                activation_type="relu", expert_weight_bits=4,
            ),
            5 * (EXPERT + Counts(adds=10, compares=6) + routed(1)),
            id="the same with weights of 4 bits",
        ),
        pytest.param(
            node(f"{MS}:MoE", [(5, 0), (5, 3), (3, 6, 0), None, (3, 0, 6)], (5, 0)),
            Counts(), id="tokens of nothing",
        ),
    ],
)  # fmt: skip
def test_experts(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize("chosen", [0, -1, 4])
def test_experts_that_cannot_be_chosen_are_uncountable(chosen: int) -> None:
    layer = node(f"{MS}:MoE", [(5, 4), (5, 3), (3, 6, 4), None, (3, 4, 6)], (5, 4), k=chosen)
    with pytest.raises(Uncountable, match=f"chooses {chosen} of 3 experts"):
        counted(layer)


def test_experts_are_parameters_and_their_scales_are_not() -> None:
    slots = rule_of(node(f"{MS}:QMoE", [], ())).weights
    assert {place for place, role in slots.items() if role is Role.PARAMETER} == {2, 4, 5, 7, 8, 10}
    assert {3, 6, 9, 11, 12, 13} <= {
        place for place, role in slots.items() if role is Role.CONSTANT
    }
    slots = rule_of(node(f"{MS}:MoE", [], ())).weights
    assert slots == dict.fromkeys(range(2, 8), Role.PARAMETER)
