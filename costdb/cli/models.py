"""`costdb models`: what is in the database, archiving and renaming."""

from typing import Annotated

import typer

from costdb.cli import options, output

app = typer.Typer(
    help="List, archive and rename what is in the database.", invoke_without_command=True
)


Version = Annotated[str, typer.Argument(metavar="MODEL@TAG", help="The version.")]


@app.callback()
def models(
    context: typer.Context,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """List the models of the database, each with its latest version."""
    if context.invoked_subcommand is None:
        list_models(database, output_format)


@app.command("list")
def list_models(
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """List the models of the database, each with its latest version."""
    from costdb import api
    from costdb.report import models as report

    found = api.models(database=database)
    output.emit(
        output_format,
        listings=lambda: [report.models_listing(found)],
        document=lambda: report.models_document(found),
        data=lambda: report.models_listing(found),
    )


@app.command()
def archive(version: Version, database: options.Database = None) -> None:
    """Take a version out of lists and baselines; it can still be shown by its tag."""
    from costdb import maintenance

    found, is_new = maintenance.archive(version, database=database)
    output.say(f"{found.name} {'is archived' if is_new else 'was archived already'}")


@app.command()
def unarchive(version: Version, database: options.Database = None) -> None:
    """Put an archived version back."""
    from costdb import maintenance

    found, is_new = maintenance.unarchive(version, database=database)
    output.say(f"{found.name} {'is back' if is_new else 'was not archived'}")


@app.command()
def rename(
    old: Annotated[str, typer.Argument(metavar="MODEL", help="Its name.")],
    new: Annotated[str, typer.Argument(metavar="NAME", help="Its name from now on.")],
    database: options.Database = None,
) -> None:
    """Give a model another name; its history stays."""
    from costdb import maintenance

    maintenance.rename(old, new, database=database)
    output.say(f"{old} is called {new} now")
