"""Ingesting many files: workers analyse, one writer stores, in the order of the list.

from costdb import batch

for result in batch.ingest_all(batch.from_manifest(Path("models.csv")), jobs=4):
    print(result.entry.file, result.status or result.error)
"""

import csv
import json
import os
import re
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from dataclasses import replace as dataclass_replace
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from costdb import cluster
from costdb.analysis import analyses, model_name
from costdb.cost.result import Analysis
from costdb.errors import (
    ArtifactError,
    CostdbError,
    CostError,
    OutputUnwritable,
    ReaderCrashed,
    UsageError,
    VersionConflict,
)
from costdb.reading import Reading, under_settings
from costdb.settings import OperatingPoint, Settings, load_settings
from costdb.store import Store, open_store
from costdb.store.records import IngestOutcome, IngestStatus
from costdb.store.write import ingest as write

# How many analyses wait for the writer, for each worker: enough that none idles, few enough that
# memory does not grow with the list.
_AHEAD = 4

_SAVED_MODEL = "saved_model.pb"

Notes = tuple[str, ...]

# Stores what a version costs: its analyses, and by name what `costdb.store.write.ingest` takes.
# Returns what a reader should know besides.
StoreVersion = Callable[..., tuple[IngestOutcome, Notes]]

# What a model file may be called. What it is, its content says.
SUFFIXES = frozenset({".onnx", ".pb", ".pt2", ".pt", ".pth", ".safetensors", ".meta"})


@dataclass(frozen=True, slots=True)
class Entry:
    """One file to ingest, as one version.

    Attributes:
        file: Path or URL.
        tag: The version's tag.
        model: The model's name; empty to take it from `costdb.toml` or the file's name.
        branch: The line that the version continues; `main` if empty.
        git_sha: The commit it was made from; may be empty, as what follows.
        author: Who made it.
        source: Where it comes from.
        path: What the database calls the file; the file itself if empty.
    """

    file: str
    tag: str
    model: str = ""
    branch: str = ""
    git_sha: str = ""
    author: str = ""
    source: str = ""
    path: str = ""

    @property
    def location(self) -> str:
        """What settings and database know the file by."""
        return self.path or self.file


@dataclass(frozen=True, slots=True)
class Result:
    """What became of an entry.

    Attributes:
        entry: The entry.
        status: What was done; None if it failed or was done before.
        error: Why it failed; None if it did not.
        warnings: What a reader should know.
    """

    entry: Entry
    status: IngestStatus | None = None
    error: CostdbError | None = None
    warnings: tuple[str, ...] = ()


def from_folder(folder: Path, model: str | None = None) -> list[Entry]:
    """The model files of a folder and of those in it, tagged by their names, in order of names.

    `detector-v3.onnx` is the version v3 of detector: the last hyphen divides, or else the last
    underscore. If the model is given, the whole stem is the tag.

    Args:
        folder: Where the files are.
        model: Whose versions they all are.

    Raises:
        UsageError: It is no folder, holds no model file, or a name has no tag.
    """
    if not os.path.isdir(folder):  # noqa: PTH112 - pathlib raises where a name is too long
        raise UsageError(f"{str(folder)!r} is no folder", hint="name the folder of the files")
    files = sorted(path for path in folder.rglob("*") if path.suffix in SUFFIXES)
    saved = sorted(path.parent for path in folder.rglob(_SAVED_MODEL))
    inside = tuple(f"{path}{os.sep}" for path in saved)
    names = [*saved, *(path for path in files if not str(path).startswith(inside))]
    if not names:
        raise UsageError(
            f"{str(folder)!r} holds no model file",
            hint=f"name a folder of files that end in {', '.join(sorted(SUFFIXES))}",
        )
    return [_named(path, model) for path in sorted(names, key=_natural)]


