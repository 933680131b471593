"""What `costdb serve` is told."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Configuration:
    """How a server runs.

    Attributes:
        database: URL of the database; it may hold a password.
        open_reading: Whether anyone may read; else reading takes a token.
        max_body_bytes: The largest body of a request, and the largest that a compressed one may
            become.
        requests_per_minute: From one client; None for any number.
        body_seconds: How long a client may take to send a request.
    """

    database: str = field(repr=False)
    open_reading: bool = False
    max_body_bytes: int = 64 << 20
    requests_per_minute: int | None = 1200
    body_seconds: float = 30.0
