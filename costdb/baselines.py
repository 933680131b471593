"""What a version is compared with: the baselines that a policy asks for, out of the database."""

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from costdb.cost import RULES
from costdb.cost.result import GraphCost, Totals, View
from costdb.errors import NotInDatabase, StoreError
from costdb.ir import Tensor
from costdb.points import DEFAULT
from costdb.store import Store, lineage, read
from costdb.store.records import Content, Neighbours, VersionRecord
from costdb.store.stored import content_cost, version_cost
from costdb.trends.acceptance import Acceptance, AcceptanceKey
from costdb.trends.policy import BaselineKey, PolicyRule
from costdb.trends.scopes import TOTAL, amount, selected_layers
from costdb.trends.verdicts import Allowance, Baseline

NO_DATABASE = "there is no database"


class Known(NamedTuple):
    """What is known of a version at an operating point."""

    cost: GraphCost
    inputs: tuple[Tensor, ...] = ()


# How many graphs are kept with their layers: a version is judged against a few at a time.
_KEPT = 16


class CostReader:
    """Reads what versions cost, no more of it than is needed and, while it is needed, once."""

    def __init__(self, store: Store) -> None:
        self.engine = store.engine
        self.version = lru_cache(_KEPT)(self._resolve)
        self._of_content = lru_cache(_KEPT)(self._read_content)
        self._contents: dict[tuple[int, str], Content] = {}
        self._totals: dict[tuple[int, str], Totals] = {}
        self._asked: set[int] = set()  # whose totals were looked up, whether there are any or not
        self._neighbours: dict[tuple[int, str], Neighbours] = {}

    def look_ahead(self, versions: Sequence[VersionRecord]) -> None:
        """Read what judging versions nearly always takes, of all of them at once.

        What was read for others before is forgotten.
        """
        self._neighbours = lineage.neighbours(self.engine, versions)
        ids = [version.id for version in versions]
        ids += [one.id for pair in self._neighbours.values() for one in pair if one is not None]
        self._totals = read.totals_of(self.engine, ids)
        self._contents = read.contents_of(self.engine, ids)
        self._asked = set(ids)

    def expect(self, versions: Iterable[VersionRecord]) -> None:
        """Read of many versions at once what `read` would find out of one after the other."""
        ids = [version.id for version in versions if version.id not in self._asked]
        if ids:
            self._totals |= read.totals_of(self.engine, ids)
            self._contents |= read.contents_of(self.engine, ids)
            self._asked.update(ids)

    def neighbours(self, version: VersionRecord, point: str) -> Neighbours:
        """What came before a version on its branch."""
        key = version.id, point
        if key not in self._neighbours:
            self._neighbours |= lineage.neighbours(self.engine, [version])
        return self._neighbours.get(key, Neighbours(None, None))

    def read(self, version: VersionRecord, point: str, *, whole: bool) -> Known | str:
        """What a version costs, or the reason for not knowing.

        Args:
            version: The version.
            point: The operating point.
            whole: Whether its layers and inputs are read, too; reading them takes longest.
        """
        key = version.id, point
        self.expect([version])
        if key not in self._totals:
            return self._read_unknown(version, point)
        if whole:
            return self._of_content(self._contents[key])
        return Known(GraphCost(RULES, View.DEPLOYED, self._totals[key], ()))

    def _resolve(self, name: str) -> VersionRecord | str:
        """The version that a name stands for, or why it stands for none."""
        try:
            return read.resolve(self.engine, name)
        except NotInDatabase as error:
            return error.message

    def _read_content(self, content: Content) -> Known:
        graph, cost = content_cost(self.engine, content)
        return Known(cost, graph.inputs)

    def _read_unknown(self, version: VersionRecord, point: str) -> Known | str:
        """A version whose totals are not known: why, unless they are by now."""
        try:
            stored = version_cost(self.engine, version, point)
        except StoreError as error:
            return f"{error.message}: {error.hint}" if error.hint else error.message
        return Known(stored.cost, stored.graph.inputs)


