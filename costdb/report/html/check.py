"""A check as a page: what moved, where and why, with the history that led there."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from costdb.contracts import Finding
from costdb.cost.result import METRICS, Totals
from costdb.report.analysis import METRIC_UNITS, format_metric
from costdb.report.finding import (
    WORSE,
    change,
    headline,
    metric,
    numbers,
    subject,
    tally,
    worst_first,
)
from costdb.report.history import history_listings
from costdb.report.html.figure import Figure, figure, metric_plot
from costdb.report.html.page import page
from costdb.report.html.parts import bars
from costdb.report.listing import Column, Listing, Unit, Value
from costdb.report.numbers import format_change
from costdb.report.plot import Bound, Line, Mark, Plot
from costdb.store.records import Series
from costdb.trends.verdicts import question

# How many versions of a history the page shows.
VERSIONS_SHOWN = 100

# How many versions have a section of their own, and with how many findings.
SUBJECTS_SHOWN = 25
FINDINGS_SHOWN = 40

# How many parts of a model are named as the cause of one change.
_PARTS_SHOWN = 8

# Model and operating point -> the line that the judged version continues.
Histories = Mapping[tuple[str, str], Series]


def check_page(
    verdict: str, findings: Sequence[Finding], histories: Histories, *, made_at: datetime
) -> str:
    """A page of all findings.

    Args:
        verdict: The worst of all.
        findings: What was found.
        histories: The judged versions' past, for plots; what is missing has none.
        made_at: The time that the page gives.

    Raises:
        ConfigurationError: Jinja2 is not installed.
    """
    ordered = worst_first(findings)
    subjects = shown_subjects(findings)
    moved = [found for found in ordered if found.verdict in {*WORSE, "improved"}]
    return page(
        "check.html",
        made_at,
        verdict=verdict,
        headline=headline(findings),
        counted=tally(findings),
        news=sum(bool(finding.is_new) for finding in findings),
        moved=_listing(moved),
        subjects=[_subject(same, histories) for same in subjects],
        more_subjects=max(len(set(map(subject, moved))) - len(subjects), 0),
        unjudged=_unjudged([f for f in ordered if f.verdict == "not-judged"]),
        still=_listing([f for f in ordered if f.verdict == "ok"]),
        versions_shown=VERSIONS_SHOWN,
    )


def shown_subjects(findings: Sequence[Finding]) -> list[list[Finding]]:
    """The findings of each version and operating point that is shown apart, the worst first.

    These are the ones that moved; of one model that did not, those that are fine.
    """
    shown = [found for found in worst_first(findings) if found.verdict in {*WORSE, "improved"}]
    if not shown and len({finding.model for finding in findings}) == 1:
        shown = [found for found in findings if found.verdict == "ok"]
    subjects: dict[str, list[Finding]] = {}
    for finding in shown:
        subjects.setdefault(subject(finding), []).append(finding)
    return [same[:FINDINGS_SHOWN] for same in list(subjects.values())[:SUBJECTS_SHOWN]]


def _listing(findings: Sequence[Finding]) -> Listing:
    columns = (
        Column("version"),
        Column("metric"),
        Column("before", Unit.WRITTEN),
        Column("now", Unit.WRITTEN),
        Column("change", Unit.WRITTEN),
        Column("limit", Unit.WRITTEN),
        Column("against"),
        Column("verdict", Unit.VERDICT),
    )
    return Listing(columns, [_row(finding) for finding in findings])


def _row(finding: Finding) -> tuple[Value, ...]:
    old, new, limit = numbers(finding)
    against = finding.baseline or "budget"
    what = (subject(finding), metric(finding))
    return (*what, old, new, change(finding), limit, against, finding.verdict)


def _unjudged(findings: Sequence[Finding]) -> Listing:
    return Listing(
        (Column("version"), Column("metric"), Column("against"), Column("reason")),
        [(subject(f), metric(f), f.baseline, f.reason) for f in findings],
    )


def _subject(findings: Sequence[Finding], histories: Histories) -> dict[str, Any]:
    """One version at one operating point; its findings come with the worst first."""
    first = findings[0]
    history = histories.get((first.model, first.point))
    changes: dict[tuple[str, str], list[Finding]] = {}
    for finding in findings:
        changes.setdefault((finding.metric, finding.scope), []).append(finding)
    shown = tuple(dict.fromkeys(f.metric for f in findings if _is_total(f)))
    table = None
    if history is not None and shown:
        table = next(iter(history_listings([history], shown)))
    return {
        "name": subject(first),
        "verdict": first.verdict,
        "changes": [_change(same, history) for same in changes.values()],
        "totals": _totals(history, first.tag),
        "history": table,
    }


def _change(same: Sequence[Finding], history: Series | None) -> dict[str, Any]:
    """What happened to one metric; the worst finding of it leads."""
    first = same[0]
    parts, smaller = bars(first.metric, first.attribution, _PARTS_SHOWN)
    old, new, _ = numbers(first)
    return {
        "metric": metric(first),
        "by": change(first) if first.old is not None else "",
        "old": old if first.old is not None else "",
        "new": new,
        "reason": first.reason,
        "parts": parts,
        "smaller": smaller,
        "judgements": [judgement(finding) for finding in same],
        "figure": _figure(same, history),
    }


def judgement(finding: Finding) -> dict[str, Any]:
    """How a rule judged a change: its verdict, against what, its limit."""
    _, _, limit = numbers(finding)
    is_compared = finding.old is not None
    return {
        "verdict": finding.verdict,
        "text": f"{change(finding)} against {finding.baseline}" if is_compared else finding.reason,
        "limit": limit if is_compared else "",
        "rule": finding.rule,
        "is_new": bool(finding.is_new),
    }


def _figure(same: Sequence[Finding], history: Series | None) -> Figure | None:
    first = same[0]
    if history is None or not _is_total(first) or first.new is None:
        return None
    drawn = _with_judged(metric_plot([history], first.metric), first)
    bounds: list[Bound] = []
    if first.old is not None:
        bounds.append(Bound(first.baseline, first.old, "baseline"))
    if first.limit is not None:
        kind = "limit" if question(first)[-1] else "budget"
        name = f"{kind} {format_metric(first.metric, first.limit)}"
        bounds.append(Bound(name, first.limit, kind))
    return figure(f"{first.metric} over versions", replace(drawn, bounds=tuple(bounds)))


def _with_judged(drawn: Plot, finding: Finding) -> Plot:
    """The drawing with the version that was judged marked; a file comes behind the versions."""
    value = finding.new or 0
    if finding.tag in drawn.versions:
        position = drawn.versions.index(finding.tag)
    else:
        position = len(drawn.versions)
        (line,) = drawn.lines
        lines = (Line(line.name, (*line.points, (position, value))),)
        drawn = replace(drawn, versions=(*drawn.versions, "this file"), lines=lines)
    text = change(finding) if finding.old is not None else finding.verdict
    return replace(drawn, marks=(Mark(position, value, text, finding.verdict),))


def _totals(history: Series | None, tag: str) -> Listing | None:
    """Every total of the judged version beside that of the one before it."""
    versions = [] if history is None else history.versions
    position = next((place for place, v in enumerate(versions) if v.tag == tag), None)
    if position is None or (now := versions[position].totals) is None:
        return None
    before = versions[position - 1].totals if position else None
    heading = versions[position - 1].tag if position else "before"
    return Listing(
        (
            Column("total"),
            Column(heading, Unit.WRITTEN),
            Column(tag, Unit.WRITTEN),
            Column("change", Unit.WRITTEN),
        ),
        [_total_row(name, before, now) for name in METRICS],
    )


def _total_row(name: str, before: Totals | None, now: Totals) -> tuple[Value, ...]:
    old, new = before[name] if before else None, now[name]
    moved = "" if old is None or new is None else format_change(old, new)
    return name, format_metric(name, old), format_metric(name, new), moved


def _is_total(finding: Finding) -> bool:
    return finding.scope == "total" and finding.metric in METRIC_UNITS
