"""What costdb offers to Python, to the command line and to the server.

    from costdb import api

    analysis = api.analyze("model.onnx")
    analysis.cost.totals.macs

    api.ingest("model.pb", model="detector", tag="v3")
    api.check("detector").verdict

Bindings are given as they are typed: `inputs=["x=1x3x224x224"]`, `dims=["sequence=128"]`.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from costdb.binding import nearest
from costdb.cost.result import METRICS, Analysis, View
from costdb.errors import UsageError
from costdb.points import DEFAULT
from costdb.reading import Reading
from costdb.settings import Settings, load_settings
from costdb.source import Source

if TYPE_CHECKING:
    from costdb.checking import Checked
    from costdb.cost.explanation import Explanation
    from costdb.store import Store, Upgraded
    from costdb.store.records import IngestOutcome, ModelRecord, Series, StoredVersion

__all__ = [
    "Analysis",
    "Explained",
    "Ingested",
    "Reading",
    "View",
    "analyze",
    "check",
    "database_in_use",
    "explain",
    "history",
    "ingest",
    "models",
    "parse_metrics",
    "show",
    "upgrade_database",
]

_CHUNK_BYTES = 1 << 24


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
        reading: How to read it; at one operating point at most.
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

    wanted = reading or Reading()
    if len(wanted.at) > 1:
        raise UsageError("a file is analysed at one point at a time", hint="give --at once")
    # Without --at, the default point alone: what costdb.toml adds is for the database.
    model = load_settings().model_for(artifact) if wanted.at else None
    return analyses(artifact, wanted, model.points if model else {}, view)[0]


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
    plugins = reading.plugins if reading and reading.plugins else discover()
    analysis = analyze(artifact, replace(reading or Reading(), plugins=plugins))
    explanation = explain_graph(analysis.graph, wanted, rule_table(plugins.rules))
    return Explained(analysis, explanation)


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
    from costdb.analysis import analyses, model_name
    from costdb.store.write import ingest as write

    settings = load_settings(database)
    configured = settings.models.get(model) if model else settings.model_for(artifact)
    found = analyses(artifact, reading or Reading(), configured.points if configured else {})
    name = model or (configured.name if configured else model_name(artifact))
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
            sha256=_sha256(artifact) if hash_file else None,
            replace=replace,
            now=datetime.now(UTC),
        )
        notes = store.notes
    said = (*notes, *(warning for analysis in found for warning in analysis.warnings))
    return Ingested(outcome, found, tuple(dict.fromkeys(said)))


def history(
    model: str | None = None,
    *,
    point: str | None = None,
    branch: str | None = None,
    last: int | None = None,
    since: str | None = None,
    until: str | None = None,
    database: str | None = None,
) -> "list[Series]":
    """What the versions of models cost, in the order of their ordinals.

    Args:
        model: One model; every model if not given.
        point: One operating point.
        branch: One branch.
        last: Only so many versions from the end.
        since: A tag or a day, inclusive.
        until: A tag or a day, inclusive.
        database: URL or path; else as the settings say.

    Raises:
        NotInDatabase: No such model or tag.
        DatabaseUnavailable: The database cannot be read.
    """
    from costdb.store.history import history as read

    with _store(load_settings(database), create=False) as store:
        return read(
            store.engine,
            model,
            point=point,
            branch=branch,
            last=last,
            since=since,
            until=until,
        )


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
        database: URL or path; else as the settings say.

    Raises:
        UsageError: There is nothing to judge, or too much.
        ConfigurationError: The policy is wrong.
        NotInDatabase: There is no such version.
        ArtifactError, BindingError, CostError: As `analyze`.
    """
    from costdb import checking

    if (target is None) is not all_models:
        raise UsageError("name one model or file, or say --all", hint="costdb check detector")
    if all_models and against is not None:
        raise UsageError("--all has no one baseline", hint="leave --against out")
    request = checking.Request(
        target=target,
        reading=reading or Reading(),
        against=against,
        model=model,
        branch=branch,
        point=point,
        policy=policy,
    )
    return checking.check(request, load_settings(database))


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


def parse_metrics(text: str) -> tuple[str, ...]:
    """Metric names out of `flops,peak_memory_bytes`. Raises UsageError."""
    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        if name not in METRICS:
            raise UsageError(f"no metric {name!r}", hint=nearest(name, METRICS, "metrics"))
    return names


def _sha256(artifact: str) -> str:
    digest = hashlib.sha256()
    with Source(artifact) as source:
        for offset in range(0, source.size, _CHUNK_BYTES):
            digest.update(source.read_at_most(offset, _CHUNK_BYTES))
    return digest.hexdigest()


@contextmanager
def _store(settings: Settings, *, create: bool = True) -> "Iterator[Store]":
    from costdb.store import open_store

    with open_store(settings.database, create=create) as store:
        yield store
