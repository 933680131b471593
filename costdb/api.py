"""What costdb offers to Python, to the command line and to the server.

    from costdb import api

    analysis = api.analyze("model.onnx")
    analysis.cost.totals.macs

    api.ingest("model.pb", model="detector", tag="v3")
    api.check("detector").verdict

Bindings are given as they are typed: `inputs=["x=1x3x224x224"]`, `dims=["sequence=128"]`.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Unpack

from costdb.binding import nearest
from costdb.cost.result import METRICS, Analysis, View
from costdb.errors import UsageError
from costdb.points import DEFAULT
from costdb.reading import Reading, under_settings
from costdb.settings import Settings, load_settings
from costdb.source import sha256

if TYPE_CHECKING:
    from costdb.accepting import Accepted
    from costdb.checking import Checked
    from costdb.comparing import Diff
    from costdb.contracts import Finding
    from costdb.cost.explanation import Explanation
    from costdb.freezing import Frozen
    from costdb.in_force import PolicyInForce
    from costdb.replaying import Replayed
    from costdb.store import Store, Upgraded
    from costdb.store.history import Selection
    from costdb.store.records import (
        AliasMove,
        AliasRecord,
        IngestOutcome,
        ModelRecord,
        Series,
        StoredVersion,
    )
    from costdb.trends.acceptance import Acceptance, AcceptanceState

__all__ = [
    "Analysis",
    "Explained",
    "Ingested",
    "Reading",
    "View",
    "accept",
    "accepted",
    "aliases",
    "analyze",
    "check",
    "database_in_use",
    "diff",
    "explain",
    "explain_policy",
    "freeze",
    "history",
    "history_pieces",
    "ingest",
    "models",
    "notify",
    "parse_metrics",
    "remove_alias",
    "replay",
    "revoke",
    "set_alias",
    "show",
    "upgrade_database",
]


@dataclass(frozen=True, slots=True)
class Ingested:
    """What an ingest did.

    Attributes:
        outcome: What was written.
        analyses: One for each operating point.
        warnings: What a reader should know.
    """

    outcome: "IngestOutcome"
    analyses: tuple[Analysis, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a file costs, and what it costs by another convention.

    Attributes:
        analysis: The deployed graph's cost.
        explanation: Where the convention's total parts from that.
    """

    analysis: Analysis
    explanation: "Explanation"


def analyze(
    artifact: str, reading: Reading | None = None, *, view: View = View.DEPLOYED
) -> Analysis:
    """Read a model file and count what it costs. No database is touched.

    Args:
        artifact: Path or URL.
        reading: How to read it; at one operating point at most. If it binds nothing, at the default
            point as `costdb.toml` has it.
        view: Whether layers that deployment folds away cost nothing.

    Returns:
        The graph and its cost.

    Raises:
        ArtifactError: The file cannot be read or costed.
        BindingError: An open size has no value, or a binding does not fit.
        CostError: A number is too large, or an operator has no rule and that is an error.
        UsageError: The reading cannot be understood.
    """
    from costdb.analysis import analyses

    settings = load_settings()
    wanted = under_settings(reading, settings)
    if len(wanted.at) > 1:
        raise UsageError("a file is analysed at one point at a time", hint="give --at once")
    model = settings.model_for(artifact)
    known = model.points if model else {}
    if not wanted.at:
        # The default point alone: the others are for the database.
        known = {DEFAULT: known[DEFAULT]} if DEFAULT in known and not wanted.is_bound else {}
    return analyses(artifact, wanted, known, view)[0]


