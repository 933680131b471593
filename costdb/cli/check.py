"""`costdb check`: did it get worse?"""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from costdb.cli import options, output

REGRESSION, NO_BASELINE = 3, 4


class FailOn(StrEnum):
    """Which verdict makes the exit code 3."""

    WARN = "warn"
    REGRESSION = "regression"
    NEVER = "never"


def check(
    target: Annotated[
        str | None,
        typer.Argument(
            help="MODEL for its latest version, MODEL@TAG, or a file that is in no database.",
            show_default=False,
        ),
    ] = None,
    all_models: Annotated[
        bool, typer.Option("--all", help="The latest version of every model.")
    ] = False,
    against: Annotated[
        str | None,
        typer.Option(
            "--against",
            metavar="BASELINE",
            help="MODEL@TAG, MODEL@ALIAS, another file, or saved 'analyze --format json' output.",
            show_default=False,
        ),
    ] = None,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="The policy to judge by; else that of costdb.toml, else the default one.",
            show_default=False,
        ),
    ] = None,
    fail_on: Annotated[
        FailOn, typer.Option("--fail-on", help="What makes the exit code 3.")
    ] = FailOn.REGRESSION,
    require_baseline: Annotated[
        bool,
        typer.Option("--require-baseline", help="Exit with 4 if there is nothing to compare with."),
    ] = False,
    inputs: options.Inputs = None,
    dims: options.Dims = None,
    trips: options.Trips = None,
    outputs: options.Outputs = None,
    at: options.Points = None,
    loader: options.LoaderName = None,
    trust: options.Trust = False,
    model: Annotated[
        str | None,
        typer.Option(
            "--model", help="What a file's model is called, if not by its name.", show_default=False
        ),
    ] = None,
    branch: Annotated[
        str, typer.Option("--branch", help="Whose latest version is judged or compared with.")
    ] = "main",
    point: options.Point = None,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Judge a version against its baselines; exit 3 if it got worse than the policy allows."""
    from costdb import api
    from costdb.report import check as report

    reading = api.Reading(
        at=at or (),
        inputs=inputs or (),
        dims=dims or (),
        trips=trips or (),
        outputs=outputs or (),
        loader=loader,
        trust=trust,
    )
    result = api.check(
        target,
        reading,
        all_models=all_models,
        against=against,
        model=model,
        policy=policy,
        branch=branch,
        point=point,
        database=database,
    )
    for warning in result.warnings:
        output.warn(warning)
    output.emit(
        output_format,
        listings=lambda: report.check_listings(result.verdict, result.findings),
        document=lambda: report.check_document(result.verdict, result.findings),
        data=lambda: report.check_rows(result.findings),
    )
    failing = {
        FailOn.WARN: {"warn", "regression"},
        FailOn.REGRESSION: {"regression"},
        FailOn.NEVER: set[str](),
    }[fail_on]
    if result.verdict in failing:
        raise typer.Exit(REGRESSION)
    if result.lacks_baseline and (require_baseline or against is not None):
        raise typer.Exit(NO_BASELINE)
