"""Listings as text for other programs: CSV and Markdown."""

import csv
import io
from collections.abc import Iterator, Sequence

from costdb.report import escape
from costdb.report.listing import Listing, cells_by_column


def comma_separated(listing: Listing) -> str:
    """CSV with a header; numbers exact, unknown values empty."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow([escape.csv_cell(column.name) for column in listing.columns])
    for row in listing.rows:
        writer.writerow([escape.csv_cell(v) if isinstance(v, str) else v for v in row])
    return buffer.getvalue().rstrip("\n")


def markdown(listing: Listing) -> str:
    """A Markdown table under a heading."""
    cells = cells_by_column(listing, escape.markdown)
    lines = [
        _row([escape.markdown(column.name) for column in listing.columns]),
        _row(["---:" if column.unit.is_number else "---" for column in listing.columns]),
        *(_row(row) for row in zip(*cells, strict=True)),
    ]
    title = [f"### {escape.markdown(listing.title)}", ""] if listing.title else []
    footer = ["", *_footer(listing.footer)] if listing.footer else []
    return "\n".join([*title, *lines, *footer])


def _footer(lines: Sequence[str]) -> Iterator[str]:
    """What stands below a table: several lines as a list, as a paragraph makes one line of them."""
    for line in lines:
        bullet = "" if len(lines) == 1 else "  - " if line.startswith(" ") else "- "
        yield f"{bullet}{escape.markdown(line.strip())}"


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
