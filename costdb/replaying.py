"""`check --replay`: at which past versions a policy would have fired, had it been there."""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from costdb.baselines import BaselineFinder, CostReader
from costdb.binding import nearest
from costdb.checking import subject_of_version
from costdb.contracts import Finding
from costdb.errors import NotInDatabase
from costdb.in_force import every_acceptance
from costdb.judging import judged
from costdb.settings import Settings
from costdb.store import Store, lineage, open_store
from costdb.store.records import VersionRecord
from costdb.trends.acceptance import Acceptance, AcceptanceKey, in_force
from costdb.trends.news import with_news
from costdb.trends.policy import Policy
from costdb.trends.verdicts import Verdict, worst


@dataclass(frozen=True, slots=True)
class ReplayedVersion:
    """What a check would have said of a version when it was the latest.

    Attributes:
        tag: The version.
        ordinal: Its place among the versions of the model.
        findings: At all operating points; new, if the version before did not have them.
    """

    tag: str
    ordinal: int
    findings: tuple[Finding, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return worst(self.findings)


@dataclass(frozen=True, slots=True)
class Replayed:
    """A policy over the versions of a model.

    Attributes:
        model: The model's name.
        branch: Whose versions were looked at.
        policy: Where the policy comes from.
        versions: By ordinal.
    """

    model: str
    branch: str
    policy: str
    versions: tuple[ReplayedVersion, ...]


def replay(
    model: str,
    settings: Settings,
    policy: Policy,
    *,
    branch: str,
    point: str | None,
    with_acceptances: bool,
    now: datetime,
) -> Replayed:
    """Judge every version of a branch as if it were the latest; see `costdb.api.replay`."""
    with open_store(settings.database, create=False) as store:
        accepted = every_acceptance(settings, store, model) if with_acceptances else ()
        return replay_versions(store, model, policy, accepted, branch=branch, point=point, now=now)


def replay_versions(
    store: Store,
    model: str,
    policy: Policy,
    accepted: Sequence[Acceptance],
    *,
    branch: str,
    point: str | None,
    now: datetime,
) -> Replayed:
    """The same in an open database, with what was accepted of the model."""
    versions = lineage.versions(store.engine, model, branch)
    if not versions:
        raise NotInDatabase(f"the model {model!r} has no version on branch {branch!r}")
    points = {each for version in versions for each in version.points}
    if point is not None and point not in points:
        raise NotInDatabase(
            f"no version of {model!r} on branch {branch!r} has an operating point {point!r}",
            hint=nearest(point, points, "points"),
        )
    run = _Replay(store, policy, accepted, now, point)
    return Replayed(model, branch, policy.origin, run.of_all(versions))


class _Replay:
    """One walk over the versions of a branch."""

    def __init__(
        self,
        store: Store,
        policy: Policy,
        accepted: Sequence[Acceptance],
        now: datetime,
        point: str | None,
    ) -> None:
        self.policy = policy
        self.now = now
        self.point = point
        self.reader = CostReader(store)
        self.accepted = [(one, self._version_of(one)) for one in accepted]
        self.runs: deque[tuple[Finding, ...]] = deque()  # the last one first

    def of_all(self, versions: Sequence[VersionRecord]) -> tuple[ReplayedVersion, ...]:
        """What would have been said of versions, one after the other."""
        self.reader.look_ahead(versions)
        return tuple(self._of(version) for version in versions)

    def _of(self, version: VersionRecord) -> ReplayedVersion:
        """What would have been said of the next version."""
        in_force = self._in_force(version)
        found = [
            finding
            for point in version.points
            if self.point in {None, point}
            for finding in self._judged(version, point, in_force)
        ]
        news = with_news(found, self.runs)
        self.runs.appendleft(news)
        return ReplayedVersion(version.tag, version.ordinal, news)

    def _version_of(self, one: Acceptance) -> VersionRecord | None:
        """The version that was accepted, of any branch; None where the database has none such."""
        found = self.reader.version(f"{one.model}@{one.tag}")
        return None if isinstance(found, str) else found

    def _in_force(self, version: VersionRecord) -> Mapping[AcceptanceKey, Acceptance]:
        """What holds of the acceptances of versions up to one, and of values without one."""
        held = (
            one
            for one, accepted in self.accepted
            if accepted is None or accepted.ordinal <= version.ordinal
        )
        return in_force(held, self.now)

    def _judged(
        self, version: VersionRecord, point: str, accepted: Mapping[AcceptanceKey, Acceptance]
    ) -> tuple[Finding, ...]:
        finder = BaselineFinder(
            self.reader,
            version.model,
            version.branch,
            point,
            accepted,
            version=version,
            as_of_then=True,
        )
        return judged(subject_of_version(self.reader, version, point, finder), self.policy)
