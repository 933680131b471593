"""`costdb accept`: what a version costs may be so from now on."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated

import typer

from costdb.cli import options, output
from costdb.cli.place import place
from costdb.errors import UsageError


def accept(
    version: Annotated[
        str | None,
        typer.Argument(
            help="MODEL@TAG, MODEL@ALIAS, or MODEL for its latest version; with --list, a model.",
            show_default=False,
        ),
    ] = None,
    reason: Annotated[
        str | None, typer.Option("--reason", "-r", help="Why.", show_default=False)
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            "--metric",
            "-m",
            help="Metrics, separated by commas; else all that the policy finds too much.",
            show_default=False,
        ),
    ] = None,
    scope: Annotated[
        str | None,
        typer.Option(
            "--scope",
            help="A part of the model: layer:GLOB, op:GLOB or scope:GLOB.",
            show_default=False,
        ),
    ] = None,
    point: options.Point = None,
    by: Annotated[
        str | None, typer.Option("--by", help="Who accepts it; else you.", show_default=False)
    ] = None,
    expires: Annotated[
        datetime | None,
        typer.Option(
            "--expires",
            metavar="DATE",
            formats=["%Y-%m-%d"],
            help="The last day, in UTC, on which it holds.",
            show_default=False,
        ),
    ] = None,
    in_file: Annotated[
        bool,
        typer.Option(
            "--file", help="Write it to costdb.accepted.toml, to be reviewed, not to the database."
        ),
    ] = False,
    policy: Annotated[
        Path | None,
        typer.Option(
            "--policy",
            help="The policy that finds; else that of costdb.toml, else the default one.",
            show_default=False,
        ),
    ] = None,
    list_: Annotated[
        bool, typer.Option("--list", help="List what was accepted, and whether it holds.")
    ] = False,
    revoke: Annotated[
        int | None,
        typer.Option(
            "--revoke", metavar="ID", help="Take back what --list numbers so.", show_default=False
        ),
    ] = None,
    database: options.Database = None,
    to: options.Server = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Accept what a version costs: creep counts from it, and findings up to it are silent."""
    from costdb.report import acceptances as report

    costs, url = place(database, to)
    if list_:
        found = costs.accepted(version, database=url)
        output.emit(
            output_format,
            listings=lambda: [report.acceptances_listing(found)],
            document=lambda: report.acceptances_document(found),
            data=lambda: report.acceptances_listing(found),
        )
        return
    if revoke is not None:
        revoked = costs.revoke(revoke, database=url)
        output.emit(
            output_format,
            listings=lambda: [report.revoked_listing(revoked)],
            document=lambda: report.revoked_document(revoked),
            data=lambda: report.revoked_listing(revoked),
        )
        return
    if version is None or reason is None:
        raise UsageError(
            "name a version and say why",
            hint='costdb accept detector@v7 --reason "added decoder", or --list',
        )
    accepted = costs.accept(
        version,
        reason=reason,
        metrics=metric.replace(" ", "").split(",") if metric else (),
        scope=scope,
        point=point,
        author=by,
        expires_at=expires and expires.replace(tzinfo=UTC) + timedelta(days=1),
        policy=policy,
        in_file=in_file,
        database=url,
    )
    output.emit(
        output_format,
        listings=lambda: [report.accepted_listing(accepted)],
        document=lambda: report.accepted_document(accepted),
        data=lambda: report.accepted_listing(accepted),
    )
