"""The findings of a check as annotations of a GitHub workflow run.

GitHub shows ten of each kind for a step, so the tenth says how many more there are.
"""

from collections.abc import Iterator, Sequence

from costdb.contracts import Finding
from costdb.report import escape
from costdb.report.finding import headline, metric, subject, worst_first

ANNOTATIONS_SHOWN = 10


def annotations(findings: Sequence[Finding]) -> str:
    """A line for each regression and each warning, the worst first, and one for the headline."""
    ordered = worst_first(findings)
    return "\n".join(
        [
            *_of_one_kind("error", [found for found in ordered if found.verdict == "regression"]),
            *_of_one_kind("warning", [found for found in ordered if found.verdict == "warn"]),
            _command("notice", "costdb", "".join(headline(findings))),
        ]
    )


def _of_one_kind(level: str, findings: Sequence[Finding]) -> Iterator[str]:
    is_cut = len(findings) > ANNOTATIONS_SHOWN
    shown = findings[: ANNOTATIONS_SHOWN - 1] if is_cut else findings
    for finding in shown:
        text = f"{finding.reason}; the rule: {finding.rule}"
        yield _command(level, f"{subject(finding)}: {metric(finding)}", text)
    if is_cut:
        left = len(findings) - len(shown)
        yield _command(level, "costdb", f"{left} more findings; the other formats list them all")


def _command(level: str, title: str, text: str) -> str:
    return f"::{level} title={escape.annotation_property(title)}::{escape.annotation(text)}"
