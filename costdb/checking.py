"""`check`: versions of the database, and files that are in none, against their baselines."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from costdb.baselines import BaselineFinder, CostReader, Known
from costdb.binding import nearest
from costdb.contracts import Finding
from costdb.cost import RULES
from costdb.cost.result import Analysis
from costdb.errors import DatabaseMissing, DatabaseUnavailable, NotInDatabase, UsageError
from costdb.in_force import acceptances_in_force, policy_in_force
from costdb.judging import Against, Subject, judged
from costdb.points import DEFAULT
from costdb.reading import Reading, under_settings
from costdb.settings import Settings
from costdb.sides import Side, compared_analyses, is_file, side
from costdb.store import Store, lineage, open_store, read
from costdb.store.check_runs import runs, save_runs
from costdb.store.records import CheckRun, VersionRecord
from costdb.store.version_pages import version_page
from costdb.trends.acceptance import Acceptance, AcceptanceKey
from costdb.trends.news import with_news
from costdb.trends.policy import Policy
from costdb.trends.verdicts import Baseline, Verdict, worst

# As many as are looked up together.
_MODELS_AT_ONCE = 500


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
    save: bool
    now: datetime


def require_one_question(target: str | None, against: str | None, *, all_models: bool) -> None:
    """See that it is said what is checked, one thing or all. Raises UsageError."""
    if (target is None) is not all_models:
        raise UsageError("name one model or file, or say --all", hint="costdb check detector")
    if all_models and against is not None:
        raise UsageError("--all has no one baseline", hint="leave --against out")


def check(request: Request, settings: Settings) -> Checked:
    """Judge what is asked for; see `costdb.api.check`."""
    policy = policy_in_force(request.policy, settings)
    with _store(request, settings) or nullcontext() as store:
        notes = () if store is None else store.notes
        against = None
        if request.against is not None:
            reading = under_settings(request.reading, settings)
            like = request.model or request.target or ""
            against = against_side(side(request.against, reading, settings, store, like=like))
        acceptances = acceptances_in_force(settings, store, request.now)
        run = Check(request, policy, acceptances, store, against)
        if request.target is not None and is_file(request.target):
            name, found = compared_analyses(
                request.target, request.reading, settings, request.model, request.against or ""
            )
            return Checked(run.of_analyses(name, at_point(found, request.point)), notes)
        judged_runs = run.of_versions()
        if request.save:
            assert store is not None  # noqa: S101 - versions come out of it
            notes = (*notes, *_kept(store, judged_runs))
        return checked_versions(judged_runs, notes)


def checked_versions(runs_found: Iterable[CheckRun], notes: Iterable[str]) -> Checked:
    """What was found of versions."""
    return Checked(tuple(one for run in runs_found for one in run.findings), tuple(notes))


def _kept(store: Store, found: Iterable[CheckRun]) -> Iterator[str]:
    """Keep what was found of versions. Yields why that could not be."""
    try:
        save_runs(store.engine, found)
    except DatabaseUnavailable as error:
        yield f"what was found is not kept: {error.message}"


def against_side(found: Side) -> Against:
    """One thing as what everything is compared with."""

    def at(point: str) -> Baseline | str:
        costed = found.at(point)
        if isinstance(costed, str):
            return costed
        return Baseline(costed.name, costed.cost, costed.inputs)

    return at


def at_point(found: Sequence[Analysis], point: str | None) -> Sequence[Analysis]:
    """What a file costs at the operating point that is asked for; at every one for None.

    Raises:
        UsageError: The file was not analysed there.
    """
    if point is None:
        return found
    wanted = [one for one in found if one.point == point]
    if not wanted:
        known = [one.point for one in found]
        raise UsageError(
            f"the file has no operating point {point!r}", hint=nearest(point, known, "its points")
        )
    return wanted


def subject_of_version(
    reader: CostReader,
    version: VersionRecord,
    point: str,
    finder: BaselineFinder,
) -> Subject:
    """A version of the database as something to judge."""
    return Subject(
        version.model,
        version.tag,
        point,
        finder,
        lambda whole: reader.read(version, point, whole=whole),
    )


def require_point(version: VersionRecord, point: str) -> None:
    """Raises NotInDatabase where a version has no such operating point."""
    if point not in version.points:
        raise NotInDatabase(
            f"{version.name} has no operating point {point!r}",
            hint=nearest(point, version.points, "its points"),
        )


def _store(request: Request, settings: Settings) -> Store | None:
    """The database; None where everything is in files, or where a file is judged without one."""
    is_target_file = request.target is not None and is_file(request.target)
    if is_target_file and request.against is not None and is_file(request.against):
        return None
    try:
        return open_store(settings.database, create=False)
    except DatabaseMissing:
        # A first file has nothing to be compared with, but it may have a budget.
        if is_target_file and request.against is None:
            return None
        raise


class Check:
    """One check, with the database that it may need."""

    def __init__(
        self,
        request: Request,
        policy: Policy,
        acceptances: Mapping[AcceptanceKey, Acceptance],
        store: Store | None,
        against: Against | None = None,
    ) -> None:
        """Prepare to judge.

        Args:
            request: What is asked for; its file, its policy and its baseline were read.
            policy: The rules.
            acceptances: Those in force.
            store: The database; None where there is none.
            against: What to compare with instead of the policy's baselines.
        """
        self.request = request
        self.policy = policy
        self.acceptances = acceptances
        self.store = store
        self.against = against
        self.reader = None if store is None else CostReader(store)

    def of_analyses(self, model: str, found: Iterable[Analysis]) -> tuple[Finding, ...]:
        """The findings of what is in no database.

        Args:
            model: What its model is called.
            found: What it costs, at each operating point.
        """
        subjects = (self._subject_of(model, analysis) for analysis in found)
        return tuple(
            one for subject in subjects for one in judged(subject, self.policy, self.against)
        )

    def of_versions(self, wanted: Callable[[str], bool] = lambda _model: True) -> list[CheckRun]:
        """The findings of the versions that are asked for, and whether they are new.

        Args:
            wanted: Says of a model's name whether it is judged where all are.
        """
        assert self.store is not None  # noqa: S101 - opened unless a file is judged
        found: list[CheckRun] = []
        baseline = self.request.against or f"branch {self.request.branch}"
        for name, subjects in self._subjects(self.store, wanted):
            findings = [
                one for subject in subjects for one in judged(subject, self.policy, self.against)
            ]
            earlier = (run.findings for run in runs(self.store.engine, name, baseline))
            news = with_news(findings, earlier)
            if news:
                found.append(CheckRun(name, baseline, RULES, worst(news), news, self.request.now))
        return found

    def _subject_of(self, model: str, analysis: Analysis) -> Subject:
        known = Known(analysis.cost, analysis.graph.inputs)
        finder = self._finder(model, self.request.branch, analysis.point)
        return Subject(model, "", analysis.point, finder, lambda _whole: known)

    def _subjects(
        self, store: Store, wanted: Callable[[str], bool]
    ) -> Iterator[tuple[str, list[Subject]]]:
        """What is judged, by what it is called."""
        target, branch = self.request.target, self.request.branch
        if target is not None:
            version = self._named_version(store, target)
            yield target, self._subjects_of(version, self.request.point)
            return
        models = [one for one in lineage.latest_of_each(store.engine, branch) if wanted(one[0])]
        for start in range(0, len(models), _MODELS_AT_ONCE):
            batch = models[start : start + _MODELS_AT_ONCE]
            self._database_reader.look_ahead([latest for _, latest in batch if latest])
            for name, latest in batch:
                if latest is not None:
                    yield name, self._subjects_of(latest, self.request.point)
                else:
                    yield name, [self._absent(store, name)]

    def _subjects_of(self, version: VersionRecord, point: str | None) -> list[Subject]:
        return [
            subject_of_version(
                self._database_reader,
                version,
                wanted,
                self._finder(version.model, version.branch, wanted, version),
            )
            for wanted in (version.points if point is None else (point,))
        ]

    @property
    def _database_reader(self) -> CostReader:
        assert self.reader is not None  # noqa: S101 - versions come out of it
        return self.reader

    def _absent(self, store: Store, model: str) -> Subject:
        """A model of which there is no version to judge."""
        branch, point = self.request.branch, self.request.point or DEFAULT
        reason = f"{model} has no version on branch {branch}"
        if not lineage.has_versions(store.engine, model):
            reason = f"every version of {model} is archived"
        finder = self._finder(model, branch, point)
        return Subject(model, "", point, finder, lambda _whole: reason)

    def _finder(
        self, model: str, branch: str, point: str, version: VersionRecord | None = None
    ) -> BaselineFinder:
        return BaselineFinder(self.reader, model, branch, point, self.acceptances, version=version)

    def _named_version(self, store: Store, target: str) -> VersionRecord:
        """The version that is named; of a model, the latest of the branch."""
        branch, point = self.request.branch, self.request.point
        version = read.resolve(store.engine, target)
        if "@" not in target and version.branch != branch:
            newest = version_page(store.engine, target, branch=branch, limit=1)
            if not newest:
                raise NotInDatabase(
                    f"the model {target!r} has no version on branch {branch!r}",
                    hint=f"add --branch {version.branch}",
                )
            (version,) = newest
        if point is not None:
            require_point(version, point)
        return version
