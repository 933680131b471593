"""`costdb analyze`: what a file costs, without a database."""

from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.reading import reads_files

if TYPE_CHECKING:
    from costdb.reading import Reading


@reads_files
def analyze(
    file: Annotated[str, typer.Argument(help="A model file: a path or a URL.", metavar="FILE")],
    *,
    reading: "Reading",
    stored: Annotated[
        bool, typer.Option("--stored", help="Count the file as it is; fold nothing.")
    ] = False,
    by: options.By = options.Group.LAYER,
    top: options.Top = 10,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Count what a model file costs, without a database."""
    from costdb import api
    from costdb.cost.document import analysis_document
    from costdb.cost.result import View
    from costdb.report.analysis import Grouping, analysis_listings, layers_listing

    if output_format is options.OutputFormat.TABLE:
        # Rich takes long to load: it is done while another process reads the file.
        import costdb.report.table  # noqa: F401

    analysis = api.analyze(file, reading, view=View.STORED if stored else View.DEPLOYED)
    for warning in analysis.warnings:
        output.warn(warning)
    grouping = Grouping(by.value)
    output.emit(
        output_format,
        listings=lambda: analysis_listings(analysis, grouping, top or None, title=file),
        document=lambda: analysis_document(analysis),
        data=lambda: layers_listing(analysis.cost, grouping, None),
    )
