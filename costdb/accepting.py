"""`accept`: what a version costs may be so from now on."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from costdb.baselines import BaselineFinder, CostReader
from costdb.binding import nearest
from costdb.checking import require_point, subject_of_version
from costdb.contracts import Finding
from costdb.cost.result import METRICS, GraphCost
from costdb.errors import DatabaseMissing, StoreError, UsageError
from costdb.in_force import (
    acceptances_in_force,
    accepted_file,
    every_acceptance,
    policy_in_force,
)
from costdb.judging import judged
from costdb.settings import Settings
from costdb.store import Store, open_store, read
from costdb.store.acceptances import add_acceptances, revoke_acceptance
from costdb.store.records import VersionRecord
from costdb.trends import reasons
from costdb.trends.acceptance import Acceptance, AcceptanceKey, AcceptanceState, states
from costdb.trends.accepted_file import add_accepted
from costdb.trends.policy import Policy
from costdb.trends.policy_rule import JUDGED, is_scope, scope_hint
from costdb.trends.scopes import SUMMED_METRICS, TOTAL, amount
from costdb.trends.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be accepted; see `costdb.api.accept`."""

    version: str
    metrics: Sequence[str]
    scope: str | None
    point: str | None
    reason: str
    author: str | None
    expires_at: datetime | None
    policy: Path | None
    in_file: bool
    now: datetime


@dataclass(frozen=True, slots=True)
class Accepted:
    """What was accepted.

    Attributes:
        version: As it is typed: "detector@v7".
        acceptances: One for each operating point, metric and scope; none if nothing was found.
        file: Where they were written; None for the database.
    """

    version: str
    acceptances: tuple[Acceptance, ...]
    file: Path | None = None


def accept(request: Request, settings: Settings) -> Accepted:
    """Accept what a version costs; see `costdb.api.accept`."""
    file = accepted_file(settings) if request.in_file else None
    with open_store(settings.database, create=False) as store:
        version = read.resolve(store.engine, request.version)
        policy = policy_in_force(request.policy, settings)
        in_force = acceptances_in_force(settings, store, request.now)
        wanted = what_is_accepted(request, version, store, policy, in_force)
        if file is None:
            return Accepted(version.name, tuple(add_acceptances(store.engine, wanted)))
    if wanted:
        add_accepted(file, wanted)
    made = tuple(replace(one, file=str(file)) for one in wanted)
    return Accepted(version.name, made, file)


def what_is_accepted(
    request: Request,
    version: VersionRecord,
    store: Store,
    policy: Policy,
    in_force: Mapping[AcceptanceKey, Acceptance],
) -> list[Acceptance]:
    """What a request accepts, each thing once; nothing is written.

    Args:
        request: What is to be accepted.
        version: The version that it names.
        store: The database.
        policy: The policy that finds.
        in_force: What was accepted before.

    Raises:
        UsageError, NotInDatabase: As `costdb.api.accept`.
    """
    _check_words(request)
    if version.archived_at is not None:
        raise UsageError(
            f"{version.name} is archived: nothing is measured from it",
            hint="accept a version that is in use",
        )
    return list(_Accepting(request, version, CostReader(store), policy, in_force).acceptances())


def accepted(
    settings: Settings, model: str | None, now: datetime
) -> list[tuple[Acceptance, AcceptanceState]]:
    """What was accepted, the latest first, and whether it holds; see `costdb.api.accepted`."""
    try:
        store = open_store(settings.database, create=False)
    except DatabaseMissing:
        if not accepted_file(settings).exists():
            raise
        return states(every_acceptance(settings, None, model), now)
    with store:
        if model is not None:
            read.check_model_exists(store.engine, model)
        return states(every_acceptance(settings, store, model), now)


def revoke(settings: Settings, number: int, now: datetime) -> Acceptance:
    """Take an acceptance back; see `costdb.api.revoke`."""
    with open_store(settings.database, create=False) as store:
        return revoke_acceptance(store.engine, number, now)


def _check_words(request: Request) -> None:
    """See that a request says what can be accepted. Raises UsageError."""
    if not request.reason.strip():
        raise UsageError("the reason is empty", hint='write --reason "added decoder"')
    for metric in request.metrics:
        if metric not in JUDGED:
            raise UsageError(f"no metric {metric!r}", hint=nearest(metric, JUDGED, "metrics"))
    scope = request.scope or TOTAL
    if not is_scope(scope):
        raise UsageError(f"no part of a model is called {scope!r}", hint=scope_hint(scope))
    if scope != TOTAL:
        for metric in request.metrics:
            if metric in METRICS and metric not in SUMMED_METRICS:
                raise UsageError(
                    f"{metric} is the whole model's, and no part has one of its own",
                    hint="leave --scope out",
                )
    if request.expires_at is not None and request.expires_at <= request.now:
        raise UsageError(
            f"{request.expires_at:%Y-%m-%d} is over", hint="name a day to come, or none"
        )


class _Accepting:
    """The acceptance of one version."""

    def __init__(
        self,
        request: Request,
        version: VersionRecord,
        reader: CostReader,
        policy: Policy,
        in_force: Mapping[AcceptanceKey, Acceptance],
    ) -> None:
        self.request = request
        self.version = version
        self.reader = reader
        self.policy = policy
        self.in_force = in_force

    def acceptances(self) -> Iterator[Acceptance]:
        """What is accepted, each thing once."""
        points = self.version.points if self.request.point is None else (self.request.point,)
        for point in points:
            require_point(self.version, point)
            if self.request.metrics:
                yield from self._of_metrics(point)
            else:
                yield from self._of_findings(point)

    def _of_metrics(self, point: str) -> Iterator[Acceptance]:
        known = self.reader.read(self.version, point, whole=True)
        if isinstance(known, str):
            raise StoreError(known)
        scope = self.request.scope or TOTAL
        for metric in dict.fromkeys(self.request.metrics):
            yield self._acceptance(known.cost, point, metric, scope)

    def _of_findings(self, point: str) -> Iterator[Acceptance]:
        """What the policy finds too much, as long as nobody accepts it."""
        cost = None
        for metric, scope in dict.fromkeys(
            (finding.metric, finding.scope)
            for finding in self._findings(point)
            if finding.verdict in {Verdict.WARN, Verdict.REGRESSION}
            and self.request.scope in {None, finding.scope}
        ):
            if cost is None:
                known = self.reader.read(self.version, point, whole=True)
                assert not isinstance(known, str)  # noqa: S101 - it was judged
                cost = known.cost
            yield self._acceptance(cost, point, metric, scope)

    def _findings(self, point: str) -> tuple[Finding, ...]:
        version = self.version
        finder = BaselineFinder(
            self.reader, version.model, version.branch, point, self.in_force, version=version
        )
        subject = subject_of_version(self.reader, version, point, finder)
        return judged(subject, self.policy)

    def _acceptance(self, cost: GraphCost, point: str, metric: str, scope: str) -> Acceptance:
        # What a structural rule looks at has no number; where layers are, there are MACs.
        gap = reasons.gap(self.version.name, cost, metric if metric in METRICS else "macs", scope)
        if gap:
            raise UsageError(gap, hint="name what the version has")
        return Acceptance(
            model=self.version.model,
            tag=self.version.tag,
            point=point,
            metric=metric,
            scope=scope,
            value=amount(cost, metric, scope) if metric in METRICS else None,
            rules=cost.rules,
            reason=self.request.reason,
            author=self.request.author,
            accepted_at=self.request.now,
            expires_at=self.request.expires_at,
        )
