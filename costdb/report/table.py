"""Listings as tables for a person, through Rich."""

from rich.console import Console
from rich.table import Table
from rich.text import Text

from costdb.report import escape
from costdb.report.listing import Listing, Unit, cells_by_column

STYLES = {
    "regression": "bold red",
    "warn": "yellow",
    "improved": "green",
    "ok": "green",
    "not-judged": "dim",
}


def print_table(listing: Listing, console: Console) -> None:
    """Print an aligned table: text to the left, numbers to the right.

    Text that does not fit the console is cut at its end; numbers are never cut.
    """
    table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
    for column in listing.columns:
        table.add_column(
            Text(escape.plain(column.name)),
            justify="right" if column.unit.is_number else "left",
            no_wrap=True,
            overflow="ellipsis",
            min_width=None if not column.unit.is_number else len(column.name),
        )
    cells = cells_by_column(listing, escape.plain)
    for row in zip(*cells, strict=True):
        table.add_row(
            *(
                Text(text, style=STYLES.get(text, "") if column.unit is Unit.VERDICT else "")
                for column, text in zip(listing.columns, row, strict=True)
            )
        )
    if listing.title:
        console.print(Text(escape.plain(listing.title), style="bold"))
        console.print()
    console.print(table)
    if listing.footer:
        console.print()
    for line in listing.footer:
        console.print(Text(escape.plain(line)))