def from_manifest(manifest: Path) -> list[Entry]:
    """The entries of a CSV file: the columns file and tag, and any other of `Entry`.

    Args:
        manifest: Paths in it are relative to its folder.

    Raises:
        UsageError: It cannot be read, has other columns, or a row lacks its file or tag.
    """
    known = [entry.name for entry in fields(Entry) if entry.name != "path"]
    try:
        with manifest.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, strict=True)
            columns = reader.fieldnames or []
            odd = [column for column in columns if column not in known]
            if odd or not {"file", "tag"} <= set(columns) or len(set(columns)) < len(columns):
                raise UsageError(
                    f"{str(manifest)!r} has the columns {', '.join(columns) or 'none'}",
                    hint=f"write file,tag and any of {', '.join(known[2:])} in the first line",
                )
            return [_listed(row, manifest, reader.line_num) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            f"{str(manifest)!r} cannot be read: {reason}", hint="name a CSV file in UTF-8"
        ) from error


def ingest_all(
    entries: Iterable[Entry],
    reading: Reading | None = None,
    *,
    jobs: int = 1,
    executor: Executor | None = None,
    resume: Path | None = None,
    replace: bool = False,
    database: str | None = None,
    store_version: StoreVersion | None = None,
) -> Generator[Result]:
    """Ingest files, and say of each what became of it; a failure does not stop the others.

    Args:
        entries: The files, in the order in which their versions are to be stored.
        reading: How to read them.
        jobs: How many are analysed at once.
        executor: What analyses them instead, such as that of a Dask cluster.
        resume: A file that notes what is done; what it says is done, of a file that is as it was,
            is skipped.
        replace: Whether a tag that is there may stand for another structure from now on.
        database: URL or path; else as the settings say.
        store_version: What stores a version in the place of a database.

    Raises:
        DatabaseUnavailable: The database cannot be written; what was stored before stays.
        OutputUnwritable: What is done can no longer be noted.
        WorkersLost: What analyses the files is gone; what was stored before stays.
        UsageError: The file to resume from cannot be read or written.
    """
    settings = load_settings(database)
    done = _Journal(resume)
    with ExitStack() as stack:
        if store_version is None:
            store_version = _into(stack.enter_context(open_store(settings.database)))
        workers = executor or stack.enter_context(ThreadPoolExecutor(jobs))
        ahead = _AHEAD * jobs
        # Whoever stops early waits for no file that was not begun.
        waiting: deque[tuple[Entry, str, Future[_Outcome] | None]] = deque()
        stack.callback(lambda: [future.cancel() for *_, future in waiting if future])
        left = iter(entries)
        while True:
            for entry in islice(left, ahead - len(waiting)):
                # Before the file is read: if it changes meanwhile, it is not done.
                line = _line(entry)
                future = None
                if line not in done:
                    with _losses_explained(entry, executor):
                        future = _begin(workers, entry, reading, settings)
                waiting.append((entry, line, future))
            if not waiting:
                return
            entry, line, future = waiting.popleft()
            if future is None:
                yield Result(entry)
                continue
            outcome = _outcome(future, entry, executor)
            result = _store(store_version, settings, entry, outcome, replace=replace)
            if result.error is None:
                done.note(line)
            yield result


# What a worker gives back: an error travels as a value, so that a cluster does not try again.
_Outcome = tuple[Analysis, ...] | CostdbError


def _begin(
    workers: Executor, entry: Entry, reading: Reading | None, settings: Settings
) -> "Future[_Outcome]":
    by_name = settings.models.get(entry.model)
    configured = by_name if entry.model else settings.model_for(entry.location)
    points = configured.points if configured else {}
    return workers.submit(_analysed, entry.file, under_settings(reading, settings), points)


def _analysed(file: str, reading: Reading, points: Mapping[str, OperatingPoint]) -> _Outcome:
    try:
        return analyses(file, reading, points)
    except CostdbError as error:
        return error


def _outcome(future: "Future[_Outcome]", entry: Entry, executor: Executor | None) -> "_Outcome":
    """What a worker gave back; a worker that died is an error of this file."""
    try:
        with _losses_explained(entry, executor):
            return future.result()
    except ReaderCrashed as error:
        return error


@contextmanager
def _losses_explained(entry: Entry, executor: Executor | None) -> Iterator[None]:
    """Turn what a cluster raises into an error that says what to do next."""
    try:
        yield
    except Exception as error:
        explained = None if executor is None else cluster.explained(error, entry.location)
        if explained is None:
            raise
        raise explained from error


