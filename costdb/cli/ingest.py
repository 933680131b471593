"""`costdb ingest`: store what a file costs as a version of a model."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from costdb.cli import options, output
from costdb.cli.place import ingester, place
from costdb.cli.reading import reads_files

if TYPE_CHECKING:
    from costdb.reading import Reading


@reads_files
def ingest(
    file: Annotated[
        str | None,
        typer.Argument(
            help="A model file, a path or a URL; with --tag-from-name, a folder of them.",
            metavar="FILE",
            show_default=False,
        ),
    ] = None,
    tag: Annotated[
        str | None,
        typer.Option(
            "--tag", "-t", help="The version: v3, 2026-11-24, a git tag.", show_default=False
        ),
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(
            "--model",
            help="The model's name; else from costdb.toml or the file's name.",
            show_default=False,
        ),
    ] = None,
    branch: Annotated[str, typer.Option("--branch", help="The line of versions.")] = "main",
    git_sha: Annotated[
        str | None, typer.Option("--git-sha", help="The commit it was made from.")
    ] = None,
    author: Annotated[str | None, typer.Option("--author", help="Who made it.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Where it comes from, such as a job's URL.")
    ] = None,
    hash_: Annotated[
        bool, typer.Option("--hash", help="Read the whole file and store its SHA-256.")
    ] = False,
    replace: Annotated[
        bool, typer.Option("--replace", help="Let the tag stand for this file from now on.")
    ] = False,
    *,
    tag_from_name: Annotated[
        bool,
        typer.Option(
            "--tag-from-name",
            help="Ingest a folder: detector-v3.onnx is v3 of detector; with --model, all the name"
            " is the tag.",
            rich_help_panel="Many files",
        ),
    ] = False,
    manifest: Annotated[
        Path | None,
        typer.Option(
            "--manifest",
            help="Ingest what a CSV file lists: file,tag and perhaps"
            " model,branch,git_sha,author,source.",
            show_default=False,
            rich_help_panel="Many files",
        ),
    ] = None,
    from_git: Annotated[
        str | None,
        typer.Option(
            "--from-git",
            metavar="GLOB",
            help="Ingest the files of a git repository that fit, at each of its tags.",
            show_default=False,
            rich_help_panel="Many files",
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="TAG",
            help="The git tag to begin with.",
            show_default=False,
            rich_help_panel="Many files",
        ),
    ] = None,
    repository: Annotated[
        Path, typer.Option("--repo", help="The git repository.", rich_help_panel="Many files")
    ] = Path(),
    jobs: Annotated[
        int,
        typer.Option(
            "--jobs", "-j", min=1, help="Files to read at once.", rich_help_panel="Many files"
        ),
    ] = 1,
    dask: Annotated[
        str | None,
        typer.Option(
            "--dask",
            metavar="ADDRESS",
            help="Let a Dask cluster read the files: tcp://scheduler:8786.",
            show_default=False,
            rich_help_panel="Many files",
        ),
    ] = None,
    resume: Annotated[
        Path | None,
        typer.Option(
            "--resume",
            help="Note in this file what is done, and skip what it says is done.",
            show_default=False,
            rich_help_panel="Many files",
        ),
    ] = None,
    reading: "Reading",
    database: options.Database = None,
    to: options.Server = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Store what a model file costs as a version of a model, or what many files cost."""
    from costdb.errors import UsageError
    from costdb.report import ingest as report

    if tag_from_name or manifest is not None or from_git is not None:
        from costdb.cli.many import Batch, ingest_many

        ingest_many(
            Batch(
                file=file,
                tag=tag,
                model=model,
                branch=branch,
                git_sha=git_sha,
                author=author,
                source=source,
                tag_from_name=tag_from_name,
                manifest=manifest,
                from_git=from_git,
                since=since,
                repository=repository,
                jobs=jobs,
                dask=dask,
                resume=resume,
                replace=replace,
                hash_file=hash_,
            ),
            reading,
            ingester(database, to),
            output_format,
        )
        return
    if file is None or tag is None:
        raise UsageError("a FILE and its --tag are needed", hint="costdb ingest FILE --tag v1")
    costs, url = place(database, to)
    result = costs.ingest(
        file,
        reading,
        tag=tag,
        model=model,
        branch=branch,
        git_sha=git_sha,
        author=author,
        source=source,
        hash_file=hash_,
        replace=replace,
        database=url,
    )
    for warning in result.warnings:
        output.warn(warning)
    output.emit(
        output_format,
        listings=lambda: report.ingest_listings(result),
        document=lambda: report.ingest_document(result),
        data=lambda: report.ingest_rows(result),
    )
