"""Long lines with fewer points: what can be seen of them stays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from costdb.report.thinning import corners, divided, thinned


def points(*values: int | None) -> list[tuple[int, int | None]]:
    return list(enumerate(values))


@pytest.mark.parametrize(
    ("values", "kept"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param((7,), [0], id="one"),
        pytest.param((7, 7), [0, 1], id="two"),
        pytest.param((1, 1, 1, 2, 2, 2), [0, 2, 3, 5], id="both sides of a step"),
        pytest.param((1, 2, 3), [0, 1, 2], id="a slope"),
        pytest.param((1, 1, None, 1, 1), [0, 1, 2, 3, 4], id="a gap"),
    ],
)
def test_corners_are_where_a_line_bends_breaks_or_ends(
    values: tuple[int | None, ...], kept: list[int]
) -> None:
    assert [position for position, _ in corners(points(*values))] == kept


@pytest.mark.parametrize(
    ("count", "stretches", "lengths"),
    [(10, 3, [3, 3, 4]), (2, 5, [1, 1]), (0, 4, []), (9, 3, [3, 3, 3])],
    ids=str,
)
def test_stretches_are_of_about_one_length(count: int, stretches: int, lengths: list[int]) -> None:
    assert [len(stretch) for stretch in divided(count, stretches)] == lengths


@given(st.lists(st.none() | st.integers(0, 9), max_size=300), st.integers(1, 9))
def test_each_stretch_keeps_its_ends_its_extremes_and_its_gaps(
    values: list[int | None], stretches: int
) -> None:
    line = points(*values)
    kept = thinned(line, stretches)
    assert set(kept) <= set(line)
    assert kept == sorted(kept, key=lambda point: point[0])
    assert len(kept) <= max(5 * stretches, 1)
    if kept == corners(line):
        return
    for stretch in divided(len(line), stretches):
        whole = values[stretch.start : stretch.stop]
        left = [value for position, value in kept if position in stretch]
        assert (left[0], left[-1]) == (whole[0], whole[-1])
        assert (None in left) == (None in whole)
        known, still = ([v for v in part if v is not None] for part in (whole, left))
        assert (min(known, default=0), max(known, default=0)) == (
            min(still, default=0),
            max(still, default=0),
        )
