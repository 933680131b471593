"""`costdb explain`: why another tool has another number."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.reading import reads_files

if TYPE_CHECKING:
    from costdb.reading import Reading


class Rollup(StrEnum):
    """How layers are rolled up; the values of `report.explain.Rollup`."""

    OP = "op"
    LAYER = "layer"


def _names() -> list[str]:
    """The conventions, for the shell's completion."""
    from costdb.cost.conventions import conventions

    return list(conventions())


@reads_files
def explain(
    file: Annotated[str, typer.Argument(help="A model file: a path or a URL.", metavar="FILE")],
    convention: Annotated[
        str,
        typer.Option(
            "--convention",
            metavar="NAME",
            help="Who else counts: article, 2mac, torchvision, fvcore, thop, tf-profiler, ...",
            autocompletion=_names,
        ),
    ] = "article",
    by: Annotated[Rollup, typer.Option("--by", help="Roll the layers up.")] = Rollup.OP,
    top: options.Top = 20,
    *,
    reading: "Reading",
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Show where another way of counting parts from costdb's, layer by layer."""
    from costdb import api
    from costdb.report import explain as report

    explained = api.explain(file, reading, convention=convention)
    for warning in explained.analysis.warnings:
        output.warn(warning)
    rollup = report.Rollup(by.value)
    output.emit(
        output_format,
        listings=lambda: report.explain_listings(explained, rollup, top or None, title=file),
        document=lambda: report.explain_document(explained),
        data=lambda: report.parting_layers(explained.explanation, rollup),
    )
