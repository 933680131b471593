"""`costdb diff`: what changed, layer by layer."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.place import place
from costdb.cli.reading import reads_files, warn_of_unread

if TYPE_CHECKING:
    from costdb.reading import Reading

_WHAT = "MODEL@TAG, MODEL@ALIAS, a model file, or saved 'analyze --format json' output."


class Rollup(StrEnum):
    """How layers are listed; the values of `report.diff.Rollup`."""

    SCOPE = "scope"
    LAYER = "layer"
    OP = "op"


@reads_files
def diff(
    old: Annotated[str, typer.Argument(help=f"Before: {_WHAT}", metavar="OLD")],
    new: Annotated[str, typer.Argument(help="Now: the same.", metavar="NEW")],
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            "-m",
            help="What to attribute to layers, separated by commas; MACs if not given.",
            show_default=False,
        ),
    ] = None,
    by: Annotated[Rollup, typer.Option("--by", help="Roll the layers up.")] = Rollup.SCOPE,
    top: options.Top = 20,
    unchanged: Annotated[
        bool, typer.Option("--all", help="List layers to which nothing happened, too.")
    ] = False,
    point: options.Point = None,
    *,
    reading: "Reading",
    database: options.Database = None,
    to: options.Server = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Compare two versions or files: which layers moved, and what that costs."""
    from costdb import api
    from costdb.report import diff as report

    warn_of_unread(reading, old, new)
    costs, url = place(database, to)
    found = costs.diff(
        old,
        new,
        reading,
        point=point,
        metrics=() if metric is None else api.parse_metrics(metric),
        database=url,
    )
    for warning in found.warnings:
        output.warn(warning)
    rollup = report.Rollup(by.value)
    output.emit(
        output_format,
        listings=lambda: report.diff_listings(found, rollup, top or None, with_unchanged=unchanged),
        document=lambda: report.diff_document(found, with_unchanged=unchanged),
        data=lambda: report.layers_listing(found, rollup, with_unchanged=unchanged),
    )
