"""`costdb history`: metrics over versions."""

import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.place import place

if TYPE_CHECKING:
    from costdb.store.history import Selection
    from costdb.store.records import Series

DEFAULT_METRICS = "macs,params,weight_bytes,peak_memory_bytes"


def history(
    models: Annotated[
        list[str] | None,
        typer.Argument(
            help="Models; every model if left out.", metavar="MODEL", show_default=False
        ),
    ] = None,
    metric: Annotated[
        str, typer.Option("--metric", "-m", help="Metrics to show, separated by commas.")
    ] = DEFAULT_METRICS,
    last: Annotated[
        int | None, typer.Option("--last", min=1, help="Only the last N versions.", metavar="N")
    ] = None,
    since: options.Since = None,
    until: options.Until = None,
    branch: options.Branch = None,
    points: Annotated[
        list[str] | None,
        typer.Option(
            "--point",
            help="Only this operating point. May be repeated.",
            show_default=False,
        ),
    ] = None,
    archived: Annotated[
        bool, typer.Option("--archived", help="Show archived versions, too.")
    ] = False,
    database: options.Database = None,
    to: options.Server = None,
    output_format: options.Format = options.OutputFormat.TABLE,
    plot: Annotated[
        Path | None,
        typer.Option(
            "--plot", metavar="FILE", help="Also write an HTML page of plots.", show_default=False
        ),
    ] = None,
) -> None:
    """Show how metrics went over the versions of a model."""
    from costdb import api
    from costdb.report import history as report
    from costdb.report.sparkline import pen_for

    costs, url = place(database, to)
    metrics = api.parse_metrics(metric)
    selection: Selection = {
        "points": points or (),
        "branch": branch,
        "last": last,
        "since": since,
        "until": until,
        "archived": archived,
    }
    # A program may read a history of any length; what a person reads is laid out as a whole.
    write = {
        options.OutputFormat.JSON: report.history_json,
        options.OutputFormat.CSV: report.history_csv,
    }.get(output_format)
    series: list[Series] = []
    if write is None or plot is not None:
        series = costs.history(*(models or ()), database=url, **selection)
    if plot is not None:
        from costdb.report.html.history import history_page

        output.write(plot, history_page(series, metrics, made_at=datetime.now(UTC)))
    if write is not None:
        pieces = costs.history_pieces(*(models or ()), database=url, **selection)
        output.print_bits(write(pieces, metrics))
        return
    if not series:
        output.note(
            "no version fits: --archived shows archived ones, costdb ingest FILE --tag v1 adds one"
        )
    # In Markdown a line between two rows would be a row.
    pen = pen_for(sys.stdout.encoding) if output_format is options.OutputFormat.TABLE else None
    output.print_listings(output_format, report.history_listings(series, metrics, pen))
