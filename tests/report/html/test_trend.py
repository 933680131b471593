"""A line of a few numbers in a table's cell."""

import re

import pytest

from costdb.report.html.trend import HEIGHT, WIDTH, trend


def points(text: str) -> list[tuple[float, float]]:
    (path,) = re.findall(r' d="M([^"]+)"', text)
    return [tuple(map(float, point.split())) for point in path.split("L")]  # type: ignore[misc]


def test_it_goes_from_left_to_right_and_more_is_higher() -> None:
    (x0, y0), (x1, y1), (x2, y2) = points(trend("macs", [10, 10, 30]))
    assert 0 < x0 < x1 < x2 < WIDTH
    assert 0 < y2 < y1 == y0 < HEIGHT


def test_it_says_where_it_starts_and_ends() -> None:
    assert 'aria-label="macs over 3 versions: 10 -&gt; 30, +200.00 %"' in trend(
        "macs", [10, 10, 30]
    )


@pytest.mark.parametrize("values", [[], [None], [None, None]], ids=str)
def test_without_values_there_is_nothing(values: list[None]) -> None:
    assert trend("macs", values) == ""


def test_unknown_values_are_left_out_and_one_is_a_dot_at_the_end() -> None:
    assert len(points(trend("macs", [1, None, 3]))) == 2
    ((x, y),) = points(trend("macs", [5]))
    assert (x, y) == (WIDTH - 3, HEIGHT / 2)


def test_numbers_that_a_float_cannot_hold_stay_inside() -> None:
    for x, y in points(trend("macs", [2**63 - 1, 2**63 - 2, 0])):
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT
