"""`costdb history`: metrics over versions."""

from typing import Annotated

import typer

from costdb.cli import options, output

DEFAULT_METRICS = "macs,params,weight_bytes,peak_memory_bytes"


def history(
    model: Annotated[
        str | None, typer.Argument(help="A model; every model if left out.", show_default=False)
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
    point: options.Point = None,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Show how metrics went over the versions of a model."""
    from costdb import api
    from costdb.report import history as report

    metrics = api.parse_metrics(metric)
    series = api.history(
        model,
        point=point,
        branch=branch,
        last=last,
        since=since,
        until=until,
        database=database,
    )
    output.emit(
        output_format,
        listings=lambda: report.history_listings(series, metrics),
        document=lambda: report.history_document(series),
        data=lambda: report.history_rows(series, metrics),
    )
