"""Random numbers by their stated methods, and that none is taken for a constant."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.cost.rules import built_in_rules
from costdb.cost.rules.random_numbers import RANDOM_OPERATORS
from costdb.ir import Layer

UNIFORM = Counts(muls=1, adds=1)
# Two of Box and Muller's normals: log, root, sine, cosine; -2 log, 2 pi v, two products.
NORMAL = Counts(specials=2, muls=2)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(node("RandomUniform", [], (8,)), 8 * UNIFORM, id="uniform"),
        pytest.param(node("tf:StatelessRandomUniformV2", [(1,)], (8,)), 8 * UNIFORM, id="keyed"),
        pytest.param(
            node("RandomNormalLike", [(8,)], (8,)), 8 * (NORMAL + UNIFORM), id="mean and deviation"
        ),
        pytest.param(node("tf:RandomStandardNormal", [(1,)], (8,)), 8 * NORMAL, id="standard"),
        pytest.param(
            node("tf:TruncatedNormal", [(1,)], (8,)),
            8 * (NORMAL + Counts(compares=2)), id="two bounds",
        ),
        pytest.param(
            node("aten:exponential", [(8,)], (8,)),
            8 * Counts(muls=1, adds=2, specials=1, divs=1), id="-log(u) / rate",
        ),
        pytest.param(
            node("aten:randint", [], (8,)), 8 * Counts(divs=1, adds=1), id="modulo, plus the least"
        ),
        pytest.param(
            node("Bernoulli", [(8,)], (8,)), 8 * (UNIFORM + Counts(compares=1)), id="below x"
        ),
        pytest.param(
            node("aten:native_dropout", [(8,)], (8,), (8,)),
            8 * Counts(muls=3, adds=1, compares=1), id="dropout in training",
        ),
        pytest.param(
            node("aten:randperm", [], (8,)), 8 * Counts(divs=1, adds=1), id="a permutation"
        ),
        pytest.param(
            node("Multinomial", [(2, 8)], (2, 3)),
            16 * Counts(specials=1, adds=1) + 6 * (UNIFORM + Counts(compares=3)),
            id="six draws among eight, by halves",
        ),
        pytest.param(
            node("tf:Multinomial", [(2, 1), ()], (2, 3)),
            2 * Counts(specials=1, adds=1) + 6 * UNIFORM, id="no choice",
        ),
        pytest.param(
            node("aten:multinomial", [(2, 8)], (2, 3)),
            Counts(adds=16) + 6 * (UNIFORM + Counts(compares=3)), id="by weights: no exps",
        ),
        pytest.param(node("aten:multinomial", [(2, 0)], (2, 0)), Counts(), id="of no class"),
    ],
)  # fmt: skip
def test_draws(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "op", ["RandomNormal", "tf:TruncatedNormal", "Multinomial", "aten:randperm"]
)
def test_methods_that_are_a_choice_are_estimates(op: str) -> None:
    assert rule_of(node(op, [], ())).coverage is Coverage.ESTIMATED


def test_every_random_operator_is_named() -> None:
    by_name = {
        key
        for key in built_in_rules()
        if "andom" in key[1] or "ernoulli" in key[1] or "ultinomial" in key[1]
    } - {("tf", "StatelessRandomGetAlg")}
    keyed = {key for key in by_name if "GetKeyCounter" in key[1]}
    assert by_name - keyed < RANDOM_OPERATORS
    assert {("aten", "dropout"), ("tf", "TruncatedNormal"), ("aten", "randperm")} < RANDOM_OPERATORS
    assert set(built_in_rules()) >= RANDOM_OPERATORS
