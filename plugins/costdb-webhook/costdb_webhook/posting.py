"""Posting JSON to a URL that is a secret: no message of an error holds more of it than its host."""

import json
import time
from collections.abc import Sequence
from http import HTTPStatus
from http.client import HTTPException
from ipaddress import ip_address
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import SplitResult, urlsplit
from urllib.request import HTTPRedirectHandler, OpenerDirector, ProxyHandler, Request, build_opener

from costdb.plugins import PluginError

TIMEOUT_SECONDS = 10.0

# How long to wait before the second and the third try.
PAUSES_SECONDS = (1.0, 4.0)


def post(url: str, body: dict[str, Any], pauses: Sequence[float] = PAUSES_SECONDS) -> None:
    """Send a JSON object.

    Args:
        url: https, or http to this machine.
        body: The object.
        pauses: In seconds, before each further try where the server is busy or does not answer.

    Raises:
        PluginError: The URL is missing or wrong, or the server did not take the object.
    """
    target = _checked(url)
    request = Request(  # noqa: S310 - the scheme is checked
        url,
        data=json.dumps(body).encode(),
        headers={"Content-Type": "application/json", "User-Agent": "costdb"},
        method="POST",
    )
    opener = _opener(target)
    problem = ""
    for pause in (0.0, *pauses):
        time.sleep(pause)
        problem, is_final = _try(opener, request)
        if not problem:
            return
        if is_final:
            break
    raise PluginError(f"{target.hostname} did not take the message: {problem}")


def _checked(url: str) -> SplitResult:
    """The URL's parts. Raises PluginError, without the URL, if it is none to send to."""
    hint = "set COSTDB_WEBHOOK_URL to an https URL"
    if not url:
        raise PluginError("COSTDB_WEBHOOK_URL is not set", hint=hint)
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        raise PluginError("COSTDB_WEBHOOK_URL is no URL", hint=hint) from None
    if not parts.hostname or not url.isascii() or not url.isprintable() or " " in url:
        raise PluginError("COSTDB_WEBHOOK_URL is no URL", hint=hint)
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_loopback(parts.hostname)):
        raise PluginError("COSTDB_WEBHOOK_URL is not https", hint=hint)
    return parts


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


class _NoRedirect(HTTPRedirectHandler):
    """A redirect would take the secret and the findings to another server."""

    def redirect_request(self, *_arguments: object) -> None:
        """Follow none: what the server answered is an error then."""


def _opener(target: SplitResult) -> OpenerDirector:
    handlers: list[Any] = [_NoRedirect]
    if target.scheme == "http":
        handlers.append(ProxyHandler({}))  # this machine needs no proxy, and a proxy no secret
    return build_opener(*handlers)


def _try(opener: OpenerDirector, request: Request) -> tuple[str, bool]:
    """What went wrong, empty if nothing did, and whether another try is no use."""
    try:
        with opener.open(request, timeout=TIMEOUT_SECONDS):
            return "", True
    except HTTPError as error:
        with error:
            may_pass = error.code == HTTPStatus.TOO_MANY_REQUESTS or error.code >= 500
            return f"it answered {error.code}", not may_pass
    except URLError as error:
        # Never the error itself: its text may hold the URL.
        return f"{type(error.reason).__name__}", False
    except (OSError, HTTPException) as error:
        return type(error).__name__, False