def explain(
    artifact: str, reading: Reading | None = None, *, convention: str = "article"
) -> Explained:
    """Count what a file costs by costdb and by another convention. No database is touched.

    Args:
        artifact: Path or URL.
        reading: How to read it; at one operating point at most.
        convention: Its name, such as "fvcore".

    Returns:
        Both totals, and each layer's share of their difference.

    Raises:
        UsageError: There is no such convention, or the reading cannot be understood.
        CostError: The file holds no graph, or the convention is for another framework's files.
        ArtifactError, BindingError: As `analyze`.
    """
    from costdb.cost.conventions import convention_named
    from costdb.cost.explanation import explain as explain_graph
    from costdb.cost.rules import rule_table
    from costdb.plugins import discover

    wanted = convention_named(convention)
    analysis = analyze(artifact, reading)
    plugins = reading.plugins if reading and reading.plugins else discover()
    explanation = explain_graph(analysis.graph, wanted, rule_table(plugins.rules))
    return Explained(analysis, explanation)


def freeze(
    artifact: str, destination: Path, reading: Reading | None = None, *, force: bool = False
) -> "Frozen":
    """Write a model's graph with its weights as constants. No database is touched.

    Args:
        artifact: Path.
        destination: The file to write, whole or not at all.
        reading: Which outputs are asked for, and how open sizes are bound for costing.
        force: Whether a file that is there may be replaced.

    Returns:
        Where it is and what it costs, which is what the model costs.

    Raises:
        UsageError: The file is there already.
        OutputUnwritable: It cannot be written.
        ArtifactError, BindingError, CostError: As `analyze`.
    """
    from costdb.freezing import freeze as write

    wanted = under_settings(reading, load_settings())
    return write(artifact, wanted, destination, force=force)


def ingest(
    artifact: str,
    reading: Reading | None = None,
    *,
    tag: str,
    model: str | None = None,
    branch: str = "main",
    git_sha: str | None = None,
    author: str | None = None,
    source: str | None = None,
    hash_file: bool = False,
    replace: bool = False,
    database: str | None = None,
) -> Ingested:
    """Store what a file costs as a version of a model.

    Args:
        artifact: Path or URL.
        reading: How to read it; without points, at `default` and those of `costdb.toml`.
        tag: The version, unique in its model.
        model: The model's name; else from `costdb.toml`, else from the file's name.
        branch: The line that the version continues.
        git_sha: The commit that the model was made from.
        author: Who made it.
        source: Where it comes from, such as a job's URL.
        hash_file: Whether to read the whole file and keep its SHA-256.
        replace: Whether the tag may stand for another structure from now on.
        database: URL or path; else as the settings say.

    Returns:
        What was written, and the analyses.

    Raises:
        VersionConflict: The tag exists with another structure; nothing was written.
        DatabaseUnavailable: The database cannot be written; nothing was written.
        ArtifactError, BindingError, CostError, UsageError: As `analyze`.
    """
    from costdb.analysis import version_analyses
    from costdb.store.write import ingest as write

    settings = load_settings(database)
    name, found = version_analyses(artifact, reading, settings, model)
    with _store(settings) as store:
        outcome = write(
            store.engine,
            found,
            model=name,
            tag=tag,
            branch=branch,
            git_sha=git_sha,
            author=author,
            source=source,
            sha256=sha256(artifact) if hash_file else None,
            replace=replace,
            now=datetime.now(UTC),
        )
        notes = store.notes
    said = (*notes, *(warning for analysis in found for warning in analysis.warnings))
    return Ingested(outcome, found, tuple(dict.fromkeys(said)))


def diff(
    old: str,
    new: str,
    reading: Reading | None = None,
    *,
    point: str | None = None,
    metrics: Sequence[str] = (),
    database: str | None = None,
) -> "Diff":
    """Compare two things layer by layer. No database is touched where both are files.

    Args:
        old: `MODEL@TAG`, `MODEL@ALIAS`, `MODEL` for its latest version, a model file, or what
            `costdb analyze --format json` wrote.
        new: The same.
        reading: How to read model files.
        point: The operating point; else one that both have, `default` before others.
        metrics: Whose change is attributed to parts of the model; the first one leads. MACs if not
            given, or params where there is no graph to cost.
        database: URL or path; else as the settings say.

    Raises:
        UsageError: There is no such metric, or the reading cannot be understood.
        CostError: The two were not counted alike, or one was not costed at the point.
        NotInDatabase: There is no such version.
        ArtifactError, BindingError: As `analyze`.
    """
    from costdb.comparing import compare

    check_layer_metrics(metrics)
    settings = load_settings(database)
    wanted = under_settings(reading, settings)
    return compare(old, new, wanted, settings, point=point, metrics=metrics)


