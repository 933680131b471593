"""`costdb export` and `costdb import`: a database as JSON lines."""

from pathlib import Path
from typing import Annotated

import typer

from costdb.cli import options, output


def export(
    target: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="The file, compressed if it ends in .zst; else stdout.",
            show_default=False,
        ),
    ] = None,
    database: options.Database = None,
) -> None:
    """Write the whole database as JSON lines, for another database or another program."""
    from costdb import maintenance

    maintenance.export(target, database=database)


def import_(
    origin: Annotated[Path, typer.Argument(metavar="FILE", help="What export wrote; - for stdin.")],
    database: options.Database = None,
) -> None:
    """Add the rows of an export that the database does not have: all of them, or none."""
    from costdb import maintenance

    source = None if str(origin) == "-" else origin
    with output.telling_how_to_go_on("the database holds all rows or none: import them again"):
        done = maintenance.import_(source, database=database)
    added = ", ".join(f"{count:,} {table}" for table, count in done.added.items())
    output.say(f"added {added or 'nothing'}; {done.present:,} rows were there already")
