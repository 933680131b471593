import pytest

from costdb.report.numbers import exact, format_change, format_column, format_count, percent


@pytest.mark.parametrize(
    ("value", "suffix", "text"),
    [
        (0, "", "0"),
        (812, "", "812"),
        (1000, "", "1.00 k"),
        (4_089_184_256, "", "4.09 G"),
        (15_470_264_320, "", "15.47 G"),
        (102_550_848, "B", "102.55 MB"),
        (999, "B", "999 B"),
        (123_211_874_304_000, "", "123.21 T"),
        (-2_500_000, "", "-2.50 M"),
    ],
)
def test_one_number(value: int, suffix: str, text: str) -> None:
    assert format_count(value, suffix) == text


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        pytest.param([4_089_184_256, 300_774_272], ["4.09 G", "0.30 G"], id="one prefix"),
        pytest.param(
            [4_100_000_000, 4_100_000_002],
            ["4,100,000,000", "4,100,000,002"],
            id="two that would look the same are written out",
        ),
        pytest.param([1000, 1000, None], ["1.00 k", "1.00 k", "-"], id="equal ones may look so"),
        pytest.param([None], ["-"], id="nothing known"),
        pytest.param([], [], id="no rows"),
    ],
)
def test_numbers_below_each_other(values: list[int | None], texts: list[str]) -> None:
    assert format_column(values) == texts


@pytest.mark.parametrize(
    ("old", "new", "text"),
    [
        (100, 112, "+12.00 %"),
        (200, 199, "-0.50 %"),
        (5, 5, "0 %"),
        (0, 0, "0 %"),
        (0, 5, "new (0 -> 5)"),
        (4_100_000_000, 4_100_000_002, "+2"),
        (4_100_000_002, 4_100_000_000, "-2"),
        (1, 21, "+2,000.00 %"),
    ],
)
def test_a_change(old: int, new: int, text: str) -> None:
    assert format_change(old, new) == text


def test_exact_numbers_and_shares() -> None:
    assert exact(4_089_184_256) == "4,089,184,256"
    assert percent(71, 100) == "71 %"
    assert percent(1, 0) == "-"
    assert percent(0, 100) == "0 %"
    assert percent(1, 1000) == "<1 %"
    assert percent(-100, 100) == "-100 %"
