"""`costdb check --explain-policy` and `--replay`: what a policy says, and would have said."""

from pathlib import Path
from typing import TYPE_CHECKING

from costdb.cli import output
from costdb.cli.check_output import CheckFormat
from costdb.cli.options import OutputFormat
from costdb.errors import UsageError

if TYPE_CHECKING:
    from costdb.cli.place import Place


def print_policy(
    target: str | None, policy: Path | None, point: str | None, check_format: CheckFormat
) -> None:
    """Print which rules hold, where they come from, and for a model why these."""
    from costdb import api
    from costdb.report import policy as report

    output_format = _listing_format(check_format)
    found = api.explain_policy(target, policy=policy, point=point or "default")
    output.emit(
        output_format,
        listings=lambda: [report.policy_listing(found)],
        document=lambda: report.policy_document(found),
        data=lambda: report.policy_listing(found),
    )


def print_replay(
    model: str | None,
    policy: Path | None,
    branch: str,
    point: str | None,
    place: "tuple[Place, str | None]",
    check_format: CheckFormat,
    *,
    with_acceptances: bool,
) -> None:
    """Print at which versions of a model a policy would have fired, as `costdb.cli.place` knows."""
    from costdb.report import replay as report

    output_format = _listing_format(check_format)
    if model is None or "@" in model:
        raise UsageError("--replay is of one model", hint="costdb check --replay detector")
    costs, url = place
    replayed = costs.replay(
        model,
        policy=policy,
        branch=branch,
        point=point,
        with_acceptances=with_acceptances,
        database=url,
    )
    output.emit(
        output_format,
        listings=lambda: [report.replay_listing(replayed)],
        document=lambda: report.replay_document(replayed),
        data=lambda: report.replay_rows(replayed),
    )


def _listing_format(check_format: CheckFormat) -> OutputFormat:
    """The format of a listing; the others are for findings. Raises UsageError."""
    try:
        return OutputFormat(check_format.value)
    except ValueError as error:
        raise UsageError(
            f"--format {check_format.value} is for the findings of a check",
            hint=f"write one of {', '.join(OutputFormat)}",
        ) from error
