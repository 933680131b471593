"""`check`: versions of the database, and files that are in none, against their baselines."""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path

from costdb.analysis import analyses, model_name
from costdb.baselines import BaselineFinder
from costdb.contracts import Finding
from costdb.cost.result import Analysis, View
from costdb.errors import NotInDatabase, StoreError
from costdb.reading import Reading
from costdb.settings import Settings
from costdb.source import Source
from costdb.store import Store, open_store, read
from costdb.store.records import VersionRecord
from costdb.store.stored import version_cost
from costdb.trends.policy import BaselineKey, Policy, default_policy, parse_policy, read_policy
from costdb.trends.verdicts import Baseline, Candidate, Verdict, judge, worst

# A saved analysis is no model: it starts like every JSON object, and models are binary.
_JSON_START = b"{"


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check found.

    Attributes:
        findings: One for each metric, scope and baseline of each version and operating point.
        warnings: What a reader should know.
    """

    findings: tuple[Finding, ...]
    warnings: tuple[str, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """The worst of all."""
        return worst(self.findings)

    @property
    def lacks_baseline(self) -> bool:
        """Whether something could not be judged."""
        return any(finding.verdict == Verdict.NOT_JUDGED for finding in self.findings)


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be checked, and how; see `costdb.api.check`."""

    target: str | None
    reading: Reading
    against: str | None
    model: str | None
    branch: str
    point: str | None
    policy: Path | None


def check(request: Request, settings: Settings) -> Checked:
    """Judge what is asked for; see `costdb.api.check`."""
    policy = _policy(request.policy, settings)
    named = (request.target, request.against)
    in_files = all(text is not None and _is_file(text) for text in named)
    with nullcontext() if in_files else open_store(settings.database, create=False) as store:
        run = _Check(request, settings, store)
        against = None if request.against is None else run.against(request.against)
        findings = [
            finding
            for candidate, finder in run.candidates()
            for finding in _judge(candidate, policy, finder, against)
        ]
    return Checked(tuple(findings), () if store is None else store.notes)


# Operating point -> what to compare with there, or the reason for having nothing.
_Against = Callable[[str], Baseline | str]


class _Check:
    """One check, with the database that it may need."""

    def __init__(self, request: Request, settings: Settings, store: Store | None) -> None:
        self.request = request
        self.settings = settings
        self.store = store

    def candidates(self) -> Iterator[tuple[Candidate, BaselineFinder | str]]:
        """What is judged, each with where its baselines are found or why there are none."""
        target = self.request.target
        if target is not None and _is_file(target):
            yield from self._file_candidates(target)
            return
        store = self._database()
        for version in self._versions(store, target):
            points = version.points if self.request.point is None else (self.request.point,)
            for point in points:
                cost = version_cost(store.engine, version, point).cost
                candidate = Candidate(version.model, version.tag, point, cost)
                yield candidate, BaselineFinder(store, version, point)

    def against(self, name: str) -> _Against:
        """What `--against` stands for: a saved analysis, another file, or a version."""
        if not _is_file(name):
            return self._against_version(name)
        with Source(name) as source:
            if source.read_at_most(0, 1) == _JSON_START:
                return _against_document(source)
        return self._against_file(name)

    def _file_candidates(self, file: str) -> Iterator[tuple[Candidate, BaselineFinder | str]]:
        configured = self.settings.model_for(file)
        name = self.request.model or (configured.name if configured else model_name(file))
        for analysis in self._analyses(file):
            candidate = Candidate(name, "", analysis.point, analysis.cost)
            yield candidate, self._next_version_finder(name, analysis.point)

    def _next_version_finder(self, model: str, point: str) -> BaselineFinder | str:
        if self.store is None:
            return "there is no database"
        try:
            return BaselineFinder.of_next_version(self.store, model, self.request.branch, point)
        except NotInDatabase as error:
            return error.message

    def _analyses(self, file: str) -> list[Analysis]:
        configured = self.settings.model_for(file)
        found = analyses(file, self.request.reading, configured.points if configured else {})
        wanted = self.request.point
        return [analysis for analysis in found if wanted is None or analysis.point == wanted]

    def _versions(self, store: Store, target: str | None) -> Iterator[VersionRecord]:
        """The version that is named, or the latest of the branch, or that of every model."""
        branch = self.request.branch
        if target is None:
            for model in read.models(store.engine):
                found = read.latest(store.engine, model.name, branch)
                if found is not None:
                    yield found
            return
        named = read.resolve(store.engine, target)
        if "@" not in target and named.branch != branch:
            found = read.latest(store.engine, target, branch)
            if found is None:
                raise NotInDatabase(
                    f"the model {target!r} has no version on branch {branch!r}",
                    hint=f"add --branch {named.branch}",
                )
            named = found
        yield named

    def _against_version(self, name: str) -> _Against:
        store = self._database()
        version = read.resolve(store.engine, name)

        def at(point: str) -> Baseline | str:
            try:
                return Baseline(version.name, version_cost(store.engine, version, point).cost)
            except StoreError as error:
                return error.message

        return at

    def _against_file(self, file: str) -> _Against:
        known = {analysis.point: analysis.cost for analysis in self._analyses(file)}
        name = Source(file).name

        def at(point: str) -> Baseline | str:
            if point not in known:
                return f"{name} was not analysed at point {point!r}"
            return Baseline(name, known[point])

        return at

    def _database(self) -> Store:
        assert self.store is not None  # noqa: S101 - opened unless everything is in files
        return self.store


def _against_document(source: Source) -> _Against:
    from costdb.cost.schema import read_analysis

    point, cost = read_analysis(source.read(0, source.size), source.name)

    def at(wanted: str) -> Baseline | str:
        if cost.view is not View.DEPLOYED:
            return f"{source.name} holds the {cost.view.value} view"
        if point != wanted:
            return f"{source.name} was analysed at point {point!r}, not {wanted!r}"
        return Baseline(source.name, cost)

    return at


def _judge(
    candidate: Candidate,
    policy: Policy,
    finder: BaselineFinder | str,
    against: _Against | None,
) -> tuple[Finding, ...]:
    keys = policy.baselines_for(candidate.model)
    baselines: dict[BaselineKey, Baseline | str]
    if against is not None:
        baselines = dict.fromkeys(keys, against(candidate.point))
    elif isinstance(finder, str):
        baselines = dict.fromkeys(keys, finder)
    else:
        baselines = finder.find(keys)
    judged = dict.fromkeys((rule.metric, rule.scope) for rule in policy.rules_for(candidate.model))
    accepted = {} if isinstance(finder, str) else finder.accepted(judged)
    return judge(candidate, baselines, policy, accepted=accepted)


def _policy(file: Path | None, settings: Settings) -> Policy:
    if file is not None:
        return read_policy(file)
    if settings.policy_rules and settings.file is not None:
        return parse_policy(settings.policy_rules, settings.file)
    return default_policy()


def _is_file(name: str) -> bool:
    """Whether a target is a file and not a version: there is such a file, or it is a URL."""
    return "://" in name or Path(name).is_file()
