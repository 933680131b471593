"""Bodies that are too large, too slow, or not what they say."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi.testclient import TestClient

from costdb.server.operations.log import FIELDS

MakeClient = Callable[..., TestClient]

LIMIT = 1000
GZIP = {"content-encoding": "gzip"}
WHOLE = gzip.compress(b"x" * LIMIT)


def pieces(body: bytes) -> Iterator[bytes]:
    """A body that is sent without saying how long it is."""
    for start in range(0, len(body), 7):
        yield body[start : start + 7]


@pytest.mark.parametrize("streamed", [False, True], ids=["with its length", "streamed"])
@pytest.mark.parametrize(
    ("body", "headers", "status"),
    [
        pytest.param(b"", {}, 200, id="nothing"),
        pytest.param(b"x" * LIMIT, {}, 200, id="as large as may be"),
        pytest.param(b"x" * (LIMIT + 1), {}, 413, id="one byte more"),
        pytest.param(WHOLE, GZIP, 200, id="gzip of as much"),
        pytest.param(WHOLE, {"content-encoding": "GZip"}, 200, id="a coding has no case"),
        pytest.param(gzip.compress(b"x" * (LIMIT + 1)), GZIP, 413, id="gzip of a byte more"),
        pytest.param(gzip.compress(b"x" * (1 << 24)), GZIP, 413, id="gzip of 16 MiB"),
        pytest.param(gzip.compress(WHOLE), GZIP, 200, id="inflated once"),
        pytest.param(WHOLE[:-1], GZIP, 400, id="gzip without its end"),
        pytest.param(WHOLE + b"x", GZIP, 400, id="gzip with something behind it"),
        pytest.param(b"no gzip", GZIP, 400, id="no gzip"),
        pytest.param(b"", GZIP, 200, id="gzip of nothing at all"),
        pytest.param(zlib.compress(b"x"), GZIP, 400, id="zlib is no gzip"),
        pytest.param(b"x", {"content-encoding": "br"}, 415, id="another coding"),
        pytest.param(b"x", {"content-encoding": "gzip, gzip"}, 415, id="two codings"),
        pytest.param(b"x", {"content-encoding": "identity"}, 200, id="no coding"),
    ],
)
def test_bodies(
    body: bytes, headers: dict[str, str], status: int, client: MakeClient, *, streamed: bool
) -> None:
    content = pieces(body) if streamed else body
    answer = client(max_body_bytes=LIMIT).post("/size", content=content, headers=headers)
    assert answer.status_code == status, answer.text
    if status == 200:
        assert answer.json() in {len(body), LIMIT, len(WHOLE)}
    else:
        assert set(answer.json()) == {"kind", "error", "hint"}


def test_a_gzip_body_is_what_it_was(client: MakeClient) -> None:
    answer = client(max_body_bytes=LIMIT).post("/size", content=WHOLE, headers=GZIP)
    assert answer.json() == LIMIT


def waiting(first: bytes) -> tuple[dict[str, Any], Callable[[], Awaitable[Any]]]:
    """A request, and a client that holds the connection, sends the beginning and no more."""
    received = iter([{"type": "http.request", "body": first, "more_body": True}] if first else [])

    async def receive() -> dict[str, Any]:
        for message in received:
            return message
        await asyncio.sleep(60)
        raise AssertionError("nobody waits for a minute")

    headers = [(b"host", b"x"), (b"content-length", b"9")]
    scope = {
        "type": "http", "method": "POST", "path": "/size", "raw_path": b"/size", "root_path": "",
        "scheme": "http", "query_string": b"", "headers": headers, "client": ("192.0.2.1", 1),
        "server": ("x", 80), "http_version": "1.1", "asgi": {"version": "3.0"}, "state": {},
    }  # fmt: skip
    return scope, receive


@pytest.mark.parametrize("first", [b"", b"x"], ids=["nothing", "a beginning"])
def test_a_body_that_does_not_come(first: bytes, client: MakeClient) -> None:
    app: Any = client(body_seconds=0.05).app
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    asyncio.run(app(*waiting(first), send))
    assert sent[0]["status"] == 408
    # Whoever may be sending still is not taken for the next request.
    assert (b"connection", b"close") in sent[0]["headers"]


def test_whoever_is_answered_already_is_only_gone(client: MakeClient) -> None:
    """Answers that are streamed look for the end of the connection where bodies come from."""
    app: Any = client(body_seconds=0.05).app
    scope, receive = waiting(b"")
    sent: list[dict[str, Any]] = []

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        await asyncio.sleep(0.2)  # longer than the body may take

    scope |= {"method": "GET", "path": "/api/v1/history", "raw_path": b"/api/v1/history"}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 200


def test_whoever_is_gone_is_no_bug(client: MakeClient, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "costdb.server")
    app: Any = client().app
    scope, _ = waiting(b"")

    async def receive() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def send(message: dict[str, Any]) -> None:
        raise AssertionError(message)

    asyncio.run(app(scope, receive, send))
    (record,) = (record for record in caplog.records if record.name == "costdb.server")
    assert (record.levelname, getattr(record, FIELDS)["status"]) == ("INFO", 499)
