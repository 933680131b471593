"""What costdb offers to Python, to the command line and to the server.

    from costdb import api

    analysis = api.analyze("model.onnx")
    analysis.cost.totals.macs

    api.ingest("model.pb", model="detector", tag="v3")
    api.check("detector").verdict

Bindings are given as they are typed: `inputs=["x=1x3x224x224"]`, `dims=["sequence=128"]`.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from costdb import canonical
from costdb.binding import Binding, nearest
from costdb.cost.engine import cost
from costdb.cost.result import METRICS, Analysis, Artifact, View
from costdb.cost.rules import rule_table
from costdb.errors import CostError, UsageError
from costdb.plugins import Plugins, choose_loader, discover
from costdb.points import DEFAULT, bindings
from costdb.settings import OperatingPoint, Settings, load_settings
from costdb.source import PYTHON_SCHEME, Source

if TYPE_CHECKING:
    from costdb.store import Store, Upgraded
    from costdb.store.records import IngestOutcome, ModelRecord, Series, StoredVersion

# File names that say nothing of the model; the folder's name does.
_ANONYMOUS_STEMS = frozenset({"model", "saved_model", "frozen_graph"})

_CHUNK_BYTES = 1 << 24


@dataclass(frozen=True, slots=True)
class Reading:
    """How a file is to be read; what the flags of `analyze`, `ingest` and `check` say.

    Attributes:
        at: Operating points, as `b32` or `b32:batch=32`.
        inputs: Shapes, dtypes or values of inputs, as `x=1x3x224x224`.
        dims: Sizes of free dimensions, as `sequence=128`.
        trips: Trip counts of loops, as `loop=10`.
        outputs: Names of the outputs that are asked for.
        loader: The loader to take; by default the one that claims the content.
        strict: Whether an operator without a rule is an error.
        trust: Whether code that comes with the model may run.
    """

    at: Sequence[str] = ()
    inputs: Sequence[str] = ()
    dims: Sequence[str] = ()
    trips: Sequence[str] = ()
    outputs: Sequence[str] = ()
    loader: str | None = None
    strict: bool = False
    trust: bool = False


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


def analyze(
    artifact: str,
    reading: Reading | None = None,
    *,
    view: View = View.DEPLOYED,
    plugins: Plugins | None = None,
) -> Analysis:
    """Read a model file and count what it costs. No database is touched.

    Args:
        artifact: Path or URL.
        reading: How to read it; at one operating point at most.
        view: Whether layers that deployment folds away cost nothing.
        plugins: Loaders and rules; those that are installed if not given.

    Returns:
        The graph and its cost.

    Raises:
        ArtifactError: The file cannot be read or costed.
        BindingError: An open size has no value, or a binding does not fit.
        CostError: A number is too large, or an operator has no rule and that is an error.
        UsageError: The reading cannot be understood.
    """
    wanted = reading or Reading()
    model = load_settings().model_for(artifact) if wanted.at else None
    points = _bindings(wanted, model.points if model else {})
    if len(points) > 1:
        raise UsageError("a file is analysed at one point at a time", hint="give --at once")
    return _analyses(artifact, points, wanted, view, plugins or discover())[0]


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
    plugins: Plugins | None = None,
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
        plugins: Loaders and rules; those that are installed if not given.

    Returns:
        What was written, and the analyses.

    Raises:
        VersionConflict: The tag exists with another structure; nothing was written.
        DatabaseUnavailable: The database cannot be written; nothing was written.
        ArtifactError, BindingError, CostError, UsageError: As `analyze`.
    """
    from costdb.store.write import ingest as write

    wanted = reading or Reading()
    settings = load_settings(database)
    configured = settings.models.get(model) if model else settings.model_for(artifact)
    points = _bindings(wanted, configured.points if configured else {})
    analyses = _analyses(artifact, points, wanted, View.DEPLOYED, plugins or discover())
    name = model or (configured.name if configured else model_name(artifact))
    with _store(settings) as store:
        outcome = write(
            store.engine,
            analyses,
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
    said = (*notes, *(warning for analysis in analyses for warning in analysis.warnings))
    return Ingested(outcome, analyses, tuple(dict.fromkeys(said)))


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


def model_name(artifact: str) -> str:
    """What a file's model is called if no one says: the file's stem, or its folder's name.

    Raises:
        UsageError: Neither can be a name.
    """
    path = PurePath(Source(artifact).location)
    if str(path.parent) in {"", "."} and path.stem in _ANONYMOUS_STEMS:
        path = Path(path).absolute()
    name = path.parent.name if path.stem in _ANONYMOUS_STEMS else path.stem
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-._")
    if not name:
        raise UsageError(f"{artifact!r} gives no name for a model", hint="add --model NAME")
    return name


def _bindings(reading: Reading, known: Mapping[str, OperatingPoint]) -> dict[str, Binding]:
    return bindings(
        reading.at,
        known,
        inputs=reading.inputs,
        dims=reading.dims,
        trips=reading.trips,
        outputs=reading.outputs,
        trust=reading.trust,
    )


def _analyses(
    artifact: str,
    points: Mapping[str, Binding],
    reading: Reading,
    view: View,
    plugins: Plugins,
) -> tuple[Analysis, ...]:
    """One analysis for each operating point of a file."""
    rules = rule_table(plugins.rules)
    with Source(artifact) as source:
        loader = choose_loader(source, plugins, reading.loader)
        graphs = {name: loader.load(source, binding) for name, binding in points.items()}
        size = 0 if source.scheme == PYTHON_SCHEME or source.is_directory else source.size
        location = source.location
    analyses = []
    for name, graph in graphs.items():
        counted = cost(graph, rules, view)
        if reading.strict and counted.unknown_ops:
            listed = ", ".join(f"{op} x{number}" for op, number in counted.unknown_ops.items())
            raise CostError(
                f"{location!r} has layers that are not counted: {listed}",
                hint="leave --strict out for a lower bound, or install a plugin with their rules",
            )
        described = Artifact(location, graph.file_format, graph.framework, size)
        structure, names = canonical.structure_json(graph), canonical.names_json(graph)
        analyses.append(
            Analysis(
                artifact=described,
                graph=graph,
                loader=loader.name,
                loader_revision=loader.revision,
                structure=structure,
                structure_digest=canonical.structure_digest(structure),
                names=names,
                names_digest=canonical.names_digest(names),
                point=name,
                cost=counted,
                warnings=graph.notes,
            )
        )
    return tuple(analyses)


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
