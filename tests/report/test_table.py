"""Tables for a person: aligned, cut where text does not fit, coloured where it matters."""

import io

import pytest
from rich.console import Console

from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.table import print_table


def printed(
    columns: list[Column], rows: list[tuple[Value, ...]], *, width: int = 80, colour: bool = False
) -> list[str]:
    stream = io.StringIO()
    console = Console(
        file=stream, width=width, force_terminal=colour, color_system="standard" if colour else None
    )
    print_table(Listing(tuple(columns), rows), console)
    return stream.getvalue().splitlines()


NAME, MACS, TEXT = Column("layer"), Column("macs", Unit.COUNT), Column("what")


@pytest.mark.parametrize(
    ("columns", "rows", "width", "expected"),
    [
        pytest.param(
            [NAME, MACS], [("conv", 4_089_184_256), ("a", None), ("b", "┄┄")], 80,
            ["layer    macs", "conv   4.09 G", "a           -", "b          ┄┄"], id="aligned",
        ),
        pytest.param([NAME, MACS], [], 80, ["layer  macs"], id="no rows"),
        pytest.param(
            [NAME, Column("n", Unit.CHANGE), Column("r", Unit.RATIO)],
            [("a", 1_024, 12.345), ("b", -2, 0.00125), ("c", 0, None)], 80,
            ["layer       n        r", "a      +1,024    12.35", "b          -2  0.00125",
             "c           0        -"],
            id="changes and quotients",
        ),
        pytest.param(
            [NAME, MACS], [("encoder/block_12/conv", 5)], 20,
            ["layer           macs", "encoder/block…     5"], id="cut at the end",
        ),
        pytest.param(
            [MACS, NAME], [(123_456, "a" * 50)], 5,
            ["    macs  layer", "123.46 k  aaaaaaa…"], id="numbers are never cut",
        ),
        pytest.param(
            [NAME, TEXT], [("a" * 30, "b" * 20)], 40,
            ["layer                what", f"{'a' * 18}…  {'b' * 18}…"], id="the widest gives first",
        ),
        pytest.param(
            [NAME, MACS], [("層層", 5)], 80, ["layer  macs", "層層      5"],
            id="wide characters take two cells",
        ),
    ],
)  # fmt: skip
def test_layout(
    columns: list[Column], rows: list[tuple[Value, ...]], width: int, expected: list[str]
) -> None:
    assert printed(columns, rows, width=width) == expected


def test_of_a_table_without_rows_what_stands_below_it_is_enough() -> None:
    stream = io.StringIO()
    listing = Listing((Column("file"), Column("failed")), [], footer=("3 files: 3 created",))
    print_table(listing, Console(file=stream))
    assert stream.getvalue() == "3 files: 3 created\n"


def test_verdicts_are_coloured_and_names_are_not() -> None:
    verdict = Column("verdict", Unit.VERDICT)
    lines = printed([NAME, verdict], [("regression", "regression"), ("x", "ok")], colour=True)
    assert lines[1] == "regression  \x1b[1;31mregression\x1b[0m"
    assert lines[2] == "x           \x1b[32mok\x1b[0m"


def test_ten_thousand_rows_are_all_there() -> None:
    lines = printed([NAME, MACS], [(f"v{n}", n) for n in range(10_000)])
    assert len(lines) == 10_001
    # 9,998 and 9,999 would look alike with a prefix.
    assert lines[-1].split() == ["v9999", "9,999"]
