"""At which versions a policy would have fired, as a listing and as JSON, `costdb.replay/1`."""

from collections.abc import Iterator
from typing import Any

from costdb.contracts import Finding
from costdb.replaying import Replayed, ReplayedVersion
from costdb.report.check import check_document
from costdb.report.finding import WORSE, change, metric, numbers, subject
from costdb.report.listing import Column, Listing, Unit
from costdb.report.numbers import quantity

# How many versions are named below a table.
_NAMED = 20


def replay_listing(replayed: Replayed) -> Listing:
    """A row for each finding that would have been made, in the order of the versions."""
    rows = [
        (
            subject(finding),
            metric(finding),
            finding.baseline,
            *numbers(finding)[:2],
            change(finding),
            numbers(finding)[2],
            finding.verdict,
            _age(finding),
        )
        for version in replayed.versions
        for finding in _fired(version)
    ]
    return Listing(
        (
            Column("version"),
            Column("metric"),
            Column("against"),
            Column("old", Unit.WRITTEN),
            Column("new", Unit.WRITTEN),
            Column("change", Unit.WRITTEN),
            Column("limit", Unit.WRITTEN),
            Column("verdict", Unit.VERDICT),
            Column("since"),
        ),
        rows,
        title=f"{replayed.model} on branch {replayed.branch} by the policy of {replayed.policy}",
        footer=tuple(_summary(replayed)),
    )


def replay_rows(replayed: Replayed) -> Listing:
    """Every finding of every version with exact numbers, for CSV."""
    fields = ("tag", "point", "metric", "scope", "baseline", "old", "new", "limit", "verdict")
    return Listing(
        tuple(map(Column, ("ordinal", *fields, "is_new", "rule", "reason"))),
        [
            (
                version.ordinal,
                *(getattr(finding, name) for name in fields),
                "" if finding.is_new is None else str(finding.is_new).lower(),
                finding.rule,
                finding.reason,
            )
            for version in replayed.versions
            for finding in version.findings
        ],
    )


def replay_document(replayed: Replayed) -> dict[str, Any]:
    """Every version with its findings as `costdb.check/1` has them."""
    return {
        "schema": "costdb.replay/1",
        "model": replayed.model,
        "branch": replayed.branch,
        "policy": replayed.policy,
        "versions": [
            {
                "tag": version.tag,
                "ordinal": version.ordinal,
                "verdict": version.verdict.value,
                "findings": check_document(version.verdict, version.findings)["findings"],
            }
            for version in replayed.versions
        ],
    }


def _fired(version: ReplayedVersion) -> list[Finding]:
    return [finding for finding in version.findings if finding.verdict in WORSE]


def _age(finding: Finding) -> str:
    return "new" if finding.is_new else "the version before"


def _summary(replayed: Replayed) -> Iterator[str]:
    fired = [version for version in replayed.versions if _fired(version)]
    new = [version for version in fired if any(finding.is_new for finding in _fired(version))]
    looked_at = quantity(len(replayed.versions), "version")
    if not fired:
        yield f"{looked_at}: the policy would have said nothing"
        return
    yield f"{looked_at}: something to say at {len(fired)}, something new at {len(new)}"
    named = [f"{version.tag} ({version.verdict})" for version in new[:_NAMED]]
    rest = f" and {len(new) - _NAMED} more" if len(new) > _NAMED else ""
    yield f"new at: {', '.join(named)}{rest}"