def history(
    *models: str, database: str | None = None, **selection: "Unpack[Selection]"
) -> "list[Series]":
    """What the versions of models cost, in the order of their ordinals.

    Args:
        models: Every model if none is named.
        database: URL or path; else as the settings say.
        selection: `points`, `branch`, `last`, `since` and `until` (tags or days), `archived`; see
            `costdb.store.history.Selection`.

    Returns:
        A series for each model, operating point and branch.

    Raises:
        NotInDatabase: No such model or tag.
        UsageError: A bound is no day and no model is named.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb.store.history import history as read

    with _store(load_settings(database), create=False) as store:
        return read(store.engine, *models, **selection)


def history_pieces(
    *models: str, database: str | None = None, **selection: "Unpack[Selection]"
) -> "Iterator[Series]":
    """The same as `history`, a thousand versions at a time, for histories of any length.

    Yields:
        Series; what belongs to one comes one after the other.

    Raises:
        NotInDatabase, UsageError, DatabaseUnavailable: As `history`.
    """
    from costdb.store.history import history_pieces as read

    with _store(load_settings(database), create=False) as store:
        yield from read(store.engine, *models, **selection)


def show(version: str, *, point: str = DEFAULT, database: str | None = None) -> "StoredVersion":
    """One stored version with its graph and the cost of every layer.

    Args:
        version: `MODEL@TAG`, `MODEL@ALIAS`, or `MODEL` for its latest version.
        point: The operating point.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: There is no such version, or it has no such point.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb.store import read, stored

    with _store(load_settings(database), create=False) as store:
        return stored.version_cost(store.engine, read.resolve(store.engine, version), point)


def check(
    target: str | None = None,
    reading: Reading | None = None,
    *,
    all_models: bool = False,
    against: str | None = None,
    model: str | None = None,
    policy: Path | None = None,
    branch: str = "main",
    point: str | None = None,
    save: bool = True,
    database: str | None = None,
) -> "Checked":
    """Judge a version, or a file that is in no database, by a policy.

    Args:
        target: `MODEL` for its latest version, `MODEL@TAG`, `MODEL@ALIAS`, or a file.
        reading: How to read files.
        all_models: Whether to judge the latest version of every model instead.
        against: What to compare with instead of the policy's baselines: a version, another file, or
            a saved `costdb.analysis/1`.
        model: What a file's model is called, if not by its name.
        policy: A policy file; else the rules of `costdb.toml`, else the default ones.
        branch: Whose latest version is judged, or compared with a file.
        point: One operating point; every point of the version if not given.
        save: Whether the database keeps what was found of its versions, so that the next check
            knows what is new.
        database: URL or path; else as the settings say.

    Raises:
        UsageError: There is nothing to judge, or too much.
        ConfigurationError: The policy is wrong.
        NotInDatabase: There is no such version.
        ArtifactError, BindingError, CostError: As `analyze`.
    """
    from costdb import checking

    checking.require_one_question(target, against, all_models=all_models)
    settings = load_settings(database)
    request = checking.Request(
        target=target,
        reading=reading or Reading(),
        against=against,
        model=model,
        branch=branch,
        point=point,
        policy=policy,
        save=save,
        now=datetime.now(UTC),
    )
    return checking.check(request, settings)


