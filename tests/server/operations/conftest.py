"""A database, an application over it in this process, and a server over it in another."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from builders.analyses import NOW
from builders.command_line import Costdb, runner_here
from fastapi import FastAPI, Request
from fastapi.testclient import TestClient

from costdb.server.app import create_app
from costdb.server.configuration import Configuration
from costdb.store import open_store
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token

MakeClient = Callable[..., TestClient]


@pytest.fixture
def own_log() -> Iterator[None]:
    """Puts the log back as it was: a server sets it up for its process."""
    loggers = [logging.getLogger(name) for name in ("costdb", "uvicorn")]
    kept = [(found.handlers, found.level, found.propagate) for found in loggers]
    yield
    for found, (handlers, level, propagate) in zip(loggers, kept, strict=True):
        found.handlers, found.propagate = handlers, propagate
        found.setLevel(level)


@pytest.fixture
def costdb(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    own_log: None,  # noqa: ARG001 - used for what it does
) -> Costdb:
    """Runs `costdb` in this process, with the database costs.db in a folder."""
    return runner_here(tmp_path, monkeypatch, capsys)


@pytest.fixture
def database(sqlite_url: str) -> str:
    """An SQLite database with tables and nothing in them."""
    return sqlite_url


@pytest.fixture
def token(database: str) -> Callable[..., str]:
    """Makes a token: `token("ci", TokenScope.INGEST)`."""

    def make(name: str, scope: TokenScope = TokenScope.READ) -> str:
        with open_store(database) as store:
            return create_token(store.engine, name, scope, now=NOW)[1]

    return make


@pytest.fixture
def client(database: str) -> Iterator[MakeClient]:
    """Makes a client of an application in this process: `client(max_body_bytes=10)`.

    The application has two more routes: `POST /size` says how long a body is, `GET /bug` breaks.
    """
    with ExitStack() as stack:

        def make(address: str = "192.0.2.1", **given: Any) -> TestClient:
            options: dict[str, Any] = {"database": database, "open_reading": True} | given
            app = create_app(Configuration(**options))
            _add_routes(app)
            # What is behind the application is the client's business, not a bug of a test.
            return stack.enter_context(TestClient(app, client=(address, 50000)))

        yield make


def _add_routes(app: FastAPI) -> None:
    @app.post("/size")
    async def size(request: Request) -> int:
        return len(await request.body())

    @app.get("/bug")
    def bug() -> None:
        raise ZeroDivisionError("\x1b[31msecret")
