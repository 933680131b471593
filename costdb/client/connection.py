"""A server, asked over HTTP: waiting where it says so, and asking again where that is safe."""

import gzip
import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlencode
from uuid import uuid4

from costdb import __version__
from costdb.client.address import is_this_machine
from costdb.client.streamed_json import StreamedJson
from costdb.errors import ConfigurationError

try:
    import httpx

    from costdb.client.refusal import is_final, refused, seconds_to_wait, unreachable
except ModuleNotFoundError as _error:
    raise ConfigurationError(
        f"a server is asked with {_error.name}, which is not installed",
        hint="pip install 'costdb[client]'",
    ) from _error

PREFIX = "/api/v1"

# Seconds before asking again: a question is cheap to type again, a push is not.
_READ_PAUSES = (0.2,)
_WRITE_PAUSES = (0.2, 0.5, 1.0, 2.0, 4.0)

# The longest that a server may ask to wait at a time, in seconds.
_LONGEST_WAIT = 120.0

# A check of thousands of models takes its time.
_TIMEOUT = httpx.Timeout(60.0, connect=10.0, read=600.0)

# Servers and proxies that are about to be there again answer so.
_BUSY = frozenset({429, 502, 503, 504})

Parameters = Mapping[str, str | int | bool | Sequence[str] | None]


class Connection:
    """A server that can be asked. Use it as a context manager."""

    def __init__(self, url: str, token: str | None) -> None:
        """Open nothing yet.

        Args:
            url: The server's, in the form of `address.server_url`.
            token: What to show; None for nothing.
        """
        self.url = url
        headers = {"User-Agent": f"costdb/{__version__}", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {token}"
        # A proxy could read what is sent to this machine without HTTPS, and cannot reach it.
        is_plain_here = url.startswith("http:") and is_this_machine(url)
        try:
            self._client = httpx.Client(
                headers=headers,
                timeout=_TIMEOUT,
                follow_redirects=False,
                trust_env=not is_plain_here,
            )
        except (OSError, ValueError, ImportError) as error:
            # ssl.SSLError among them; a proxy's URL may hold a password.
            raise ConfigurationError(
                f"the settings for HTTPS or a proxy are wrong: {type(error).__name__}",
                hint="see SSL_CERT_FILE, SSL_CERT_DIR, HTTPS_PROXY and ALL_PROXY",
            ) from None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._client.close()

    def get(self, path: str, parameters: Parameters | None = None) -> Any:
        """What the server answers to a question.

        Args:
            path: Below `/api/v1`, percent-encoded.
            parameters: Those that are None are left out.

        Raises:
            ServerUnavailable: It cannot be reached, fails, or is no costdb server.
            CostdbError: What the server says is wrong.
        """
        response = self._ask("GET", _with_query(path, parameters or {}), _READ_PAUSES)
        return self._value(response)

    @contextmanager
    def stream(self, path: str, parameters: Parameters) -> Iterator[StreamedJson]:
        """The same for an answer of any length, while it arrives.

        Raises:
            ServerUnavailable, CostdbError: As `get`; also while it is read.
        """
        response = self._ask("GET", _with_query(path, parameters), _READ_PAUSES, is_long=True)
        try:
            if not response.is_success:
                self._value(response)
            yield StreamedJson(response.iter_text())
        except httpx.HTTPError as error:
            raise unreachable(self.url, error) from error
        except (ValueError, RecursionError):
            raise refused(self.url, response, None) from None
        finally:
            response.close()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """What the server answers to an order, which it carries out once however often it is sent.

        Args:
            path: Below `/api/v1`, percent-encoded.
            body: What is sent as JSON.

        Raises:
            ServerUnavailable: It cannot be reached, fails, or is no costdb server.
            CostdbError: What the server says is wrong.
        """
        content = gzip.compress(json.dumps(body, separators=(",", ":")).encode(), 1, mtime=0)
        headers = {
            "Content-Type": "application/json",
            "Content-Encoding": "gzip",
            # The same with each repetition: a server that has done it already says what it did.
            "Idempotency-Key": str(uuid4()),
        }
        return self._value(self._ask("POST", path, _WRITE_PAUSES, content=content, headers=headers))

    def _ask(
        self,
        method: str,
        path: str,
        pauses: Sequence[float],
        *,
        is_long: bool = False,
        **about: Any,
    ) -> httpx.Response:
        """An answer, whatever it says: all of it, unless it is long and no error."""
        request = self._client.build_request(method, f"{self.url}{PREFIX}{path}", **about)
        left = list(pauses)
        while True:
            try:
                response = self._client.send(request, stream=True)
                if not is_long or not response.is_success:
                    response.read()
            except httpx.HTTPError as error:
                if not left or is_final(error):
                    raise unreachable(self.url, error) from error
                time.sleep(left.pop(0))
                continue
            if response.status_code in _BUSY and left:
                pause = left.pop(0)
                wait = seconds_to_wait(response)
                if wait is None or wait <= _LONGEST_WAIT:
                    time.sleep(pause if wait is None else wait)
                    continue
            return response

    def _value(self, response: httpx.Response) -> Any:
        """The JSON of an answer. Raises what the server says is wrong."""
        try:
            value = response.json()
        except (ValueError, RecursionError):
            value = None
        if response.is_success and value is not None:
            return value
        raise refused(self.url, response, value)


def _with_query(path: str, parameters: Parameters) -> str:
    given = {name: value for name, value in parameters.items() if value is not None}
    # Not by httpx: what was typed may be no text, and what it stands for is not found then.
    query = urlencode(given, doseq=True, errors="surrogatepass")
    return f"{path}?{query}" if query else path