def _into(store: Store) -> StoreVersion:
    """What stores versions in a database."""

    def store_version(analyses: Sequence[Analysis], **about: Any) -> tuple[IngestOutcome, Notes]:
        return write(store.engine, analyses, now=datetime.now(UTC), **about), ()

    return store_version


def _store(
    store_version: StoreVersion,
    settings: Settings,
    entry: Entry,
    outcome: _Outcome,
    *,
    replace: bool,
) -> Result:
    if isinstance(outcome, CostdbError):
        return Result(entry, error=outcome)
    configured = None if entry.model else settings.model_for(entry.location)
    try:
        stored, notes = store_version(
            [_known_as(analysis, entry) for analysis in outcome],
            model=entry.model or (configured.name if configured else model_name(entry.location)),
            tag=entry.tag,
            branch=entry.branch or "main",
            git_sha=entry.git_sha or None,
            author=entry.author or None,
            source=entry.source or None,
            replace=replace,
        )
    except (UsageError, ArtifactError, CostError, VersionConflict) as error:
        return Result(entry, error=error)
    said = (*notes, *(warning for analysis in outcome for warning in analysis.warnings))
    return Result(entry, stored.status, warnings=tuple(dict.fromkeys(said)))


def _known_as(analysis: Analysis, entry: Entry) -> Analysis:
    if not entry.path:
        return analysis
    return dataclass_replace(
        analysis, artifact=dataclass_replace(analysis.artifact, path=entry.path)
    )


class _Journal:
    """What is done, a line of JSON each, appended and flushed as it is done."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._lines: set[str] = set()
        if path is None:
            return
        try:
            if path.exists() and not path.is_file():
                raise UsageError(
                    f"{str(path)!r} is no regular file", hint="name another file with --resume"
                )
            # Whether it can be written is known before the first file is read.
            with path.open("a+", encoding="utf-8") as file:
                file.seek(0)
                self._lines = set(file.read().splitlines())
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else error
            raise UsageError(
                f"{str(path)!r} cannot be read and written: {reason}",
                hint="name another file with --resume",
            ) from error

    def __contains__(self, line: str) -> bool:
        return line in self._lines

    def note(self, line: str) -> None:
        if self._path is None:
            return
        try:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(f"{line}\n")
        except OSError as error:
            raise OutputUnwritable(
                f"{str(self._path)!r} cannot be written: {error.strerror}",
                hint="free some space and run it again: what is stored stays",
            ) from error


def _line(entry: Entry) -> str:
    """An entry with the state of its file; a URL has none, and a file of a commit needs none."""
    about: dict[str, object] = asdict(entry)
    if entry.path:
        del about["file"]
        return json.dumps(about)
    path = Path(entry.file)
    try:
        # Writing into a folder's files leaves the folder's own time as it was.
        state = (path / _SAVED_MODEL if path.is_dir() else path).stat()
    except (OSError, ValueError):  # whoever reads it says what is wrong
        state = None
    about |= {"bytes": state and state.st_size, "modified": state and state.st_mtime_ns}
    return json.dumps(about)


def _named(path: Path, model: str | None) -> Entry:
    stem = path.name if path.is_dir() else path.stem
    if model is not None:
        return Entry(str(path), tag=stem, model=model)
    for divider in "-_":
        name, found, tag = stem.rpartition(divider)
        if found and name and tag:
            return Entry(str(path), tag=tag, model=name)
    raise UsageError(
        f"{path.name!r} has no tag in its name",
        hint="call it MODEL-TAG, as in detector-v3.onnx, or say --model and the name is the tag",
    )


def _natural(path: Path) -> list[tuple[int, int, str]]:
    """Sorts v10 after v9: runs of digits by their value."""
    parts = re.split(r"(\d+)", str(path))
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part) for part in parts]


def _listed(row: Mapping[str, str | None], manifest: Path, line: int) -> Entry:
    given = {name: value.strip() for name, value in row.items() if name and value}
    if None in row or not given.get("file") or not given.get("tag"):
        raise UsageError(
            f"line {line} of {str(manifest)!r} lacks its file or its tag, or has too much",
            hint="write one value for each column of the first line",
        )
    if "://" not in given["file"]:
        given["file"] = str(manifest.parent / given["file"])
    return Entry(**given)
