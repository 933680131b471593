"""`costdb freeze`: a model's graph with its weights as constants, in one file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.reading import reads_files

if TYPE_CHECKING:
    from costdb.reading import Reading


@reads_files
def freeze(
    model: Annotated[
        str,
        typer.Argument(
            help="A SavedModel's folder, a checkpoint with its .meta file, a .keras or .h5 file.",
            metavar="SRC",
        ),
    ],
    destination: Annotated[
        Path, typer.Option("-o", metavar="FILE", help="The file to write, such as model.pb.")
    ],
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
    *,
    reading: "Reading",
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Write a model's graph with its weights as constants, and count what it costs."""
    from costdb import api
    from costdb.cost.document import analysis_document
    from costdb.report.analysis import Grouping, analysis_listings, layers_listing

    frozen = api.freeze(model, destination, reading, force=force)
    for warning in frozen.warnings:
        output.warn(warning)
    analysis = frozen.analysis
    output.emit(
        output_format,
        listings=lambda: analysis_listings(
            analysis, Grouping.LAYER, 10, title=f"{model} is frozen as {destination}"
        ),
        document=lambda: analysis_document(analysis),
        data=lambda: layers_listing(analysis.cost, Grouping.LAYER, None),
    )
