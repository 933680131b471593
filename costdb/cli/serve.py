"""`costdb serve`: the server."""

import ipaddress
from typing import Annotated

import typer

from costdb.cli import options
from costdb.errors import ConfigurationError, UsageError
from costdb.server.configuration import Configuration, Listening, LogFormat
from costdb.settings import load_settings

# What a request to a server on this machine alone may call it.
_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")


def serve(
    database: options.Database = None,
    host: Annotated[str, typer.Option("--host", help="The address to listen at.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="The port; 0 takes a free one.")
    ] = 8765,
    workers: Annotated[
        int, typer.Option("--workers", min=1, max=64, help="How many processes answer.")
    ] = 1,
    open_reading: Annotated[
        bool | None,
        typer.Option(
            "--open-reading/--closed",
            help="Whether anyone may read, or only with a token. Without either: open at a loopback"
            " address and behind no proxy, else closed.",
            show_default=False,
        ),
    ] = None,
    proxies: Annotated[
        list[str] | None,
        typer.Option(
            "--proxy",
            metavar="ADDRESS|NETWORK",
            help="Believe what this proxy says of who asks, and whether by https. May be repeated.",
            show_default=False,
        ),
    ] = None,
    max_body: Annotated[
        int,
        typer.Option(
            "--max-body", metavar="MIB", min=1, help="The largest body of a request, in MiB."
        ),
    ] = 64,
    body_seconds: Annotated[
        float,
        typer.Option(
            "--body-seconds", min=0.1, help="How long a client may take to send a request's body."
        ),
    ] = 30,
    requests_per_minute: Annotated[
        int,
        typer.Option(
            "--requests-per-minute",
            min=0,
            help="From one client, to one worker; 0 for any number.",
        ),
    ] = 1200,
    shutdown_seconds: Annotated[
        int,
        typer.Option(
            "--shutdown-seconds",
            min=1,
            help="How long requests may go on that are under way when the server is to end.",
        ),
    ] = 30,
    log_format: Annotated[
        LogFormat, typer.Option("--log-format", help="How lines of the log look.")
    ] = LogFormat.TEXT,
) -> None:
    """Serve the database: pages for people, a JSON API for `--to`, until told to end."""
    try:
        from costdb.server.operations.running import run
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "costdb":
            raise
        raise ConfigurationError(
            f"costdb serve needs {error.name}, which is not installed",
            hint="pip install 'costdb[server]'",
        ) from error
    listening = Listening(
        host, port, workers, _networks(proxies or []), shutdown_seconds, log_format
    )
    is_own = open_reading is None and _is_private(listening)
    configuration = Configuration(
        load_settings(database).database,
        open_reading=is_own or bool(open_reading),
        # A page of a hostile site may give its own name this machine's address.
        host_names=_LOOPBACK_NAMES if is_own else (),
        max_body_bytes=max_body << 20,
        requests_per_minute=requests_per_minute or None,
        body_seconds=body_seconds,
    )
    run(configuration, listening)


def _is_private(listening: Listening) -> bool:
    """Whether nobody but this machine's users can ask."""
    if listening.proxies:
        return False
    try:
        return ipaddress.ip_address(listening.host).is_loopback
    except ValueError:
        return listening.host == "localhost"


def _networks(texts: list[str]) -> tuple[str, ...]:
    """Addresses and networks as they were typed. Raises UsageError."""
    for text in texts:
        try:
            ipaddress.ip_network(text)
        except ValueError as error:
            raise UsageError(
                f"--proxy {text!r} is no address and no network",
                hint="write --proxy 127.0.0.1 or --proxy 10.0.0.0/8",
            ) from error
    return tuple(texts)
