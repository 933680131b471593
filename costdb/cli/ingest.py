"""`costdb ingest`: store what a file costs as a version of a model."""

from typing import Annotated

import typer

from costdb.cli import options, output


def ingest(
    file: Annotated[str, typer.Argument(help="A model file: a path or a URL.", metavar="FILE")],
    tag: Annotated[
        str, typer.Option("--tag", "-t", help="The version: v3, 2026-11-24, a git tag.")
    ],
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
    inputs: options.Inputs = None,
    dims: options.Dims = None,
    trips: options.Trips = None,
    outputs: options.Outputs = None,
    at: options.Points = None,
    strict: options.Strict = False,
    loader: options.LoaderName = None,
    trust: options.Trust = False,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Store what a model file costs as a version of a model."""
    from costdb import api
    from costdb.report import ingest as report

    reading = api.Reading(
        at=at or (),
        inputs=inputs or (),
        dims=dims or (),
        trips=trips or (),
        outputs=outputs or (),
        loader=loader,
        strict=strict,
        trust=trust,
        plugins=output.installed_plugins(),
    )
    result = api.ingest(
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
        database=database,
    )
    for warning in result.warnings:
        output.warn(warning)
    output.emit(
        output_format,
        listings=lambda: report.ingest_listings(result),
        document=lambda: report.ingest_document(result),
        data=lambda: report.ingest_rows(result),
    )
