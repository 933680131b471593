"""`costdb ingest` of many files: a folder, a manifest, or the tags of a git repository."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from costdb.cli import options, output
from costdb.errors import UsageError

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from costdb.batch import Entry, Result
    from costdb.reading import Reading


@dataclass(frozen=True, slots=True)
class Batch:
    """What the flags say of the files; see `costdb ingest --help`."""

    file: str | None
    tag: str | None
    model: str | None
    branch: str
    git_sha: str | None
    author: str | None
    source: str | None
    tag_from_name: bool
    manifest: Path | None
    from_git: str | None
    since: str | None
    repository: Path
    jobs: int
    dask: str | None
    resume: Path | None
    replace: bool
    hash_file: bool


def ingest_many(
    wanted: Batch,
    reading: "Reading",
    database: str | None,
    output_format: options.OutputFormat,
) -> None:
    """Ingest all of them; exit 1 if one failed."""
    from costdb.batch import ingest_all
    from costdb.report import batch as report

    if wanted.tag is not None:
        raise UsageError("--tag is for one file", hint="leave --tag out")
    if wanted.hash_file:
        raise UsageError("--hash is for one file", hint="leave --hash out")
    with ExitStack() as stack:
        entries, count = _entries(wanted, stack)
        executor, jobs = None, wanted.jobs
        if wanted.dask is not None:
            executor, threads = stack.enter_context(_cluster(wanted.dask))
            jobs = max(jobs, threads)
        progress = stack.enter_context(output.progress("ingesting"))
        results = []
        for result in ingest_all(
            (_completed(entry, wanted) for entry in entries),
            reading,
            jobs=jobs,
            executor=executor,
            resume=wanted.resume,
            replace=wanted.replace,
            database=database,
        ):
            results.append(result)
            progress(len(results), max(count, len(results)))
            _tell(result)
            if wanted.from_git is not None:
                from costdb.git_history import forget

                forget(result.entry)
    output.emit(
        output_format,
        listings=lambda: [report.batch_listing(results)],
        document=lambda: report.batch_document(results),
        data=lambda: report.batch_rows(results),
    )
    if any(result.error for result in results):
        raise typer.Exit(1)


def _completed(entry: "Entry", wanted: Batch) -> "Entry":
    """The entry with what the flags say of all files, where it says nothing itself."""
    return replace(
        entry,
        model=entry.model or wanted.model or "",
        branch=entry.branch or wanted.branch,
        git_sha=entry.git_sha or wanted.git_sha or "",
        author=entry.author or wanted.author or "",
        source=entry.source or wanted.source or "",
    )


def _entries(wanted: Batch, stack: ExitStack) -> "tuple[Iterable[Entry], int]":
    """What is to be ingested, and how much that is as far as is known."""
    from costdb import batch

    ways = [wanted.tag_from_name, wanted.manifest is not None, wanted.from_git is not None]
    if sum(ways) > 1:
        raise UsageError(
            "--tag-from-name, --manifest and --from-git are three ways to list files",
            hint="give one of them",
        )
    if wanted.tag_from_name is not (wanted.file is not None):
        raise UsageError(
            "a folder goes with --tag-from-name, and with nothing else",
            hint="costdb ingest DIR --tag-from-name",
        )
    if wanted.manifest is not None:
        listed = batch.from_manifest(wanted.manifest)
        return listed, len(listed)
    if wanted.file is not None:
        found = batch.from_folder(Path(wanted.file), wanted.model)
        return found, len(found)
    from costdb import git_history

    assert wanted.from_git is not None  # noqa: S101 - one of the three ways
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="costdb-")))
    tags = git_history.tags(wanted.repository, wanted.since)
    files = git_history.entries(wanted.repository, wanted.from_git, tags, folder, wanted.model)
    return files, 0


@contextmanager
def _cluster(address: str) -> "Iterator[tuple[Executor, int]]":
    """What runs functions on the workers of a Dask cluster, and how many of them at once.

    Raises:
        UsageError: Dask is not installed, or no scheduler answers.
    """
    try:
        from distributed import Client
    except ModuleNotFoundError as error:
        raise UsageError(
            "--dask needs dask.distributed, which is not installed",
            hint="pip install 'costdb[cluster]'",
        ) from error
    try:
        client = Client(address, timeout="10s", set_as_default=False)
    except (OSError, ValueError) as error:
        raise UsageError(
            f"no Dask scheduler answers at {address!r}: {error}",
            hint="start one with dask scheduler, and name it as in tcp://host:8786",
        ) from error
    with client:
        # One file read twice is two readings: it may have changed in between.
        yield client.get_executor(pure=False), sum(client.nthreads().values())


def _tell(result: "Result") -> None:
    for warning in result.warnings:
        output.warn(f"{result.entry.location}: {warning}")
    if result.error is not None:
        output.fail(f"{result.entry.location}: {result.error.message}", result.error.hint)
