"""An application in this process, over SQLite and over PostgreSQL."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from builders.api_server import Api, serving_here

from costdb.store import upgrade_store


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
