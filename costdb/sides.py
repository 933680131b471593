"""What a name stands for where costs are compared: a version, a model file, a saved analysis."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from costdb.analysis import analyses, model_name, version_analyses
from costdb.cost.result import Analysis, GraphCost
from costdb.errors import NotInDatabase, StoreError, UsageError
from costdb.ir import Tensor
from costdb.reading import Reading, under_settings
from costdb.settings import OperatingPoint, Settings
from costdb.source import PYTHON_SCHEME, Source
from costdb.store import Store, read
from costdb.store.names import check_model
from costdb.store.records import StoredVersion, VersionRecord
from costdb.store.stored import version_cost

if TYPE_CHECKING:
    from costdb.cost.schema import AnalysisDocument

# A saved analysis is no model: it starts like every JSON object, and models are binary.
_JSON_START = b"{"


@dataclass(frozen=True, slots=True)
class Costed:
    """What something costs at one operating point.

    Attributes:
        name: How a sentence calls it: "detector@v2", "new.onnx", "costs.json".
        point: The operating point.
        cost: What it costs.
        inputs: What it is fed.
        file_format: Of the model file, such as "onnx".
        structure: The digest of what was costed.
        warnings: What a reader should know.
    """

    name: str
    point: str
    cost: GraphCost
    inputs: tuple[Tensor, ...]
    file_format: str
    structure: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One of two things that are compared.

    Attributes:
        name: As in `Costed`.
        points: The operating points that it has.
        at: Operating point -> what it costs there, or the reason for not knowing. Reads a file, or
            the database, when it is called.
    """

    name: str
    points: tuple[str, ...]
    at: Callable[[str], Costed | str]


def is_file(name: str) -> bool:
    """Whether a name is a file's or a factory's, and not that of a version.

    It is where there is such a file, SavedModel or checkpoint, and where no model can be called so.
    """
    # os.path, because pathlib raises for a name that is too long for a file system.
    files = (name, os.path.join(name, "saved_model.pb"))  # noqa: PTH118
    if any(map(os.path.isfile, files)) or _names_checkpoint(name):
        return True
    try:
        check_model(name.partition("@")[0])
    except UsageError:
        return True
    return False


def _names_checkpoint(name: str) -> bool:
    """Whether it is what the names of a checkpoint's files begin with, and no file itself."""
    files = (f"{name}{suffix}" for suffix in (".index", ".meta"))
    return not os.path.isfile(name) and any(map(os.path.isfile, files))  # noqa: PTH113


def side(
    name: str, reading: Reading, settings: Settings, store: Store | None, *, like: str = ""
) -> Side:
    """What a name stands for.

    Args:
        name: `MODEL@TAG`, `MODEL@ALIAS`, `MODEL` for its latest version, a model file, or what
            `costdb analyze --format json` wrote.
        reading: How to read a model file.
        settings: Where its operating points stand.
        store: The database; may be None for files.
        like: What it is compared with; see `points_of`.

    Raises:
        NotInDatabase: There is no such file and no such version.
        ArtifactUnreadable: The file cannot be read.
        BrokenArtifact: It starts like a saved analysis and is none.
        UsageError: The reading cannot be understood.
    """
    if is_file(name):
        return file_side(name, reading, settings, like=like)
    assert store is not None  # noqa: S101 - opened unless every name is a file's
    engine = store.engine
    return version_side(
        name,
        lambda name: read.resolve(engine, name),
        lambda version, point: version_cost(engine, version, point),
    )


def file_side(name: str, reading: Reading, settings: Settings, *, like: str = "") -> Side:
    """What a file stands for: a model, or a saved analysis; see `side`."""
    text = saved_analysis(name)
    if text is None:
        return _model_side(name, reading, points_of(name, settings, like))
    from costdb.cost.schema import read_document

    document, cost = read_document(text, Source(name).name)
    return document_side(Source(name).name, document, cost)


