"""A metric over versions as a page's plot: with names, bounds, and what checks have found."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import islice

from sqlalchemy import Engine

from costdb.contracts import Finding
from costdb.report.finding import WORSE, change, fact
from costdb.report.html.figure import metric_plot, with_changes
from costdb.report.plot import WIDE, Bound, Flag, Mark, Plot
from costdb.server.pages import links
from costdb.store.check_runs import runs
from costdb.store.records import AliasRecord, Series

# How many runs of checks are read, the last ones.
_RUNS = 30

# How many changes have their percentage written beside them.
_LABELS = 4


def findings_of(engine: Engine, line: Series, metric: str) -> dict[str, Finding]:
    """Tag -> what was wrong with the metric when the version was judged last."""
    judged: set[str] = set()
    found: dict[str, Finding] = {}
    for run in islice(runs(engine, line.model, f"branch {line.branch}"), _RUNS):
        for finding in run.findings:
            is_asked = (finding.metric, finding.scope, finding.point) == (
                metric, "total", line.point
            )  # fmt: skip
            is_news = finding.tag not in judged and finding.verdict in WORSE
            if is_asked and is_news and _is_worse(finding, found.get(finding.tag)):
                found[finding.tag] = finding
        judged |= {finding.tag for finding in run.findings}
    return found


def _is_worse(one: Finding, other: Finding | None) -> bool:
    return other is None or (one.verdict, other.verdict) == ("regression", "warn")


def plotted(
    line: Series,
    metric: str,
    *,
    named: Iterable[AliasRecord],
    bounds: Sequence[Bound],
    found: dict[str, Finding],
) -> Plot:
    """The drawing.

    Args:
        line: The versions.
        metric: Of them.
        named: The model's aliases.
        bounds: Levels to draw with it.
        found: As `findings_of`.
    """
    tags = [version.tag for version in line.versions]
    places = {tag: place for place, tag in enumerate(tags)}
    marks = [
        Mark(places[tag], finding.new, _label(finding), finding.verdict)
        for tag, finding in found.items()
        if tag in places and finding.new is not None
    ]
    drawn = with_changes(metric_plot([line], metric, bounds))
    marked = {mark.position for mark in marks}
    changes = [mark for mark in drawn.marks if mark.position not in marked]
    return replace(
        drawn,
        marks=tuple(_few_labels([*sorted(marks, key=lambda mark: -mark.position), *changes])),
        flags=tuple(Flag(places[n.tag], n.name) for n in named if n.tag in places),
        links=lambda place: links.version(line.model, tags[place], point=line.point),
        notes={
            places[tag]: [f"{finding.verdict}: {''.join(fact(finding))}"]
            for tag, finding in found.items()
            if tag in places
        },
        size=WIDE,
    )


def _label(finding: Finding) -> str:
    return change(finding) if finding.old is not None else finding.verdict


def _few_labels(marks: Sequence[Mark]) -> list[Mark]:
    """Marks of which the first few have a label; what is left of a mere change is nothing."""
    rest = [replace(mark, text="") for mark in marks[_LABELS:] if mark.kind != "change"]
    return [*marks[:_LABELS], *rest]
