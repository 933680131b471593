"""Where answers go: stdout for the answer, stderr for everything else."""

import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from costdb.cli.options import OutputFormat
from costdb.replacing import replacing
from costdb.report import escape
from costdb.report.listing import Listing

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
    elif output_format is OutputFormat.CSV:
        from costdb.report import text

        print(text.comma_separated(data()))
    else:
        print_listings(output_format, listings())


def print_listings(output_format: OutputFormat, listings: Iterable[Listing]) -> None:
    """Print what a person reads, as tables or as Markdown."""
    if output_format is OutputFormat.TABLE:
        _print_tables(listings)
    else:
        from costdb.report import text

        print("\n\n".join(map(text.markdown, listings)))


def print_bits(bits: Iterable[str]) -> None:
    """Print a text that comes bit by bit, and end its last line."""
    for bit in bits:
        sys.stdout.write(bit)
    print()


def print_json(document: dict[str, Any]) -> None:
    """Print a JSON object and nothing else; integers are exact."""
    print(escape.json_text(document))


def write(file: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        OutputUnwritable: What was there before still is.
    """
    with replacing(file) as unfinished:
        unfinished.write_text(f"{text}\n", encoding="utf-8")


@contextmanager
def progress(what: str) -> Iterator[Callable[[int, int], None]]:
    """A bar on stderr for work of many steps, on a terminal only.

    Args:
        what: What is being done.

    Yields:
        A function to call with how many steps are done, and of how many.
    """
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what)
        yield lambda done, total: bar.update(task, completed=done, total=total)


@contextmanager
def telling_how_to_go_on(hint: str) -> Iterator[None]:
    """On Ctrl-C, say what holds and what to type next; the exit code stays 130.

    Args:
        hint: Both.
    """
    try:
        yield
    except KeyboardInterrupt:
        fail("interrupted", hint)
        raise


def say(message: str) -> None:
    """One line on stdout."""
    print(escape.plain(message))


def note(message: str) -> None:
    """One line on stderr that warns of nothing."""
    print(escape.plain(message), file=sys.stderr)


def warn(message: str) -> None:
    """One line on stderr."""
    print(f"warning: {escape.plain(message)}", file=sys.stderr)


def fail(message: str, hint: str) -> None:
    """What went wrong and what to do next, on stderr."""
    print(f"error: {escape.plain(message)}", file=sys.stderr)
    if hint:
        print(f"hint: {escape.plain(hint)}", file=sys.stderr)


class WarningHandler(logging.Handler):
    """Prints what the library logs as warnings."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a record as one line on stderr."""
        warn(record.getMessage())


def _print_tables(listings: Iterable[Listing]) -> None:
    from rich.console import Console

    from costdb.report.table import print_table

    console = Console(highlight=False, width=None if sys.stdout.isatty() else _UNLIMITED_COLUMNS)
    for position, listing in enumerate(listings):
        if position:
            console.print()
        print_table(listing, console)
