"""`costdb check`: did it get worse?"""

from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.check_output import SUFFIXES, CheckFormat, CheckOutput, format_of
from costdb.cli.place import place
from costdb.cli.policy import print_policy, print_replay
from costdb.cli.reading import reads_files, warn_of_unread

if TYPE_CHECKING:
    from costdb.reading import Reading

REGRESSION, NO_BASELINE = 3, 4


class FailOn(StrEnum):
    """Which verdict makes the exit code 3."""

    WARN = "warn"
    REGRESSION = "regression"
    NEVER = "never"


@reads_files
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
    *,
    reading: "Reading",
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
    to: options.Server = None,
    output_format: Annotated[
        CheckFormat, typer.Option("--format", "-f", help="How to print the answer.")
    ] = CheckFormat.TABLE,
    files: Annotated[
        list[Path] | None,
        typer.Option(
            "-o",
            metavar="FILE",
            help=f"Also write the answer to a file, as its name says: {' '.join(SUFFIXES)}."
            " May be repeated.",
            show_default=False,
        ),
    ] = None,
    job_summary: Annotated[
        bool, typer.Option("--job-summary", help="Add the answer to the GitHub job's summary.")
    ] = False,
    notify: Annotated[
        bool,
        typer.Option(
            "--notify", help="Hand findings that the last run did not have to notifier plugins."
        ),
    ] = False,
    explain_policy: Annotated[
        bool,
        typer.Option(
            "--explain-policy",
            help="Judge nothing, but say which rules hold, for a model also why and instead of"
            " which.",
        ),
    ] = False,
    replay: Annotated[
        bool,
        typer.Option(
            "--replay", help="Say at which past versions of a model the policy would have fired."
        ),
    ] = False,
    with_acceptances: Annotated[
        bool,
        typer.Option(
            "--with-acceptances",
            help="With --replay: what was accepted counts from its version on.",
        ),
    ] = False,
    no_save: Annotated[
        bool,
        typer.Option(
            "--no-save", help="Keep nothing by which the next check would know what is new."
        ),
    ] = False,
) -> None:
    """Judge a version against its baselines; exit 3 if it got worse than the policy allows."""
    from costdb import api

    if explain_policy:
        print_policy(target, policy, point, output_format)
        return
    if replay:
        print_replay(
            target,
            policy,
            branch,
            point,
            place(database, to),
            output_format,
            with_acceptances=with_acceptances,
        )
        return
    warn_of_unread(reading, target, against)
    costs, url = place(database, to)
    formats = {file: format_of(file) for file in files or ()}
    result = costs.check(
        target,
        reading,
        all_models=all_models,
        against=against,
        model=model,
        policy=policy,
        branch=branch,
        point=point,
        save=not no_save,
        database=url,
    )
    for warning in result.warnings:
        output.warn(warning)
    if notify:
        # First of all: what could not be written can be written again, but news is news once.
        for problem in api.notify(result.findings):
            output.warn(problem)
    failing = {
        FailOn.WARN: {"warn", "regression"},
        FailOn.REGRESSION: {"regression"},
        FailOn.NEVER: set[str](),
    }[fail_on]
    history = partial(costs.history, database=url)
    answer = CheckOutput(result, target, policy, branch, history, failing)
    texts = {file: answer.text(format_) for file, format_ in formats.items()}
    for file, text in texts.items():
        output.write(file, text)
    if job_summary:
        from costdb.settings import load_settings

        answer.append_job_summary(load_settings().job_summary)
    answer.print(output_format)
    if result.verdict in failing:
        raise typer.Exit(REGRESSION)
    if result.lacks_baseline and (require_baseline or against is not None):
        raise typer.Exit(NO_BASELINE)
