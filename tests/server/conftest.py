"""What tests of the server need."""

import shutil
from pathlib import Path

import pytest

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
def postgresql_url(postgresql_url: str) -> str:
    """A PostgreSQL database with tables and nothing in them."""
    upgrade_store(postgresql_url)
    return postgresql_url
