"""`costdb recost`: count what is stored by today's rules."""

import typer

from costdb.cli import options, output


def recost(
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Count every stored structure by today's rules; no model file is needed.

    What the rules changed is listed apart from what the models changed. It may be stopped and
    started again.
    """
    from costdb import maintenance
    from costdb.report import maintenance as report

    with (
        output.telling_how_to_go_on("what was counted is kept: costdb recost counts the rest"),
        output.progress("recosting") as progress,
    ):
        done = maintenance.recost(progress=progress, database=database)
    output.emit(
        output_format,
        listings=lambda: [report.recost_listing(done)],
        document=lambda: report.recost_document(done),
        data=lambda: report.recost_listing(done),
    )
    if done.failures:
        raise typer.Exit(1)
