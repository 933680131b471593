"""What people accepted: values that a metric may reach from then on."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import NamedTuple


class AcceptanceKey(NamedTuple):
    """What an acceptance is about."""

    model: str
    point: str
    metric: str
    scope: str


class AcceptanceState(StrEnum):
    """Whether an acceptance holds, or why it does not."""

    IN_FORCE = "in force"
    SUPERSEDED = "superseded"  # by a later one for the same
    EXPIRED = "expired"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A value that someone accepted.

    Attributes:
        model: The model's name.
        tag: The version that was accepted, from which creep is measured; empty for a value alone.
        point: The operating point.
        metric: A metric, or what a structural rule looks at.
        scope: The part of the model; see `costdb.trends.scopes`.
        value: The accepted value; None for a structural rule.
        rules: The revision of the counting rules that it was counted under.
        reason: Why.
        author: Who; None where not said.
        accepted_at: When; aware.
        expires_at: When it ends by itself; None for never.
        revoked_at: When it was taken back; None while it was not.
        id: Its number in the database; None for one in a file.
        file: The file that it stands in; empty for the database.
    """

    model: str
    tag: str
    point: str
    metric: str
    scope: str
    value: int | None
    rules: int
    reason: str
    author: str | None
    accepted_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    id: int | None = None
    file: str = ""

    @property
    def key(self) -> AcceptanceKey:
        """What it is about."""
        return AcceptanceKey(self.model, self.point, self.metric, self.scope)


def in_force(
    acceptances: Iterable[Acceptance], now: datetime
) -> Mapping[AcceptanceKey, Acceptance]:
    """The acceptance that holds for each thing that was accepted: the latest one.

    Args:
        acceptances: All that there are.
        now: The time, aware.
    """
    held = [one for one in acceptances if _ended(one, now) is None]
    return {one.key: one for one in sorted(held, key=_age)}


def states(
    acceptances: Iterable[Acceptance], now: datetime
) -> list[tuple[Acceptance, AcceptanceState]]:
    """Each acceptance and whether it holds, the latest first."""
    ordered = sorted(acceptances, key=_age, reverse=True)
    holding = in_force(ordered, now)
    return [
        (
            one,
            _ended(one, now)
            or (
                AcceptanceState.IN_FORCE if holding[one.key] is one else AcceptanceState.SUPERSEDED
            ),
        )
        for one in ordered
    ]


def _ended(one: Acceptance, now: datetime) -> AcceptanceState | None:
    if one.revoked_at is not None:
        return AcceptanceState.REVOKED
    if one.expires_at is not None and one.expires_at <= now:
        return AcceptanceState.EXPIRED
    return None


def _age(one: Acceptance) -> tuple[datetime, int]:
    return one.accepted_at, one.id or 0