def explain_policy(
    target: str | None = None, *, policy: Path | None = None, point: str = DEFAULT
) -> "PolicyInForce":
    """Say which rules hold, where they come from, and for a model why these. No database is read.

    Args:
        target: A model, a version or a file of it; None for the whole policy.
        policy: A policy file; else the rules of `costdb.toml`, else the default ones.
        point: The operating point.

    Raises:
        ConfigurationError: The policy is wrong.
    """
    from costdb import in_force

    return in_force.explain_policy(target, policy, point, load_settings())


def replay(
    model: str,
    *,
    policy: Path | None = None,
    branch: str = "main",
    point: str | None = None,
    with_acceptances: bool = False,
    database: str | None = None,
) -> "Replayed":
    """Say at which past versions a policy would have fired. Nothing is written.

    Each version is judged by what came before it. An alias stands for what it stands for today.

    Args:
        model: The model.
        policy: A policy file; else the rules of `costdb.toml`, else the default ones.
        branch: Whose versions are judged.
        point: One operating point; every point if not given.
        with_acceptances: Whether what was accepted since counts from the accepted version on.
        database: URL or path; else as the settings say.

    Raises:
        ConfigurationError: The policy is wrong.
        NotInDatabase: There is no such model, or no version on the branch has the point.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb import replaying
    from costdb.in_force import policy_in_force

    settings = load_settings(database)
    return replaying.replay(
        model,
        settings,
        policy_in_force(policy, settings),
        branch=branch,
        point=point,
        with_acceptances=with_acceptances,
        now=datetime.now(UTC),
    )


def accept(
    version: str,
    *,
    reason: str,
    metrics: Sequence[str] = (),
    scope: str | None = None,
    point: str | None = None,
    author: str | None = None,
    expires_at: datetime | None = None,
    policy: Path | None = None,
    in_file: bool = False,
    database: str | None = None,
) -> "Accepted":
    """Accept what a version costs: it is the anchor from now on, and findings up to it are silent.

    Args:
        version: `MODEL@TAG`, `MODEL@ALIAS`, or `MODEL` for its latest version.
        reason: Why.
        metrics: What is accepted; all that the policy finds too much if not given.
        scope: The part of the model; the total, or that of any finding, if not given.
        point: One operating point; every point of the version if not given.
        author: Who accepts it; else the user of the environment.
        expires_at: When that ends, aware; None for never.
        policy: The policy that finds; else that of `costdb.toml`, else the default one.
        in_file: Whether it is written to `costdb.accepted.toml` and not to the database.
        database: URL or path; else as the settings say.

    Raises:
        UsageError: A word is not known, or the version has nothing of what is named.
        NotInDatabase: There is no such version, or it has no such point.
        ConfigurationError: The policy or the file is wrong.
        DatabaseUnavailable: The database cannot be read or written.
    """
    from costdb import accepting

    settings = load_settings(database)
    request = accepting.Request(
        version=version,
        metrics=metrics,
        scope=scope,
        point=point,
        reason=reason,
        author=author or settings.user,
        expires_at=expires_at,
        policy=policy,
        in_file=in_file,
        now=datetime.now(UTC),
    )
    return accepting.accept(request, settings)


def accepted(
    model: str | None = None, *, database: str | None = None
) -> "list[tuple[Acceptance, AcceptanceState]]":
    """What was accepted, in the database and in `costdb.accepted.toml`, the latest first.

    Args:
        model: One model; every model if not given.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: There is no such model.
        ConfigurationError: The file is wrong.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb import accepting

    return accepting.accepted(load_settings(database), model, datetime.now(UTC))


def revoke(number: int, *, database: str | None = None) -> "Acceptance":
    """Take an acceptance back. It is kept and marked.

    Args:
        number: Its number in the database.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: There is no such acceptance.
        DatabaseUnavailable: The database cannot be written.
    """
    from costdb import accepting

    return accepting.revoke(load_settings(database), number, datetime.now(UTC))


