"""`costdb db`: the database itself."""

from pathlib import Path
from typing import Annotated

import typer

from costdb.cli import options, output
from costdb.errors import UsageError

app = typer.Typer(help="Create, upgrade and look at the database.", no_args_is_help=True)


@app.command()
def init(database: options.Database = None) -> None:
    """Create the database's tables; do nothing if they are there."""
    upgrade(database)


@app.command()
def upgrade(database: options.Database = None) -> None:
    """Bring the database to the schema of this program; an SQLite file is copied first."""
    from costdb import api

    done = api.upgrade_database(database=database)
    if done.before == done.after:
        output.say(f"{done.location}: schema {done.after}, nothing to do")
    elif done.before is None:
        output.say(f"{done.location}: created with schema {done.after}")
    else:
        kept = f"; the old file is kept as {done.copy.name}" if done.copy else ""
        output.say(f"{done.location}: upgraded from schema {done.before} to {done.after}{kept}")


@app.command()
def current(
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Say which database is used, and its schema."""
    from costdb import api
    from costdb.report.listing import Column, Listing

    found = api.database_in_use(database=database)
    facts = {"database": found.location, "backend": found.backend, "revision": found.revision}
    listing = Listing(tuple(map(Column, facts)), [tuple(facts.values())])
    output.emit(
        output_format,
        listings=lambda: [listing],
        document=lambda: {"schema": "costdb.database/1", **facts},
        data=lambda: listing,
    )


@app.command()
def backup(
    target: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--out",
            help="The new file; else beside the database, with the time in its name.",
            show_default=False,
        ),
    ] = None,
    database: options.Database = None,
) -> None:
    """Copy an SQLite database into a new file; others may be writing meanwhile."""
    from costdb import maintenance

    output.say(str(maintenance.back_up(target, database=database)))


@app.command()
def doctor(
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """See that references, ordinals, digests and totals are right; exit 1 if something is not."""
    from costdb import maintenance
    from costdb.report import maintenance as report

    problems = maintenance.examine(database=database)
    output.emit(
        output_format,
        listings=lambda: [report.problems_listing(problems)],
        document=lambda: report.problems_document(problems),
        data=lambda: report.problems_listing(problems),
    )
    if problems:
        raise typer.Exit(1)


@app.command()
def prune(
    checks_older_than: Annotated[
        str,
        typer.Option(
            "--checks-older-than", metavar="DAYS", help="Remove runs of this age: 90d for 90 days."
        ),
    ],
    database: options.Database = None,
) -> None:
    """Remove old runs of check, except what the next check needs to know what is new."""
    from costdb import maintenance

    age = options.days(checks_older_than)
    if age is None:
        raise UsageError(
            f"--checks-older-than {checks_older_than!r} is no number of days",
            hint="write 90d for 90 days",
        )
    pruned = maintenance.prune(age, database=database)
    kept = f", {pruned.kept:,} as old kept for the next check to know what is new"
    output.say(f"{pruned.removed:,} runs of check removed{kept if pruned.kept else ''}")
