"""Numbers as a line of characters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.report.sparkline import ASCII, BLOCKS, Pen, pen_for, sparkline


@pytest.mark.parametrize(
    ("values", "pen", "expected"),
    [
        pytest.param([], BLOCKS, "", id="nothing"),
        pytest.param([5, 5, 5], BLOCKS, "▁▁▁", id="equal"),
        pytest.param([0, 7], BLOCKS, "▁█", id="two"),
        pytest.param(list(range(8)), BLOCKS, "▁▂▃▄▅▆▇█", id="every level"),
        pytest.param(list(range(8)), ASCII, "_.-=+*%#", id="every level in ASCII"),
        pytest.param([4_100_000_000, 4_100_000_002], BLOCKS, "▁█", id="a little"),
        pytest.param([0, None, 7], BLOCKS, "▁·█", id="a gap"),
        pytest.param([None, None], ASCII, "  ", id="only gaps"),
        pytest.param([0.25, 0.5, 1.25], BLOCKS, "▁▂█", id="quotients"),
        pytest.param([2**63 - 1, 0], BLOCKS, "█▁", id="large numbers"),
    ],
)
def test_sparkline(values: list[float | None], pen: Pen, expected: str) -> None:
    assert sparkline(values, pen) == expected


def test_a_peak_of_a_long_history_is_not_lost() -> None:
    values = [1] * 10_000
    values[4_321] = 9
    # 10,000 versions on 60 characters: the 4,321st is on the 26th.
    assert sparkline(values, ASCII, 60) == "_" * 25 + "#" + "_" * 34


@given(st.lists(st.none() | st.integers(0, 2**63 - 1), max_size=200), st.integers(1, 80))
def test_it_is_as_long_as_it_may_be(values: list[int | None], width: int) -> None:
    assert len(sparkline(values, BLOCKS, width)) == min(len(values), width)


@pytest.mark.parametrize(
    ("encoding", "pen"),
    [("utf-8", BLOCKS), ("ascii", ASCII), ("latin-1", ASCII), ("no-such-encoding", ASCII)],
)
def test_the_pen_writes_in_the_encoding(encoding: str, pen: Pen) -> None:
    assert pen_for(encoding) == pen
