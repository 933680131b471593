"""Where the answer of a check goes: stdout in one format, and files, each in that of its name."""

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costdb.cli import output
from costdb.cli.options import OutputFormat
from costdb.errors import ConfigurationError, OutputUnwritable, StoreError, UsageError
from costdb.report import escape

if TYPE_CHECKING:
    from costdb.checking import Checked
    from costdb.report.html.check import Histories
    from costdb.report.listing import Listing
    from costdb.store.records import Series


class CheckFormat(StrEnum):
    """How a check is printed."""

    TABLE = "table"
    JSON = "json"
    CSV = "csv"
    MARKDOWN = "markdown"
    PULL_REQUEST = "pull-request"
    JUNIT = "junit"
    SARIF = "sarif"
    GITHUB = "github"
    HTML = "html"


# What a file is written in, by the end of its name.
SUFFIXES = {
    ".html": CheckFormat.HTML,
    ".xml": CheckFormat.JUNIT,
    ".sarif": CheckFormat.SARIF,
    ".sarif.json": CheckFormat.SARIF,
    ".md": CheckFormat.PULL_REQUEST,
    ".json": CheckFormat.JSON,
    ".csv": CheckFormat.CSV,
}


def format_of(file: Path) -> CheckFormat:
    """What a file is written in. Raises UsageError."""
    endings = [ending for ending in SUFFIXES if file.name.endswith(ending)]
    if not endings:
        raise UsageError(
            f"-o {str(file)!r} does not say in which format",
            hint=f"end its name in one of {' '.join(SUFFIXES)}",
        )
    return SUFFIXES[max(endings, key=len)]


@dataclass(frozen=True, slots=True)
class CheckOutput:
    """The answer of one check, ready to be written in any format.

    Attributes:
        checked: What was found.
        target: What was asked for; None for every model.
        policy: The policy's file, if one was named.
        branch: The branch that files are compared with.
        history: Reads histories, as `costdb.api.history`.
        failing: The verdicts that make the exit code 3.
    """

    checked: "Checked"
    target: str | None
    policy: Path | None
    branch: str
    history: "Callable[..., list[Series]]"
    failing: Collection[str]

    def text(self, output_format: CheckFormat) -> str:
        """The whole answer as text. Raises ConfigurationError for HTML without Jinja2."""
        return _RENDERERS[output_format](self)

    def print(self, output_format: CheckFormat) -> None:
        """The answer on stdout."""
        if output_format is not CheckFormat.TABLE:
            print(self.text(output_format))
            return
        output.emit(
            OutputFormat.TABLE,
            listings=lambda: _listings(self),
            document=lambda: _document(self),
            data=lambda: _rows(self),
        )

    def append_job_summary(self, file: Path | None) -> None:
        """Add the answer to a GitHub job's summary.

        Raises:
            ConfigurationError: There is none.
            OutputUnwritable: It cannot be written.
        """
        if file is None:
            raise ConfigurationError(
                "there is no job summary: GITHUB_STEP_SUMMARY is not set",
                hint="leave --job-summary out outside GitHub Actions",
            )
        try:
            with file.open("a", encoding="utf-8") as summary:
                summary.write(f"{self.text(CheckFormat.PULL_REQUEST)}\n")
        except OSError as error:
            raise OutputUnwritable(
                f"the job summary {str(file)!r} cannot be written: {error.strerror}",
                hint="leave --job-summary out",
            ) from error

    def name(self) -> str:
        """What is judged, the same from run to run: a model, or "all"."""
        models = {finding.model for finding in self.checked.findings}
        if self.target is None:
            return "all"
        return " ".join(sorted(models)) or self.target

    def location(self) -> str:
        """The file that a result is shown at, from the current folder."""
        file = str(self.policy or "costdb.toml")
        if self.target is not None and Path(self.target).is_file():
            file = self.target
        relative = os.path.relpath(file)
        return Path(file).name if relative.startswith("..") else relative

    def histories(self) -> "Histories":
        """What led to the versions that moved; nothing of models that the database has not."""
        from costdb.report.html.check import VERSIONS_SHOWN, shown_subjects

        found: dict[tuple[str, str], Series] = {}
        for findings in shown_subjects(self.checked.findings):
            model, tag, point = findings[0].model, findings[0].tag, findings[0].point
            try:
                lines = self.history(
                    model,
                    points=[point],
                    branch=None if tag else self.branch,
                    last=VERSIONS_SHOWN,
                    until=tag or None,
                )
            except StoreError:
                continue
            for line in lines:
                if not tag or line.versions[-1].tag == tag:
                    found[model, point] = line
        return found


def _listings(answer: CheckOutput) -> "Iterable[Listing]":
    from costdb.report.check import check_listings

    return check_listings(answer.checked.verdict, answer.checked.findings)


def _document(answer: CheckOutput) -> dict[str, Any]:
    from costdb.report.check import check_document

    return check_document(answer.checked.verdict, answer.checked.findings)


def _rows(answer: CheckOutput) -> "Listing":
    from costdb.report.check import check_rows

    return check_rows(answer.checked.findings)


def _json(answer: CheckOutput) -> str:
    return escape.json_text(_document(answer))


def _csv(answer: CheckOutput) -> str:
    from costdb.report.text import comma_separated

    return comma_separated(_rows(answer))


def _markdown(answer: CheckOutput) -> str:
    from costdb.report.text import markdown

    return "\n\n".join(map(markdown, _listings(answer)))


def _pull_request(answer: CheckOutput) -> str:
    from costdb.report.pull_request import pull_request

    return pull_request(answer.checked.findings, answer.name())


def _junit(answer: CheckOutput) -> str:
    from costdb.report.junit import junit

    return junit(answer.checked.findings, {"regression", *answer.failing})


def _sarif(answer: CheckOutput) -> str:
    from costdb.report.sarif import sarif

    return escape.json_text(sarif(answer.checked.findings, answer.location()))


def _github(answer: CheckOutput) -> str:
    from costdb.report.github import annotations

    return annotations(answer.checked.findings)


def _html(answer: CheckOutput) -> str:
    from costdb.report.html.check import check_page

    checked = answer.checked
    return check_page(
        checked.verdict, checked.findings, answer.histories(), made_at=datetime.now(UTC)
    )


# A table is for stdout alone: `CheckOutput.print`.
_RENDERERS: dict[CheckFormat, Callable[[CheckOutput], str]] = {
    CheckFormat.JSON: _json,
    CheckFormat.CSV: _csv,
    CheckFormat.MARKDOWN: _markdown,
    CheckFormat.PULL_REQUEST: _pull_request,
    CheckFormat.JUNIT: _junit,
    CheckFormat.SARIF: _sarif,
    CheckFormat.GITHUB: _github,
    CheckFormat.HTML: _html,
}
