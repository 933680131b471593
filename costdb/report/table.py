"""Listings as tables for a person, through Rich.

Rich's own table lays out every cell by itself, which takes most of a minute for ten thousand rows.
Here a row is a line of text, and only what is coloured is told to Rich.
"""

from collections.abc import Iterator, Sequence
from itertools import islice

from rich.cells import cell_len, set_cell_size
from rich.console import Console
from rich.text import Text

from costdb.report import escape
from costdb.report.listing import Column, Listing, Unit, cells_by_column

STYLES = {
    "regression": "bold red",
    "warn": "yellow",
    "improved": "green",
    "ok": "green",
    "not-judged": "dim",
}

_GAP = "  "

# A column of text is not made narrower than this, nor than its heading.
_NARROWEST = 8

# So many lines are printed at once.
_LINES = 500


def print_table(listing: Listing, console: Console) -> None:
    """Print an aligned table: text to the left, numbers to the right.

    Text that does not fit the console is cut at its end; numbers are never cut.
    """
    if listing.title:
        _print(console, Text(escape.plain(listing.title), style="bold"))
        _print(console, Text())
    # Headings without rows would be read as an answer: "failed", above "3 files: 3 created".
    if listing.rows or not listing.footer:
        _print_rows(listing, console)
        if listing.footer:
            _print(console, Text())
    for line in listing.footer:
        console.print(Text(escape.plain(line)))


def _print_rows(listing: Listing, console: Console) -> None:
    cells = cells_by_column(listing, escape.plain)
    headings = [escape.plain(column.name) for column in listing.columns]
    widths = _widths(listing.columns, headings, cells, console.width)
    _print(console, Text(_line(listing.columns, headings, widths), style="bold"))
    lines = (_row(listing.columns, row, widths) for row in zip(*cells, strict=True))
    while chunk := list(islice(lines, _LINES)):
        _print(console, Text("\n").join(chunk))


def _print(console: Console, text: Text) -> None:
    console.print(text, soft_wrap=True)


def _widths(
    columns: Sequence[Column], headings: Sequence[str], cells: Sequence[Sequence[str]], width: int
) -> list[int]:
    """The columns' widths: as wide as their content, but for text that does not fit."""
    widths, least = [], []
    for column, heading, texts in zip(columns, headings, cells, strict=True):
        found = max(map(cell_len, (heading, *texts)))
        narrow = found if column.unit.is_number else max(_NARROWEST, cell_len(heading))
        widths.append(found if column.unit.is_number else min(found, max(width, narrow)))
        least.append(min(found, narrow))
    excess = sum(widths) + len(_GAP) * (len(widths) - 1) - width
    while excess > 0 and widths != least:
        # The widest one that can still give.
        position = max(range(len(widths)), key=lambda n: (widths[n] > least[n], widths[n]))
        widths[position] -= 1
        excess -= 1
    return widths


def _row(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> Text:
    line = Text(_line(columns, cells, widths))
    position = 0
    for column, cell, width in zip(columns, cells, widths, strict=True):
        if column.unit is Unit.VERDICT:
            line.stylize(STYLES.get(cell, ""), position, position + width)
        position += width + len(_GAP)
    return line


def _line(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> str:
    return _GAP.join(_fitted(columns, cells, widths)).rstrip()


def _fitted(
    columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]
) -> Iterator[str]:
    for column, cell, width in zip(columns, cells, widths, strict=True):
        missing = width - cell_len(cell)
        if missing < 0:
            yield set_cell_size(cell, width - 1) + "…"
        else:
            yield " " * missing + cell if column.unit.is_number else cell + " " * missing
