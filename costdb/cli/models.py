"""`costdb models`: what is in the database."""

import typer

from costdb.cli import options, output

app = typer.Typer(help="List the models of the database.", invoke_without_command=True)


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
