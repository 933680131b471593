"""Where answers go: stdout for the answer, stderr for everything else."""

import json
import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from costdb.cli.options import OutputFormat
from costdb.report import escape
from costdb.report.listing import Listing

if TYPE_CHECKING:
    from costdb.plugins import Plugins

# Wider than any table, for output that no one's terminal cuts.
_UNLIMITED_COLUMNS = 100_000


def emit(
    output_format: OutputFormat,
    *,
    listings: Callable[[], Iterable[Listing]],
    document: Callable[[], dict[str, Any]],
    data: Callable[[], Listing],
) -> None:
    """Print one answer.

    Args:
        output_format: How.
        listings: What a person reads, in a table or in Markdown.
        document: What a program reads, as JSON.
        data: The rows for CSV.
    """
    if output_format is OutputFormat.JSON:
        print_json(document())
    elif output_format is OutputFormat.TABLE:
        _print_tables(listings())
    else:
        from costdb.report import text

        if output_format is OutputFormat.CSV:
            print(text.comma_separated(data()))
        else:
            print("\n\n".join(map(text.markdown, listings())))


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON object and nothing else; integers are exact."""
    json.dump(document, sys.stdout, indent=2)
    print()


def say(message: str) -> None:
    """One line on stdout."""
    print(escape.plain(message))


def warn(message: str) -> None:
    """One line on stderr."""
    print(f"warning: {escape.plain(message)}", file=sys.stderr)


def fail(message: str, hint: str) -> None:
    """What went wrong and what to do next, on stderr."""
    print(f"error: {escape.plain(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {escape.plain(hint)}", file=sys.stderr)


def installed_plugins() -> "Plugins":
    """The installed plugins; those that do not work are named on stderr."""
    from costdb.plugins import discover

    plugins = discover()
    for problem in plugins.problems:
        warn(problem)
    return plugins


def _print_tables(listings: Iterable[Listing]) -> None:
    from rich.console import Console

    from costdb.report.table import print_table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED_COLUMNS)
    for position, listing in enumerate(listings):
        if position:
            console.print()
        print_table(listing, console)
