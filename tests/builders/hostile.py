"""Names that try to be more than names, and what shows that an output let none of them be."""

import csv
import io
import re
from collections.abc import Iterable

from markdown_it import MarkdownIt
from rich.console import Console

from costdb.report import text
from costdb.report.listing import Listing
from costdb.report.table import print_table

NAMES = {
    "ansi": "a\x1b[31mred\x1b]0;title\x07",
    "rich markup": "[bold red]x[/] [link=https://e.example]y[/link]",
    "markdown": "**b** `c` [l](https://e.example) ![i](x) | # ~s~ _e_ @octocat\n- item",
    "html": "<script>alert(1)</script><img src=x onerror=alert(2)>&amp;",
    "formula": "=cmd|'/c calc'!A1",
    "formula behind white space": "\t =1+1",
    "control characters": "a\x00b\r\nc\x08\x7f\u2028\u202e\ud800",
}

# What a listing is made of in HTML, and nothing else.
_ALLOWED_TAGS = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li"}


def table(listings: Iterable[Listing]) -> str:
    """Listings as the terminal shows them."""
    stream = io.StringIO()
    for listing in listings:
        print_table(listing, Console(file=stream, width=5000, highlight=False))
    return stream.getvalue()


def is_inert_in_terminal(shown: str) -> bool:
    """Whether no character but the line feed does anything."""
    return all(character.isprintable() for character in shown.replace("\n", ""))


def is_inert_in_markdown(shown: str) -> bool:
    """Whether Markdown sees headings, tables, lists and text, and no other markup."""
    parser = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])
    tags = set(re.findall(r"<(\w+)", parser.render(shown)))
    return tags <= _ALLOWED_TAGS and is_inert_in_terminal(shown)


def is_inert_in_csv(shown: str) -> bool:
    """Whether no cell starts a formula: one that looks so is a number."""
    cells = [cell for row in csv.reader(io.StringIO(shown)) for cell in row]
    formulas = [cell for cell in cells if cell.lstrip() and cell.lstrip()[0] in "=+-@|%"]
    is_number = all(re.fullmatch(r"-?\d+(\.\d+)?", cell) for cell in formulas)
    return is_number and is_inert_in_terminal(shown)


def markdown(listings: Iterable[Listing]) -> str:
    """Listings as `--format markdown` prints them."""
    return "\n\n".join(map(text.markdown, listings))
