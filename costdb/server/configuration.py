"""What `costdb serve` is told."""

from dataclasses import dataclass, field
from enum import StrEnum


class LogFormat(StrEnum):
    """How lines of the log look."""

    TEXT = "text"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Configuration:
    """How an application serves; each worker process has the same.

    Attributes:
        database: URL of the database; it may hold a password.
        open_reading: Whether anyone may read; else reading takes a token.
        host_names: The names, without a port, that requests may ask for; empty for any.
        max_body_bytes: The largest body of a request, and the largest that a compressed one may
            become.
        requests_per_minute: From one client, to one worker; None for any number.
        body_seconds: How long a client may take to send a request's body.
    """

    database: str = field(repr=False)
    open_reading: bool = False
    host_names: tuple[str, ...] = ()
    max_body_bytes: int = 64 << 20
    requests_per_minute: int | None = 1200
    body_seconds: float = 30.0


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a server listens, and with what.

    Attributes:
        host: Name or address to listen at.
        port: The port; 0 takes a free one.
        workers: How many processes answer.
        proxies: Addresses or networks of the proxies whose word on who asks is believed.
        shutdown_seconds: How long requests may go on that are under way when the server is told
            to end.
        log_format: How lines of the log look.
    """

    host: str = "127.0.0.1"
    port: int = 8765
    workers: int = 1
    proxies: tuple[str, ...] = ()
    shutdown_seconds: int = 30
    log_format: LogFormat = LogFormat.TEXT
