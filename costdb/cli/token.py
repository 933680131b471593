"""`costdb token`: who may ask a server, and what one shows to it."""

import sys
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from costdb.cli import options, output
from costdb.errors import UsageError

app = typer.Typer(
    help="Make tokens for a database's server, and store the one to show to a server.",
    no_args_is_help=True,
)

Name = Annotated[str, typer.Argument(help="Whose token it is.", metavar="NAME")]
Url = Annotated[str, typer.Argument(help="The server: https://costs.example", metavar="URL")]

_LONGEST_LINE = 4096


class Scope(StrEnum):
    """What a token allows; the values of `store.records.TokenScope`."""

    READ = "read"
    INGEST = "ingest"
    ADMIN = "admin"


@app.command()
def create(
    name: Name,
    scope: Annotated[
        Scope,
        typer.Option(
            "--scope",
            help="What it allows, each with what stands before it: to read; to ingest, and keep"
            " runs of checks; to accept.",
        ),
    ],
    model: Annotated[
        str, typer.Option("--model", metavar="GLOB", help="A glob of models: detector*.")
    ] = "*",
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            metavar="DAYS|DATE",
            help="After so many days, 90d, or with the end of a day in UTC, 2027-01-31; else"
            " never.",
            show_default=False,
        ),
    ] = None,
    database: options.Database = None,
) -> None:
    """Make a token in a database; its secret alone is printed on stdout, this once."""
    from costdb import maintenance
    from costdb.report.tokens import token_sentence
    from costdb.store.records import TokenScope

    token, secret = maintenance.create_token(
        name,
        TokenScope(scope.value),
        model_glob=model,
        expires_at=None if expires is None else _end(expires, datetime.now(UTC)),
        database=database,
    )
    print(secret)
    output.note(f"{token_sentence(token)}; the secret is not shown again")


@app.command("list")
def list_tokens(
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """List the tokens of a database, and whether they hold; no secret is kept."""
    from costdb import maintenance
    from costdb.report import tokens as report

    found, now = maintenance.tokens(database=database), datetime.now(UTC)
    output.emit(
        output_format,
        listings=lambda: [report.tokens_listing(found, now)],
        document=lambda: report.tokens_document(found, now),
        data=lambda: report.tokens_listing(found, now),
    )


@app.command()
def revoke(
    name: Name,
    database: options.Database = None,
    output_format: options.Format = options.OutputFormat.TABLE,
) -> None:
    """Take a token back, from the next request on; its name stays taken."""
    from costdb import maintenance
    from costdb.report import tokens as report

    revoked, now = maintenance.revoke_token(name, database=database), datetime.now(UTC)
    output.emit(
        output_format,
        listings=lambda: [report.tokens_listing([revoked], now)],
        document=lambda: report.token_document(revoked, now),
        data=lambda: report.tokens_listing([revoked], now),
    )


@app.command()
def login(url: Url) -> None:
    """Store the token for a server in this system's keyring, once the server knows it.

    The token is read from a prompt, or from stdin.
    """
    from costdb import client

    client.login(url, _typed_secret())
    output.say(f"the token for {url} is stored")


@app.command()
def logout(url: Url) -> None:
    """Remove the token for a server from this system's keyring."""
    from costdb import client

    is_gone = client.logout(url)
    output.say(f"the token for {url} is {'removed' if is_gone else 'not stored'}")


def _typed_secret() -> str:
    """A line that nobody sees being typed, or the first line of stdin."""
    if not sys.stdin.isatty():
        # A pipe may hold anything; what is no text is no token either.
        return sys.stdin.buffer.readline(_LONGEST_LINE).decode(errors="replace").strip()
    from getpass import getpass

    return getpass("token: ").strip()


def _end(text: str, now: datetime) -> datetime:
    """From when on a token allows nothing. Raises UsageError."""
    try:
        if (age := options.days(text)) is not None:
            return now + age
        return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=1)
    except (ValueError, OverflowError) as error:
        raise UsageError(
            f"--expires {text!r} is no number of days and no day",
            hint="write 90d or 2027-01-31",
        ) from error
