"""Visitors of a server in this process."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any
from urllib.parse import urlsplit

import pytest
from builders.pages import SITE, MakeVisitor, Visitor, fill
from fastapi.testclient import TestClient

from costdb.server.access import COOKIE
from costdb.server.app import create_app
from costdb.server.configuration import Configuration


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database that is only read; see `builders.pages.fill`."""
    return fill(str(tmp_path_factory.mktemp("pages") / "costs.db"))


@contextmanager
def visitors() -> Iterator[MakeVisitor]:
    """Makes visitors: `make(url, token="costdb_...", open_reading=False)`."""
    with ExitStack() as stack:

        def make(url: str, token: str = "", **configuration: Any) -> Visitor:
            given: dict[str, Any] = {"open_reading": True, "requests_per_minute": None}
            app = create_app(Configuration(database=url, **(given | configuration)))
            client = TestClient(app, base_url=SITE, follow_redirects=False)
            if token:
                client.cookies.set(COOKIE, token, domain=urlsplit(SITE).hostname or "")
            return Visitor(stack.enter_context(client))

        yield make


@pytest.fixture
def visiting() -> Iterator[MakeVisitor]:
    """Makes visitors of a database of a test's own."""
    with visitors() as make:
        yield make


@pytest.fixture(scope="module")
def visiting_once() -> Iterator[MakeVisitor]:
    """The same for all tests of a file."""
    with visitors() as make:
        yield make


@pytest.fixture(scope="module")
def visit(visiting_once: MakeVisitor, filled: str) -> Visitor:
    """A visitor without a token, where anyone may read."""
    return visiting_once(filled)
