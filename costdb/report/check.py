"""The findings of a check as listings and as JSON, `costdb.check/1`."""

from collections.abc import Iterator, Sequence
from typing import Any

from costdb.contracts import Finding
from costdb.report.finding import (
    WORSE,
    age,
    by_change,
    change,
    counted,
    metric,
    numbers,
    signed,
    subject,
)
from costdb.report.listing import Column, Listing, Unit
from costdb.report.numbers import percent, quantity
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
    difference = (finding.new or 0) - (finding.old or 0)
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
                "share": part.change / difference if difference else 0.0,
                "change": part.change,
                "text": part.text,
            }
            for part in finding.attribution
        ],
        "is_new": finding.is_new,
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
        tuple(map(Column, ("id", *fields, *numbers, "is_new"))),
        [
            (
                finding_id(finding),
                *(getattr(finding, name) for name in (*fields, *numbers)),
                None if finding.is_new is None else str(finding.is_new).lower(),
            )
            for finding in findings
        ],
    )


def _row(finding: Finding) -> tuple[str, ...]:
    old, new, limit = numbers(finding)
    return (
        subject(finding),
        metric(finding),
        finding.baseline,
        old,
        new,
        change(finding),
        limit,
        finding.verdict,
    )


def _explanations(findings: Sequence[Finding]) -> Iterator[str]:
    """Why things were not judged, and what made the findings that matter, each change once."""
    unjudged: dict[tuple[str, str], dict[str, None]] = {}
    for finding in findings:
        if finding.verdict == "not-judged":
            metrics = unjudged.setdefault((subject(finding), finding.reason), {})
            metrics[metric(finding)] = None
    for (judged, reason), metrics in unjudged.items():
        yield f"not judged: {', '.join(metrics)} of {judged}: {reason}"
    for same in by_change([finding for finding in findings if finding.verdict in WORSE]):
        yield f"{metric(same[0])} of {subject(same[0])}:"
        yield from (f"  {finding.verdict}{_cause(finding)}" for finding in same)
        if same[0].new is None:
            yield f"  {same[0].reason}"
        yield from _parts(same[0])


def _cause(finding: Finding) -> str:
    baseline = f" against {finding.baseline}" if finding.baseline else ""
    return f"{baseline}{age(finding)}; the rule: {finding.rule}"


def _parts(finding: Finding) -> Iterator[str]:
    shown = finding.attribution[:ATTRIBUTIONS_SHOWN]
    whole = sum(part.change for part in finding.attribution)
    for part in shown:
        amount = signed(part.change, finding.metric)
        share = percent(part.change, whole)
        yield f"  {share:>6}  {amount:>12}  {part.scope}: {part.text}"
    rest = finding.attribution[ATTRIBUTIONS_SHOWN:]
    if rest:
        yield f"  {quantity(len(rest), 'smaller part')} more; --format json lists them"


def _summary(verdict: str, findings: Sequence[Finding]) -> str:
    return f"{verdict}: {counted(findings)}"
