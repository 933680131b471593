"""`costdb alias`: names of versions that may move, such as `prod`."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.errors import UsageError

if TYPE_CHECKING:
    from costdb.store.records import AliasMove

app = typer.Typer(help="Name versions, such as prod, and list the names.", no_args_is_help=True)

By = Annotated[str | None, typer.Option("--by", help="Who says so; else you.", show_default=False)]


@app.command("set")
def set_alias(
    version: Annotated[
        str, typer.Argument(help="MODEL@TAG, MODEL@ALIAS, or MODEL for its latest version.")
    ],
    name: Annotated[str, typer.Argument(help="The alias.", metavar="NAME")],
    by: By = None,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Let a name stand for a version, whatever it stood for before."""
    from costdb import api

    _print(api.set_alias(version, name, author=by, database=database), output_format)


@app.command("list")
def list_aliases(
    model: Annotated[
        str | None, typer.Argument(help="A model; every model if left out.", show_default=False)
    ] = None,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """List aliases and what they stand for."""
    from costdb import api
    from costdb.report import aliases as report

    found = api.aliases(model, database=database)
    output.emit(
        output_format,
        listings=lambda: [report.aliases_listing(found)],
        document=lambda: report.aliases_document(found),
        data=lambda: report.aliases_listing(found),
    )


@app.command("remove")
def remove_alias(
    alias: Annotated[str, typer.Argument(help="The alias.", metavar="MODEL@NAME")],
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Forget an alias; the version stays."""
    from costdb import api

    model, separator, name = alias.partition("@")
    if not separator:
        raise UsageError(f"{alias!r} is no alias", hint="write MODEL@NAME: detector@prod")
    _print(api.remove_alias(model, name, database=database), output_format)


def _print(move: "AliasMove", output_format: options.OutputFormat) -> None:
    from costdb.report import aliases as report

    listing = report.move_listing(move)
    output.emit(
        output_format,
        listings=lambda: [replace(listing, title=report.move_sentence(move))],
        document=lambda: report.move_document(move),
        data=lambda: listing,
    )