def points_of(file: str, settings: Settings, like: str) -> Mapping[str, OperatingPoint]:
    """The operating points of a file's model; where none claims it, of what it is compared with.

    Args:
        file: The file.
        settings: Where the points stand.
        like: The other file, `MODEL` or `MODEL@TAG`; may be empty.

    Raises:
        ConfigurationError: The file is one of several models.
    """
    model = settings.model_for(file)
    if model is None and like:
        name = like.partition("@")[0]
        model = settings.model_for(like) if is_file(like) else settings.models.get(name)
    return model.points if model else {}


def compared_analyses(
    file: str, reading: Reading | None, settings: Settings, model: str | None, like: str
) -> tuple[str, tuple[Analysis, ...]]:
    """What a file costs that is compared with something, at operating points that both have.

    Args:
        file: The file.
        reading: How to read it.
        settings: What `costdb.toml` says.
        model: The model's name, if it was given.
        like: What it is compared with; see `points_of`.

    Returns:
        As `costdb.analysis.version_analyses`.
    """
    if model or not like or settings.model_for(file) is not None:
        return version_analyses(file, reading, settings, model)
    wanted = under_settings(reading, settings)
    return model_name(file), analyses(file, wanted, points_of(file, settings, like))


def saved_analysis(file: str) -> bytes | None:
    """The text of what `costdb analyze --format json` wrote; None where a file is a model."""
    with Source(file) as source:
        has_head = source.scheme != PYTHON_SCHEME and not source.is_directory
        if has_head and not _names_checkpoint(file) and source.read_at_most(0, 1) == _JSON_START:
            return source.read(0, source.size)
    return None


def version_side(
    name: str,
    resolve: Callable[[str], VersionRecord],
    read_version: Callable[[VersionRecord, str], StoredVersion],
) -> Side:
    """What the name of a version stands for; see `side`.

    Args:
        name: As it was typed.
        resolve: Name -> the version. Raises NotInDatabase.
        read_version: Version, operating point -> its analysis there. Raises StoreError.
    """
    try:
        version = resolve(name)
    except NotInDatabase as error:
        if "@" in name:
            raise
        raise NotInDatabase(
            f"{name!r} is no file, and there is {error.message}", hint=error.hint
        ) from error

    def at(point: str) -> Costed | str:
        try:
            analysis = read_version(version, point).analysis
        except StoreError as error:
            return error.message
        return Costed(
            version.name,
            point,
            analysis.cost,
            analysis.graph.inputs,
            version.file_format,
            analysis.structure_digest,
            analysis.warnings,
        )

    return Side(version.name, version.points, at)


def _model_side(file: str, reading: Reading, known: Mapping[str, OperatingPoint]) -> Side:
    points = tuple(reading.bindings(known))
    name = Source(file).name

    def at(point: str) -> Costed | str:
        if point not in points:
            return f"{name} was not analysed at point {point!r}"
        typed = [text for text in reading.at if text.partition(":")[0] == point]
        # A default point that costdb.toml does not have is what is read without `--at`.
        asked = typed or ([point] if point in known else [])
        (analysis,) = analyses(file, replace(reading, at=asked), known if asked else {})
        return Costed(
            name,
            point,
            analysis.cost,
            analysis.graph.inputs,
            analysis.artifact.file_format,
            analysis.structure_digest,
            analysis.warnings,
        )

    return Side(name, points, at)


def document_side(name: str, document: "AnalysisDocument", cost: GraphCost) -> Side:
    """What a saved analysis stands for.

    Args:
        name: How a sentence calls it.
        document: What stands there.
        cost: The cost that it says.
    """
    found = Costed(
        name,
        document.point,
        cost,
        tuple(
            Tensor(name, None if tensor.shape is None else tuple(tensor.shape), tensor.dtype)
            for name, tensor in document.inputs.items()
        ),
        document.artifact.format,
        document.artifact.structure,
        tuple(document.warnings),
    )

    def at(point: str) -> Costed | str:
        if point != found.point:
            return f"{found.name} was analysed at point {found.point!r}, not {point!r}"
        return found

    return Side(found.name, (found.point,), at)
