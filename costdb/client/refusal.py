"""What went wrong between a client and a server, as the errors of costdb. No secret is in them."""

import socket
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

import httpx

from costdb import __version__, errors
from costdb.errors import AccessDenied, ArtifactError, CostdbError, ServerUnavailable

# By status: the error, what it says where the server says nothing, and what to do next.
_MEANT: Mapping[int, tuple[type[CostdbError], str, str]] = {
    401: (
        AccessDenied,
        "{url} wants a token",
        "set COSTDB_TOKEN, or store it: costdb token login {url}",
    ),
    413: (
        ArtifactError,
        "this is more than {url} takes at once",
        "ask whoever runs the server for more: costdb serve --max-body",
    ),
    429: (ServerUnavailable, "{url} is asked too often", "try again {later}"),
}

# Beside these, an error that the server names is the same here.
_UNNAMED: Mapping[int, tuple[type[CostdbError], str, str]] = {
    403: (AccessDenied, "{url} denies access", "ask whoever runs the server"),
}

_REASONS: tuple[tuple[type[BaseException], str], ...] = (
    (ssl.SSLCertVerificationError, "its certificate is not to be trusted: {0.verify_message}"),
    (ssl.SSLError, "it speaks no HTTPS that is understood here: {0.reason}"),
    (socket.gaierror, "there is no such host"),
    (ConnectionRefusedError, "nobody listens there"),
    (httpx.TimeoutException, "it does not answer in time"),
    (httpx.ProxyError, "the proxy refuses: {0}"),
)

# Asking again is no use.
_FINAL = (
    socket.gaierror,
    ssl.SSLError,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)


def refused(url: str, response: httpx.Response, value: Any) -> CostdbError:
    """What an answer that is no success says, as the error that it is here.

    Args:
        url: The server's.
        response: The answer.
        value: Its JSON; None if it is none.
    """
    status, phrase = response.status_code, response.reason_phrase
    if response.has_redirect_location:
        return ServerUnavailable(
            f"{url} sends on to {response.headers['location']!r}, which costdb does not follow",
            hint="give --to or COSTDB_SERVER the URL of the server itself",
        )
    said = value if isinstance(value, dict) else {}
    message, hint = str(said.get("error", "")), str(said.get("hint", ""))
    named = _named(said.get("kind"))
    meant = _MEANT.get(status) or (None if named else _UNNAMED.get(status))
    if meant is not None:
        kind, words, next_ = meant
        wait = seconds_to_wait(response)
        later = "later" if wait is None else f"in {wait:.0f} seconds"
        return kind(message or words.format(url=url), hint=next_.format(url=url, later=later))
    if named is not None and message:
        return named(message, hint=hint)
    if status >= 500:
        return ServerUnavailable(
            f"{url} fails: {status} {phrase}", hint="try again; the server's log says why"
        )
    if message:
        return ServerUnavailable(
            f"{url} does not understand this costdb: {message}",
            hint=f"use a costdb of the server's version; this is {__version__}",
        )
    return ServerUnavailable(
        f"{url} answers {status} {phrase}, but not as a costdb server does",
        hint="check the URL: it is the one that costdb serve serves at",
    )


def unreachable(url: str, error: httpx.HTTPError) -> ServerUnavailable:
    """Why there is no answer."""
    known = (
        words.format(cause)
        for cause in _causes(error)
        for kind, words in _REASONS
        if isinstance(cause, kind)
    )
    reason = next(known, str(error) or type(error).__name__)
    return ServerUnavailable(
        f"{url} cannot be reached: {reason}", hint="check the URL, and whether costdb serve runs"
    )


def is_final(error: httpx.HTTPError) -> bool:
    """Whether asking again would give the same: no such host, no certificate to trust."""
    return any(isinstance(cause, _FINAL) for cause in _causes(error))


def seconds_to_wait(response: httpx.Response) -> float | None:
    """How long the server asks to wait; None where it says nothing that can be read."""
    text = response.headers.get("retry-after", "")
    return float(text) if text.isascii() and text.isdigit() else None


def _named(kind: object) -> type[CostdbError] | None:
    """The error of a name; None if it is none that a user can cause."""
    found = getattr(errors, kind, None) if isinstance(kind, str) else None
    return found if isinstance(found, type) and issubclass(found, CostdbError) else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """What an error was raised from, the first of all before the others."""
    found: list[BaseException] = []
    while error is not None and error not in found:
        found.append(error)
        error = error.__cause__ or error.__context__
    yield from reversed(found)
