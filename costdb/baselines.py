"""What a version is compared with: the baselines that a policy asks for, out of the database."""

from collections.abc import Iterable
from dataclasses import replace

from costdb.cost import RULES
from costdb.cost.result import GraphCost
from costdb.errors import NotInDatabase, StoreError
from costdb.store import Store, read
from costdb.store.history import history
from costdb.store.records import Anchor, VersionRecord
from costdb.store.stored import version_cost
from costdb.trends.policy import BaselineKey
from costdb.trends.verdicts import Baseline


class BaselineFinder:
    """Looks up baselines of one version at one operating point, each version once."""

    def __init__(self, store: Store, version: VersionRecord, point: str) -> None:
        """Look from a version, which may be one that is about to be.

        Args:
            store: The database.
            version: What is judged.
            point: The operating point.
        """
        self._store = store
        self._version = version
        self._point = point
        self._costs: dict[int, GraphCost | str] = {}

    @classmethod
    def of_next_version(cls, store: Store, model: str, branch: str, point: str) -> "BaselineFinder":
        """Look from the version that would be ingested next, such as that of a file.

        Raises:
            NotInDatabase: There is no such model, or it has no version on the branch.
        """
        newest = read.latest(store.engine, model, branch, point)
        if newest is None:
            raise NotInDatabase(
                f"{model!r} has no version on branch {branch!r} with the point {point!r}",
                hint=f"costdb ingest FILE --model {model} --branch {branch} --tag v1",
            )
        return cls(store, replace(newest, ordinal=newest.ordinal + 1), point)

    def find(self, keys: Iterable[BaselineKey]) -> dict[BaselineKey, Baseline | str]:
        """The baseline of each key, or the reason for having none."""
        return {key: self._find(key) for key in keys}

    def accepted(self, judged: Iterable[tuple[str, str]]) -> dict[tuple[str, str], int]:
        """Metric and scope -> the value that someone accepted, counted by today's rules."""
        values = {}
        for metric, scope in judged:
            anchor = self._anchor(metric, scope)
            acceptance = anchor.acceptance if anchor else None
            if acceptance and acceptance.value is not None and acceptance.rules == RULES:
                values[metric, scope] = acceptance.value
        return values

    def _find(self, key: BaselineKey) -> Baseline | str:
        kind, _, name = key.against.partition(":")
        if kind in {"tag", "alias"}:
            return self._named(kind, name)
        if kind == "best":
            found = self._best(key.metric)
        elif kind == "anchor":
            anchor = self._anchor(key.metric, key.scope)
            found = None if anchor is None else anchor.version
        else:
            found = read.previous(self._store.engine, self._version, self._point)
        if found is None:
            return f"no earlier version on branch {self._version.branch}"
        return self._baseline(f"{kind} {found.tag}", found)

    def _anchor(self, metric: str, scope: str) -> Anchor | None:
        return read.anchor(
            self._store.engine, self._version, self._point, metric=metric, scope=scope
        )

    def _named(self, kind: str, name: str) -> Baseline | str:
        try:
            found = read.resolve(self._store.engine, f"{self._version.model}@{name}")
        except NotInDatabase as error:
            return error.message
        label = f"alias {name} {found.tag}" if kind == "alias" else f"tag {name}"
        return self._baseline(label, found)

    def _best(self, metric: str) -> VersionRecord | None:
        """The earlier version on the branch with the lowest total; the latest of equals."""
        series = history(
            self._store.engine,
            self._version.model,
            point=self._point,
            branch=self._version.branch,
        )
        earlier = [
            (value, -entry.ordinal, entry.tag)
            for line in series
            for entry in line.versions
            if entry.ordinal < self._version.ordinal
            and entry.totals is not None
            and (value := entry.totals[metric]) is not None
        ]
        if not earlier:
            return None
        return read.resolve(self._store.engine, f"{self._version.model}@{min(earlier)[-1]}")

    def _baseline(self, label: str, version: VersionRecord) -> Baseline | str:
        if version.id not in self._costs:
            try:
                stored = version_cost(self._store.engine, version, self._point)
                self._costs[version.id] = stored.cost
            except StoreError as error:
                self._costs[version.id] = f"{label}: {error.message}"
        cost = self._costs[version.id]
        return cost if isinstance(cost, str) else Baseline(label, cost)
