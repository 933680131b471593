"""What was accepted, as listings and as JSON: `costdb.accept/1`, `costdb.acceptances/1`."""

from collections.abc import Sequence
from typing import Any

from costdb.accepting import Accepted
from costdb.report.listing import Column, Listing, Unit
from costdb.trends import reasons
from costdb.trends.acceptance import Acceptance, AcceptanceState

_COLUMNS = (
    Column("id", Unit.EXACT),
    Column("model"),
    Column("point"),
    Column("metric"),
    Column("up to", Unit.EXACT),
    Column("by"),
    Column("expires"),
    Column("reason"),
)


def accepted_listing(accepted: Accepted) -> Listing:
    """What was accepted just now."""
    place = "" if accepted.file is None else f", written to {accepted.file}"
    title = f"accepted {accepted.version}{place}"
    footer: tuple[str, ...] = ()
    if not accepted.acceptances:
        title = f"{accepted.version} has no findings: nothing is accepted"
        footer = ("--metric macs accepts a metric, whatever the policy says of it",)
    return Listing(
        _COLUMNS, [_row(one) for one in accepted.acceptances], title=title, footer=footer
    )


def accepted_document(accepted: Accepted) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "schema": "costdb.accept/1",
        "version": accepted.version,
        "file": None if accepted.file is None else str(accepted.file),
        "accepted": [_document(one) for one in accepted.acceptances],
    }


def revoked_listing(revoked: Acceptance) -> Listing:
    """What holds no longer."""
    return Listing(_COLUMNS, [_row(revoked)], title=f"acceptance {revoked.id} is revoked")


def revoked_document(revoked: Acceptance) -> dict[str, Any]:
    """The same as JSON."""
    return {"schema": "costdb.accept/1", "revoked": _document(revoked)}


def acceptances_listing(found: Sequence[tuple[Acceptance, AcceptanceState]]) -> Listing:
    """Everything that was accepted, and whether it holds."""
    return Listing(
        (Column("state"), *_COLUMNS, Column("accepted"), Column("in")),
        [
            (state.value, *_row(one), f"{one.accepted_at:%Y-%m-%d}", one.file or "the database")
            for one, state in found
        ],
        footer=() if found else ("nothing was accepted yet: costdb accept MODEL@TAG --reason WHY",),
    )


def acceptances_document(found: Sequence[tuple[Acceptance, AcceptanceState]]) -> dict[str, Any]:
    """The same as JSON."""
    return {
        "schema": "costdb.acceptances/1",
        "acceptances": [{"state": state.value, **_document(one)} for one, state in found],
    }


def _row(one: Acceptance) -> tuple[str | int | None, ...]:
    return (
        one.id,
        f"{one.model}@{one.tag}" if one.tag else one.model,
        one.point,
        reasons.subject(one.metric, one.scope),
        one.value,
        one.author,
        f"{one.expires_at:%Y-%m-%d %H:%M} UTC" if one.expires_at else "never",
        one.reason,
    )


def _document(one: Acceptance) -> dict[str, Any]:
    return {
        "id": one.id,
        "file": one.file or None,
        "model": one.model,
        "tag": one.tag or None,
        "point": one.point,
        "metric": one.metric,
        "scope": one.scope,
        "value": one.value,
        "rules": one.rules,
        "reason": one.reason,
        "by": one.author,
        "accepted_at": one.accepted_at.isoformat(),
        "expires_at": one.expires_at and one.expires_at.isoformat(),
        "revoked_at": one.revoked_at and one.revoked_at.isoformat(),
    }
