"""`costdb ingest` of many files: a folder, a manifest, or the tags of a git repository."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import typer

from costdb.cli import options, output
from costdb.errors import CostdbError, UsageError

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
    ingester: "tuple[Callable[..., Generator[Result]], str | None]",
    output_format: options.OutputFormat,
) -> None:
    """Ingest all of them with what `costdb.cli.place` says; exit 1 if one failed."""
    if wanted.tag is not None:
        raise UsageError("--tag is for one file", hint="leave --tag out")
    if wanted.hash_file:
        raise UsageError("--hash is for one file", hint="leave --hash out")
    with ExitStack() as stack:
        entries, count = _entries(wanted, stack)
        executor, jobs = _workers(wanted, stack)
        progress = stack.enter_context(output.progress("ingesting"))
        ingest_all, url = ingester
        results: list[Result] = []
        ingested = ingest_all(
            (_completed(entry, wanted) for entry in entries),
            reading,
            jobs=jobs,
            executor=executor,
            resume=wanted.resume,
            replace=wanted.replace,
            database=url,
        )
        stack.enter_context(closing(ingested))
        try:
            for result in ingested:
                results.append(result)
                progress(len(results), max(count, len(results)))
                _tell(result)
                if wanted.from_git is not None:
                    from costdb.git_history import forget

                    forget(result.entry)
        except CostdbError:
            # It ends early, and what was stored until then is said all the same.
            if results:
                _report(results, output_format)
            raise
    _report(results, output_format)
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


def _workers(wanted: Batch, stack: ExitStack) -> "tuple[Executor | None, int]":
    """What analyses the files, None for this machine, and how many of them at once."""
    if wanted.dask is None:
        return None, wanted.jobs
    from costdb.cluster import cluster

    executor, threads = stack.enter_context(cluster(wanted.dask))
    if not threads:
        output.warn(f"{wanted.dask} has no worker yet: files wait until one joins")
    return executor, max(wanted.jobs, threads)


def _report(results: "Sequence[Result]", output_format: options.OutputFormat) -> None:
    from costdb.report import batch as report

    output.emit(
        output_format,
        listings=lambda: [report.batch_listing(results)],
        document=lambda: report.batch_document(results),
        data=lambda: report.batch_rows(results),
    )


def _tell(result: "Result") -> None:
    for warning in result.warnings:
        output.warn(f"{result.entry.location}: {warning}")
    if result.error is not None:
        output.fail(f"{result.entry.location}: {result.error.message}", result.error.hint)
