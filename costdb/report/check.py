"""The findings of a check as listings and as JSON, `costdb.check/1`."""

from collections.abc import Iterator, Sequence
from typing import Any

from costdb.contracts import Attribution, Finding
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Column, Listing, Unit
from costdb.report.numbers import UNKNOWN, format_change, format_column, format_count, percent
from costdb.trends.verdicts import finding_id

SCHEMA = "costdb.check/1"

# How many parts of a model are named as the cause of one finding in a table.
ATTRIBUTIONS_SHOWN = 5


def check_document(verdict: str, findings: Sequence[Finding]) -> dict[str, Any]:
    """Every finding, exact."""
    return {
        "schema": SCHEMA,
        "verdict": verdict,
        "findings": [_finding_document(finding) for finding in findings],
    }


def _finding_document(finding: Finding) -> dict[str, Any]:
    change = (finding.new or 0) - (finding.old or 0)
    return {
        "id": finding_id(finding),
        "kind": finding.kind,
        "model": finding.model,
        "tag": finding.tag,
        "point": finding.point,
        "metric": finding.metric,
        "scope": finding.scope,
        "verdict": finding.verdict,
        "reason": finding.reason,
        "old": finding.old,
        "new": finding.new,
        "limit": finding.limit,
        "rule": finding.rule,
        "baseline": finding.baseline,
        "attribution": [
            {
                "scope": part.scope,
                "share": part.change / change if change else 0.0,
                "change": part.change,
                "text": part.text,
            }
            for part in finding.attribution
        ],
    }


def check_listings(verdict: str, findings: Sequence[Finding]) -> Iterator[Listing]:
    """A table of all findings, and below it what made those that matter."""
    yield Listing(
        (
            Column("model"),
            Column("metric"),
            Column("against"),
            Column("old", Unit.WRITTEN),
            Column("new", Unit.WRITTEN),
            Column("change", Unit.WRITTEN),
            Column("limit", Unit.WRITTEN),
            Column("verdict", Unit.VERDICT),
        ),
        [_row(finding) for finding in findings],
        footer=(*_explanations(findings), _summary(verdict, findings)),
    )


def check_rows(findings: Sequence[Finding]) -> Listing:
    """All findings with exact numbers, for CSV."""
    fields = ("kind", "model", "tag", "point", "metric", "scope", "verdict", "reason")
    numbers = ("old", "new", "limit", "rule", "baseline")
    return Listing(
        tuple(map(Column, ("id", *fields, *numbers))),
        [
            (finding_id(finding), *(getattr(finding, name) for name in (*fields, *numbers)))
            for finding in findings
        ],
    )


def _subject(finding: Finding) -> str:
    tag = f"@{finding.tag}" if finding.tag else ""
    point = f" at {finding.point}" if finding.point != "default" else ""
    return f"{finding.model}{tag}{point}"


def _metric(finding: Finding) -> str:
    return finding.metric if finding.scope == "total" else f"{finding.metric} of {finding.scope}"


def _row(finding: Finding) -> tuple[str, ...]:
    old, new, limit = _numbers(finding)
    change = UNKNOWN
    if finding.old is not None and finding.new is not None:
        change = format_change(finding.old, finding.new)
    return (
        _subject(finding),
        _metric(finding),
        finding.baseline,
        old,
        new,
        change,
        limit,
        finding.verdict,
    )


def _numbers(finding: Finding) -> list[str]:
    """Old, new and limit under one prefix; exact where rounding would make two look equal."""
    suffix = "B" if METRIC_UNITS[finding.metric] is Unit.BYTES else ""
    return format_column([finding.old, finding.new, finding.limit], suffix)


def _explanations(findings: Sequence[Finding]) -> Iterator[str]:
    """Why things were not judged, and what made the findings that matter, each change once."""
    for finding in findings:
        if finding.verdict == "not-judged":
            yield f"not judged: {_metric(finding)} of {_subject(finding)}: {finding.reason}"
    changes: dict[tuple[str, str, tuple[Attribution, ...]], list[Finding]] = {}
    for finding in findings:
        if finding.verdict in {"warn", "regression"}:
            change = (_subject(finding), _metric(finding), finding.attribution)
            changes.setdefault(change, []).append(finding)
    for (subject, metric, _), same in changes.items():
        yield f"{metric} of {subject}:"
        yield from (f"  {finding.verdict}{_cause(finding)}" for finding in same)
        yield from _parts(same[0])


def _cause(finding: Finding) -> str:
    baseline = f" against {finding.baseline}" if finding.baseline else ""
    return f"{baseline}; the rule: {finding.rule}"


def _parts(finding: Finding) -> Iterator[str]:
    suffix = "B" if METRIC_UNITS[finding.metric] is Unit.BYTES else ""
    shown = finding.attribution[:ATTRIBUTIONS_SHOWN]
    whole = sum(part.change for part in finding.attribution)
    for part in shown:
        amount = f"{'+' if part.change > 0 else ''}{format_count(part.change, suffix)}"
        share = percent(part.change, whole)
        yield f"  {share:>6}  {amount:>12}  {part.scope}: {part.text}"
    rest = finding.attribution[ATTRIBUTIONS_SHOWN:]
    if rest:
        yield f"  {len(rest)} smaller parts more; --format json lists them"


def _summary(verdict: str, findings: Sequence[Finding]) -> str:
    counted = {
        name: sum(finding.verdict == name for finding in findings)
        for name in ("ok", "improved", "warn", "regression", "not-judged")
    }
    listed = ", ".join(f"{number} {name}" for name, number in counted.items() if number)
    return f"{verdict}: {listed or 'nothing to judge'}"
