"""`costdb plugins`: which loaders and rules are installed, and which failed."""

import typer

from costdb.cli import options, output


def plugins(output_format: options.Format = options.OutputFormat.TABLE) -> None:
    """List the installed plugins; exit 1 if one of them does not work."""
    from costdb.plugins import discover
    from costdb.report import plugins as report

    found = discover()
    output.emit(
        output_format,
        listings=lambda: [report.plugins_listing(found)],
        document=lambda: report.plugins_document(found),
        data=lambda: report.plugins_listing(found),
    )
    if found.problems:
        for problem in found.problems:
            output.warn(problem)
        raise typer.Exit(1)