def set_alias(
    version: str, name: str, *, author: str | None = None, database: str | None = None
) -> "AliasMove":
    """Let an alias stand for a version, whatever it stood for before.

    Args:
        version: `MODEL@TAG`, `MODEL@ALIAS`, or `MODEL` for its latest version.
        name: The alias.
        author: Who says so; else the user of the environment.
        database: URL or path; else as the settings say.

    Raises:
        UsageError: The name is not allowed, or a version's tag.
        NotInDatabase: There is no such version.
        DatabaseUnavailable: The database cannot be written.
    """
    from costdb.store import aliases, read

    settings = load_settings(database)
    author = author or settings.user
    with _store(settings, create=False) as store:
        of = read.resolve(store.engine, version)
        return aliases.set_alias(store.engine, of, name, author=author, now=datetime.now(UTC))


def remove_alias(model: str, name: str, *, database: str | None = None) -> "AliasMove":
    """Forget an alias; the version stays.

    Args:
        model: The model.
        name: The alias.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: There is no such model or alias.
        DatabaseUnavailable: The database cannot be written.
    """
    from costdb.store import aliases

    with _store(load_settings(database), create=False) as store:
        return aliases.remove_alias(store.engine, model, name)


def aliases(model: str | None = None, *, database: str | None = None) -> "list[AliasRecord]":
    """The aliases of a model, or of all.

    Args:
        model: One model; every model if not given.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb.store import aliases as stored

    with _store(load_settings(database), create=False) as store:
        return stored.aliases(store.engine, model)


def notify(findings: Sequence["Finding"]) -> tuple[str, ...]:
    """Hand findings to the installed notifiers: those that got worse and are new.

    Args:
        findings: What a check found. Those that the last run had too are left out; without a last
            run, all are new.

    Returns:
        What went wrong, a line for each notifier that failed.
    """
    from costdb.plugins import discover

    fresh = [
        finding
        for finding in findings
        if finding.verdict in {"regression", "warn"} and finding.is_new is not False
    ]
    if not fresh:
        return ()
    plugins = discover()
    return (*plugins.problems, *plugins.notify(fresh))


def models(*, database: str | None = None) -> "list[ModelRecord]":
    """Every model, with what its latest version costs.

    Args:
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb.store import read

    with _store(load_settings(database), create=False) as store:
        return read.models(store.engine)


def database_in_use(*, database: str | None = None) -> "Store":
    """The database that the other functions would use, closed again.

    Args:
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: It is missing or cannot be opened.
        SchemaMismatch: Its tables are older or newer than this program's.
    """
    with _store(load_settings(database), create=False) as store:
        return store


def upgrade_database(*, database: str | None = None) -> "Upgraded":
    """Create a database's tables, or bring them to this program's schema.

    Args:
        database: URL or path; else as the settings say.

    Raises:
        DatabaseUnavailable: It cannot be opened, or another upgrade takes too long.
        SchemaMismatch: Its tables are newer than this program's.
    """
    from costdb.store import upgrade_store

    return upgrade_store(load_settings(database).database)


def check_layer_metrics(names: Iterable[str]) -> None:
    """See that layers have such metrics. Raises UsageError."""
    for name in names:
        if name not in METRICS:
            raise UsageError(
                f"{name!r} is no metric that layers have", hint=nearest(name, METRICS, "metrics")
            )


def parse_metrics(text: str) -> tuple[str, ...]:
    """Names of stored and derived metrics out of `flops,operations`. Raises UsageError."""
    from costdb.cost.metrics import derived_metrics

    names = tuple(dict.fromkeys(name.strip() for name in text.split(",")))
    known = (*METRICS, *derived_metrics())
    for name in names:
        if name not in known:
            raise UsageError(f"no metric {name!r}", hint=nearest(name, known, "metrics"))
    return names


@contextmanager
def _store(settings: Settings, *, create: bool = True) -> "Iterator[Store]":
    from costdb.store import open_store

    with open_store(settings.database, create=create) as store:
        yield store
