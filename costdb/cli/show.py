"""`costdb show`: one stored version, layer by layer."""

from typing import Annotated

import typer

from costdb.cli import options, output
from costdb.cli.place import place


def show(
    version: Annotated[
        str, typer.Argument(help="MODEL@TAG, MODEL@ALIAS, or MODEL for its latest version.")
    ],
    point: Annotated[str, typer.Option("--point", help="The operating point.")] = "default",
    by: options.By = options.Group.LAYER,
    top: options.Top = 10,
    database: options.Database = None,
    to: options.Server = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Show what a stored version costs, layer by layer."""
    from costdb.report import show as report
    from costdb.report.analysis import Grouping, layers_listing

    costs, url = place(database, to)
    stored = costs.show(version, point=point, database=url)
    grouping = Grouping(by.value)
    output.emit(
        output_format,
        listings=lambda: report.show_listings(stored, grouping, top or None),
        document=lambda: report.show_document(stored),
        data=lambda: layers_listing(stored.analysis.cost, grouping, None),
    )
