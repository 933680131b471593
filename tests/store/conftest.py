"""Databases for the store's tests: each test runs on an SQLite file and on PostgreSQL."""

import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from builders.analyses import NOW, analysis

from costdb.store import Store, open_store, upgrade_store
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest


@pytest.fixture
def sqlite_url(tmp_path: Path) -> str:
    """A file that does not exist yet."""
    return f"sqlite:///{tmp_path / 'costs.db'}"


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest) -> str:
    """An empty database."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    """An open database with tables and nothing in them."""
    upgrade_store(database_url)
    with open_store(database_url) as opened:
        yield opened


@pytest.fixture
def add(store: Store) -> Callable[..., IngestOutcome]:
    """Ingests one version: `add("v1", width=8, branch="main")`."""
    of_ingest = set(inspect.signature(ingest).parameters)

    def add_version(tag: str, **given: Any) -> IngestOutcome:
        about = {key: value for key, value in given.items() if key in of_ingest}
        rest = {key: value for key, value in given.items() if key not in of_ingest}
        options: dict[str, Any] = {"model": "detector", "now": NOW} | about
        return ingest(store.engine, [analysis(**rest)], tag=tag, **options)

    return add_version
