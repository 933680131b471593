"""Sizes as formulas: what they mean, and what is not read."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.errors import BrokenArtifact
from costdb_torch.expressions import evaluate, is_symbol, readable, solve, symbols_of

SYMBOL = "Symbol('s0', positive=True, integer=True)"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("s0", 7, id="a symbol"),
        pytest.param("2*s0 + 1", 15, id="linear"),
        pytest.param("s0//2", 3, id="floor division"),
        pytest.param("-s0 + 10", 3, id="negation"),
        pytest.param("s0**2", 49, id="power"),
        pytest.param("(s0 + 1)/2", 4, id="a quotient that is whole"),
        pytest.param("Mod(s0, 4)", 3, id="remainder"),
        pytest.param("s0 % 4", 3, id="remainder as an operator"),
        pytest.param("Max(1, s0 - 3, 2)", 4, id="maximum"),
        pytest.param("Min(5, s0)", 5, id="minimum"),
        pytest.param("FloorDiv(s0 - 1, 4)", 1, id="FloorDiv"),
        pytest.param("CeilDiv(s0, 4)", 2, id="CeilDiv"),
        pytest.param("ceiling(s0/2)", 4, id="ceiling"),
        pytest.param("floor(s0/2)", 3, id="floor"),
        pytest.param("TruncToInt(IntTrueDiv(s0, 2))", 3, id="truncation"),
        pytest.param("0.5*s0 + 0.5", 4, id="a float that comes out whole"),
        pytest.param(SYMBOL, 7, id="constructor: symbol"),
        pytest.param(f"Add(Mul(Integer(2), {SYMBOL}), Integer(1))", 15, id="constructors: linear"),
        pytest.param(f"Mul(Rational(1, 7), {SYMBOL})", 1, id="constructors: a rational"),
        pytest.param(f"Pow({SYMBOL}, Integer(2))", 49, id="constructors: power"),
        pytest.param(f"Mul({SYMBOL}, {SYMBOL}, Integer(-1))", -49, id="constructors: product"),
        pytest.param(f"Mul(Float('2.0', precision=53), {SYMBOL})", 14, id="constructors: a float"),
        pytest.param(f"FloorDiv({SYMBOL}, Integer(2))", 3, id="constructors: floor division"),
        pytest.param("s0/2", None, id="no integer"),
        pytest.param("s0 + s1", None, id="a free symbol"),
        pytest.param("mystery(s0)", None, id="a function that is not known"),
        pytest.param("s0 // 0", None, id="division by zero"),
        pytest.param("9**9**9**9", None, id="more than any size"),
        pytest.param("s0.bit_length()", None, id="a method"),
        pytest.param("[s0][0]", None, id="an index"),
        pytest.param("(lambda: 1)()", None, id="a function of its own"),
        pytest.param("__import__('os').getpid()", None, id="an import"),
        pytest.param("Max()", None, id="too few arguments"),
    ],
)
def test_values(text: str, value: int | None) -> None:
    """With s0 = 7, worked out by hand."""
    assert evaluate(readable(text), {"s0": 7}) == value


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("s0 +", id="cut off"),
        pytest.param("", id="nothing"),
        pytest.param("s0; s1", id="two"),
        pytest.param("s0\x00", id="a null byte"),
        pytest.param("(" * 5000 + "s0" + ")" * 5000, id="nested too deep"),
        pytest.param("1+" * 10_000 + "1", id="too long"),
    ],
)
def test_what_is_no_expression_is_refused(text: str) -> None:
    with pytest.raises(BrokenArtifact) as raised:
        readable(text)
    assert "\n" not in raised.value.message
    assert len(raised.value.message) < 200


def test_long_sums_are_read_or_refused() -> None:
    """A sum nests as deep as it has terms; the stack is not exhausted either way."""
    text = "+".join(["s0"] * 4000)
    try:
        value = evaluate(readable(text), {"s0": 1})
    except BrokenArtifact:
        value = None
    assert value in {None, 4000}


def test_constructors_are_written_as_formulas() -> None:
    assert readable(f"Add(Mul(Integer(2), {SYMBOL}), Integer(1))") == "2 * s0 + 1"
    assert symbols_of("Max(s0, FloorDiv(s1, 2))") == {"s0", "s1"}
    assert is_symbol("s0")
    assert not is_symbol("2 * s0")


@given(
    slope=st.integers(1, 64),
    offset=st.integers(-64, 64),
    value=st.integers(0, 1 << 20),
)
def test_solving_undoes_evaluating(slope: int, offset: int, value: int) -> None:
    text = f"{slope} * s0 + {offset}"
    wanted = evaluate(text, {"s0": value})
    assert wanted is not None
    assert solve(text, "s0", wanted, {}) == value


@given(divisor=st.integers(2, 9), wanted=st.integers(0, 1000))
def test_solving_never_makes_up_a_value(divisor: int, wanted: int) -> None:
    """Where several values, or none, give the size, the answer still gives it, or is None."""
    found = solve(f"s0 // {divisor}", "s0", wanted, {})
    assert found is None or found // divisor == wanted
    odd = solve(f"{divisor} * s0", "s0", divisor * wanted + 1, {})
    assert odd is None
