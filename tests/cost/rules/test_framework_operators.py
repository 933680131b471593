"""Elementwise operators of TensorFlow and PyTorch, and what only moves data."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import ZERO, Counts, Coverage
from costdb.cost.rules import built_in_rules, movement

J = 100


@pytest.mark.parametrize(
    ("op", "counts"),
    [
        pytest.param("aten:add", Counts(muls=1, adds=1), id="x + alpha * y"),
        pytest.param("aten:diff", Counts(adds=1), id="diff"),
        pytest.param("tf:LinSpace", Counts(muls=1, adds=1), id="LinSpace"),
        pytest.param("aten:logspace", Counts(muls=1, adds=1, specials=1), id="logspace"),
        pytest.param("aten:addr", Counts(muls=1, adds=1), id="addr"),
        pytest.param("aten:kron", Counts(muls=1), id="kron"),
        pytest.param("aten:linalg_cross", Counts(muls=2, adds=1), id="cross: a d - b c"),
        pytest.param("aten:floor_divide", Counts(divs=1, compares=1), id="floor_divide"),
        pytest.param("tf:MulNoNan", Counts(muls=1, compares=1), id="MulNoNan"),
        pytest.param("tf:Xdivy", Counts(divs=1, compares=1), id="Xdivy"),
        pytest.param("aten:square", Counts(muls=1), id="square"),
        pytest.param("aten:deg2rad", Counts(muls=1), id="deg2rad"),
        pytest.param("aten:frac", Counts(compares=1, adds=1), id="frac"),
        pytest.param("aten:isfinite", Counts(compares=1), id="isfinite"),
        pytest.param("aten:copysign", Counts(compares=1), id="copysign"),
        pytest.param("aten:not_equal", Counts(compares=1), id="not_equal"),
        pytest.param("aten:fix", Counts(compares=1), id="fix"),
        pytest.param("aten:heaviside", Counts(compares=2), id="heaviside"),
        pytest.param("aten:nan_to_num", Counts(compares=3), id="nan_to_num"),
        pytest.param("aten:isclose", Counts(adds=1, compares=2), id="isclose"),
        pytest.param("aten:rrelu", Counts(compares=1, muls=1), id="rrelu"),
        pytest.param("tf:PopulationCount", Counts(compares=1), id="PopulationCount"),
        pytest.param("aten:lgamma", Counts(specials=1), id="lgamma"),
        pytest.param("tf:Erfinv", Counts(specials=1), id="Erfinv"),
        pytest.param("aten:special_expit", Counts(adds=2, specials=1, divs=1), id="expit"),
        pytest.param("aten:special_log1p", Counts(adds=1, specials=1), id="log1p"),
        pytest.param("aten:ldexp", Counts(muls=1, specials=1), id="ldexp"),
        pytest.param("aten:xlogy", Counts(specials=1, muls=1), id="xlogy"),
        pytest.param("tf:Xlog1py", Counts(specials=1, muls=1, adds=1), id="Xlog1py"),
        pytest.param("aten:logit", Counts(adds=1, divs=1, specials=1), id="logit"),
        pytest.param("aten:logaddexp", Counts(specials=3, adds=1), id="logaddexp"),
        pytest.param("aten:hypot", Counts(muls=2, adds=1, specials=1), id="hypot"),
        pytest.param("aten:sinc", Counts(specials=1, muls=1, divs=1), id="sinc"),
        pytest.param("aten:tanhshrink", Counts(specials=1, adds=1), id="tanhshrink"),
        pytest.param("aten:log_sigmoid", Counts(adds=2, specials=2, divs=1), id="log_sigmoid"),
        pytest.param("aten:polar", Counts(specials=2, muls=2), id="polar"),
        pytest.param("aten:special_entr", Counts(specials=1, muls=1), id="entr: -x * log(x)"),
    ],
)
def test_operations_per_element(op: str, counts: Counts) -> None:
    assert counted(node(op, [(J,), (J,)], (J,))) == J * counts


@pytest.mark.parametrize(
    "table", [movement.VIEWS, movement.MOVES, movement.LISTS], ids=["views", "moves", "lists"]
)
def test_what_moves_data_computes_nothing(table: tuple[object, ...]) -> None:
    for entry in table:
        rule = next(rule for rule in built_in_rules().values() if rule is entry)
        layer = node(f"{rule.domain}:{rule.op}", [(J,)], (J,))
        assert rule_of(layer).count(layer) == ZERO
        assert rule.coverage is Coverage.EXACT
        assert rule.is_view is (table is movement.VIEWS)
