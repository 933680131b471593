"""Bodies that are too large, too slow, or not what they say."""

import asyncio
import gzip
import logging
import zlib
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import pytest
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from costdb.server.operations.bodies import LARGE_BYTES
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
    app: Any = client(body_seconds=1).app  # in which the answer begins on any machine
    scope, receive_in_vain = waiting(b"")
    sent: list[dict[str, Any]] = []
    took_too_long = asyncio.Event()

    async def receive() -> Any:
        try:
            return await receive_in_vain()
        finally:
            took_too_long.set()

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)
        await took_too_long.wait()

    scope |= {"method": "GET", "path": "/api/v1/history", "raw_path": b"/api/v1/history"}
    asyncio.run(app(scope, receive, send))
    assert sent[0]["status"] == 200


async def asked(
    app: Any, body: bytes, encoding: str = "identity"
) -> tuple[int, dict[bytes, bytes]]:
    """How `POST /held` is answered: its status and headers."""
    scope, _ = waiting(b"")
    headers = [(b"host", b"x"), (b"content-encoding", encoding.encode())]
    scope |= {"path": "/held", "raw_path": b"/held", "headers": headers}
    starts = [{"type": "http.request", "body": body, "more_body": False}]
    sent: list[dict[str, Any]] = []

    async def receive() -> Any:
        return starts.pop() if starts else await asyncio.sleep(60)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent[0]["status"], dict(sent[0]["headers"])


LARGE = b"x" * (LARGE_BYTES + 1)


@pytest.mark.parametrize(
    ("body", "encoding", "at_once"),
    [
        pytest.param(LARGE, "identity", 1, id="large"),
        pytest.param(gzip.compress(LARGE), "gzip", 1, id="large when inflated"),
        pytest.param(LARGE[1:], "identity", 4, id="not large"),
        pytest.param(gzip.compress(LARGE[1:]), "gzip", 4, id="not large when inflated"),
    ],
)
def test_large_bodies_take_turns(
    body: bytes, encoding: str, at_once: int, client: MakeClient
) -> None:
    app: FastAPI = client().app  # type: ignore[assignment] # Starlette says less
    held, most = 0, 0

    @app.post("/held")
    async def hold(request: Request) -> int:
        nonlocal held, most
        size = len(await request.body())
        held += 1
        most = max(most, held)
        # Long enough for all to come in, unless they have to wait.
        for _ in range(1000):
            await asyncio.sleep(0)
        held -= 1
        return size

    async def all_at_once() -> list[int]:
        answers = (asked(app, body, encoding) for _ in range(4))
        return [status for status, _ in await asyncio.gather(*answers)]

    assert asyncio.run(all_at_once()) == [200] * 4
    assert most == at_once


def test_whoever_waits_too_long_is_told_when_to_come_back(client: MakeClient) -> None:
    app: FastAPI = client(body_seconds=0.05).app  # type: ignore[assignment] # as above
    refused = asyncio.Event()

    @app.post("/held")
    async def hold(request: Request) -> None:
        await request.body()
        await refused.wait()

    async def two() -> None:
        both = [asyncio.create_task(asked(app, LARGE)) for _ in range(2)]
        for done in asyncio.as_completed(both, timeout=60):
            status, headers = await done
            if refused.is_set():
                assert status == 200
            else:
                assert (status, headers[b"retry-after"]) == (503, b"5")
                refused.set()
        # The turn went on.
        assert (await asked(app, LARGE))[0] == 200

    asyncio.run(two())


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