class BaselineFinder:
    """Looks up baselines of one version at one operating point, each version once."""

    def __init__(
        self,
        reader: CostReader | None,
        model: str,
        branch: str,
        point: str,
        acceptances: Mapping[AcceptanceKey, Acceptance],
        *,
        version: VersionRecord | None = None,
        as_of_then: bool = False,
    ) -> None:
        """Look from a version, or from the one that would come next on a branch.

        Args:
            reader: Of the database; None where there is none.
            model: The model's name.
            branch: Whose versions come before.
            point: The operating point.
            acceptances: Those in force.
            version: What is judged; None for what is in no database.
            as_of_then: Whether versions after it are unknown, as they were when it was made.
        """
        self._reader = reader
        self._model = model
        self._branch = branch
        self._point = point
        self._acceptances = acceptances
        self._version = version
        self._as_of_then = as_of_then

    def find(
        self, keys: Iterable[BaselineKey], *, whole: bool
    ) -> dict[BaselineKey, Baseline | str]:
        """The baseline of each key, or the reason for having none.

        Args:
            keys: What is asked for.
            whole: Whether layers and inputs are needed.
        """
        if self._reader is None:
            return dict.fromkeys(keys, NO_DATABASE)
        return {key: self._find(key, whole=whole) for key in keys}

    def accepted(
        self, rules: Iterable[PolicyRule], *, whole: bool
    ) -> dict[tuple[str, str], Allowance]:
        """What was accepted of all that rules judge, by metric and scope."""
        found = {}
        for rule in rules:
            one = self._acceptance(rule.metric, rule.scope)
            if one is not None:
                found[rule.metric, rule.scope] = self._allowance(one, rule, whole=whole)
        return found

    def _acceptance(self, metric: str, scope: str) -> Acceptance | None:
        return self._acceptances.get(AcceptanceKey(self._model, self._point, metric, scope))

    def _allowance(self, one: Acceptance, rule: PolicyRule, *, whole: bool) -> Allowance:
        if rule.structural is None and one.rules == RULES:
            return Allowance(one.value)
        version = self._accepted_version(one)
        known = self._read(version, whole=whole) if version else None
        if version is None or not isinstance(known, Known):
            return Allowance(None)
        if rule.structural is not None:
            return Allowance(None, Baseline(version.tag, *known))
        # Accepted when other rules counted it: what it is by today's.
        return Allowance(amount(known.cost, rule.metric, rule.scope))

    def _accepted_version(self, one: Acceptance) -> VersionRecord | None:
        if self._reader is None or not one.tag:
            return None
        found = self._reader.version(f"{self._model}@{one.tag}")
        # The reviewed file may name one that is archived: nothing is measured from it.
        return None if isinstance(found, str) or found.archived_at is not None else found

    @property
    def _database(self) -> CostReader:
        assert self._reader is not None  # noqa: S101 - without one, nothing is looked up
        return self._reader

    def _find(self, key: BaselineKey, *, whole: bool) -> Baseline | str:
        kind, _, name = key.against.partition(":")
        if kind in {"tag", "alias"}:
            return self._named(kind, name, whole=whole)
        if kind == "best":
            found = self._best(key.metric, key.scope)
        elif kind == "anchor":
            found = self._anchor(key.metric, key.scope)
        else:
            found = self._previous
        if found is None:
            return self._no_earlier_version()
        return self._baseline(f"{kind} {found.tag}", found, whole=whole)

    @cached_property
    def _previous(self) -> VersionRecord | None:
        if self._version is not None:
            return self._database.neighbours(self._version, self._point).previous
        return read.latest(self._database.engine, self._model, self._branch, self._point)

    @cached_property
    def _first(self) -> VersionRecord | None:
        if self._version is not None:
            return self._database.neighbours(self._version, self._point).first
        return read.first(self._database.engine, self._model, self._branch, self._point)

    def _anchor(self, metric: str, scope: str) -> VersionRecord | None:
        one = self._acceptance(metric, scope)
        accepted = self._accepted_version(one) if one else None
        if one is None or accepted is None or self._exceeds(accepted, one):
            return self._first
        return accepted

    def _exceeds(self, version: VersionRecord, one: Acceptance) -> bool:
        """Whether a version costs more than was accepted: another took its place since."""
        if one.value is None or one.rules != RULES:
            return False
        known = self._read(version, whole=one.scope != TOTAL)
        value = amount(known.cost, one.metric, one.scope) if isinstance(known, Known) else None
        return value is not None and value > one.value

    def _best(self, metric: str, scope: str) -> VersionRecord | None:
        """The earlier version that costs least; of a part, among those that have it."""
        engine = self._database.engine
        before = None if self._version is None else self._version.ordinal
        place = self._model, self._branch, self._point
        if scope == TOTAL:
            return lineage.best(engine, *place, metric, before=before)
        ranked = []
        versions = lineage.distinct_contents(engine, *place, before=before)
        self._database.expect(versions)
        for version in versions:
            known = self._read(version, whole=True)
            if isinstance(known, Known) and selected_layers(known.cost, scope):
                value = amount(known.cost, metric, scope)
                ranked.append((value or 0, -version.ordinal, version))
        return min(ranked, key=lambda entry: entry[:2])[-1] if ranked else None

    def _named(self, kind: str, name: str, *, whole: bool) -> Baseline | str:
        found = self._database.version(f"{self._model}@{name}")
        if isinstance(found, str):
            return found
        label = f"alias {name} {found.tag}" if kind == "alias" else f"tag {name}"
        if self._as_of_then and self._version and found.ordinal >= self._version.ordinal:
            return f"{label} came later"
        return self._baseline(label, found, whole=whole)

    def _baseline(self, label: str, version: VersionRecord, *, whole: bool) -> Baseline | str:
        known = self._read(version, whole=whole)
        return f"{label}: {known}" if isinstance(known, str) else Baseline(label, *known)

    def _read(self, version: VersionRecord, *, whole: bool) -> Known | str:
        return self._database.read(version, self._point, whole=whole)

    def _no_earlier_version(self) -> str:
        at = "" if self._point == DEFAULT else f" with the point {self._point!r}"
        if self._version is None:
            return f"{self._model} has no version on branch {self._branch}{at}"
        return f"no earlier version on branch {self._branch}{at}"
