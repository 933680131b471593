"""Connections: engines for SQLite files and PostgreSQL, and their transactions."""

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from urllib.parse import quote

import sqlalchemy
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import ConnectionPoolEntry
from sqlalchemy.util import LRUCache

from costdb.errors import ConfigurationError, DatabaseMissing, DatabaseUnavailable
from costdb.store.failures import shown, translated
from costdb.store.filesystem import is_writable, network_type

# How long a writer waits for the others: 4 processes that ingest in a loop each get their turn.
PATIENCE_SECONDS = 30.0
JOURNAL_SECONDS = 5.0
CONNECT_SECONDS = 10

# Whoever opens a database again finds the statements that were compiled for it: of a small ingest,
# compiling them takes longest. No connection is kept: each opening has its own.
_ENGINES_KEPT = 8
_STATEMENTS_KEPT = 500

# Options of an engine: whether its transactions write, and how long these wait for others.
_WRITES = "costdb_writes"
_PATIENCE = "costdb_patience_seconds"


def create_engine(
    url: str, *, create: bool = True, patience_seconds: float = PATIENCE_SECONDS
) -> Engine:
    """An engine for a database; nothing is connected yet.

    Args:
        url: `sqlite:///PATH`, a plain path, or `postgresql://...`.
        create: Whether an SQLite file, and its folder, may be created.
        patience_seconds: How long a writer waits for another.

    Raises:
        ConfigurationError: The URL cannot be read, or names no database that is supported.
        DatabaseUnavailable: There is no such file, or no driver for PostgreSQL.
    """
    if "://" not in url:
        return _sqlite_engine(Path(url), create=create, patience_seconds=patience_seconds)
    parsed = _parse(url)
    if parsed.get_backend_name() == "sqlite":
        if parsed.database in {None, "", ":memory:"}:
            raise ConfigurationError(
                f"{url!r} would keep nothing", hint="write sqlite:///costs.db or a path"
            )
        if parsed.query:
            raise ConfigurationError(
                f"{url!r} has options, which are not supported", hint="leave out what follows '?'"
            )
        path = Path(str(parsed.database))
        return _sqlite_engine(path, create=create, patience_seconds=patience_seconds)
    return _reopened(_postgresql_engine(parsed, patience_seconds))


def sqlite_path(engine: Engine) -> Path | None:
    """The file of an SQLite database; None for PostgreSQL."""
    if engine.dialect.name != "sqlite":
        return None
    return Path(str(engine.url.database))


@contextmanager
def read_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that only reads, and all of it as of one moment. Raises DatabaseUnavailable."""
    with translated(engine.url), engine.connect() as connection:
        if connection.dialect.name == "postgresql":  # SQLite sees one moment by itself
            # Not "postgresql_readonly": its reset overrules a server whose default is to only read.
            connection.execution_options(isolation_level="REPEATABLE READ")
        with connection.begin():
            yield connection


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that writes; all of it holds, or nothing. Raises DatabaseUnavailable."""
    with translated(engine.url), writer(engine).begin() as connection:
        yield connection


def writer(engine: Engine) -> Engine:
    """The same engine, whose transactions begin with SQLite's write lock."""
    return engine.execution_options(**{_WRITES: True})


@contextmanager
def outside_transaction(engine: Engine) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection, for the pragmas that do nothing inside a transaction."""
    connection = engine.raw_connection()
    try:
        own = connection.driver_connection
        assert isinstance(own, sqlite3.Connection)  # noqa: S101 - only called for SQLite
        yield own
    finally:
        connection.close()


def damage(connection: Connection) -> list[str]:
    """What an SQLite file says is wrong with itself; PostgreSQL has no such question."""
    if connection.dialect.name != "sqlite":
        return []
    lines = connection.exec_driver_sql("PRAGMA integrity_check").scalars()
    return [line for line in lines if line != "ok"]


def choose_journal(engine: Engine) -> str:
    """Put a writable SQLite file into WAL mode, in which readers and a writer do not block.

    Returns:
        A warning where that cannot be; else "".

    Raises:
        DatabaseUnavailable: The file cannot be opened.
    """
    path = sqlite_path(engine)
    if path is None or not is_writable(path):
        return ""
    network = network_type(path)
    with translated(engine.url), outside_transaction(engine) as connection:
        mode = _set_journal(connection, "delete" if network else "wal")
    if mode == "wal" and not network:
        return ""
    place = f"a network file system ({network})" if network else "a file system"
    return (
        f"{path} is on {place} where SQLite can have no write-ahead log: readers and writers wait"
        " for each other; use PostgreSQL for more than one user"
    )


def _set_journal(connection: sqlite3.Connection, wanted: str) -> str:
    """Switch the journal, unless others keep the file locked, and return its mode.

    SQLite itself does not wait here.
    """
    deadline = time.monotonic() + JOURNAL_SECONDS
    while True:
        (mode,) = connection.execute("PRAGMA journal_mode").fetchone()
        if mode == wanted or time.monotonic() > deadline:
            return str(mode)
        try:
            return str(connection.execute(f"PRAGMA journal_mode={wanted}").fetchone()[0])
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
                raise
            time.sleep(0.02)


def _parse(url: str) -> URL:
    # No error of make_url's is chained or quoted: the text may hold a password.
    try:
        parsed = sqlalchemy.make_url(url)
    except (ArgumentError, ValueError):
        raise ConfigurationError(
            "the database URL cannot be read",
            hint="write a path or postgresql://user@host/database",
        ) from None
    if parsed.drivername in {"postgres", "postgresql"}:
        return parsed.set(drivername="postgresql+psycopg")
    if parsed.drivername in {"sqlite", "sqlite+pysqlite", "postgresql+psycopg"}:
        return parsed
    raise ConfigurationError(
        f"no database {parsed.drivername!r} is supported",
        hint="write a path, sqlite:///PATH or postgresql://user@host/database",
    )


def _sqlite_engine(path: Path, *, create: bool, patience_seconds: float) -> Engine:
    try:
        is_folder, is_there = path.is_dir(), path.exists()
    except OSError as error:  # it is in a folder that may not be looked into
        raise DatabaseUnavailable(
            f"the database {path} cannot be opened: {error.strerror}",
            hint="check the path, and that file and folder may be read",
        ) from error
    if is_folder:
        raise DatabaseUnavailable(f"{path} is a folder", hint=f"name a file: {path / 'costdb.db'}")
    if not is_there:
        if not create:
            raise DatabaseMissing(
                f"there is no database {path}",
                hint="costdb ingest MODEL --tag TAG creates it, as does costdb db init",
            )
        _make_folder(path.parent)
    return _reopened(_engine_of_file(path, create=create, patience_seconds=patience_seconds))


@lru_cache(_ENGINES_KEPT)
def _engine_of_file(path: Path, *, create: bool, patience_seconds: float) -> Engine:
    def connect() -> sqlite3.Connection:
        return sqlite3.connect(
            _sqlite_uri(path, create=create),
            uri=True,
            timeout=patience_seconds,
            # Transactions are begun in `_begin`.
            isolation_level=None,
            # A pool may hand a connection to another thread, one at a time.
            check_same_thread=False,
        )

    engine = sqlalchemy.create_engine(
        URL.create("sqlite", database=str(path)),
        creator=connect,
        execution_options={"compiled_cache": LRUCache(_STATEMENTS_KEPT)},
    )
    event.listen(engine, "connect", _set_pragmas)
    return engine


def _sqlite_uri(path: Path, *, create: bool) -> str:
    """How to open the file: sqlite.org/uri.html."""
    location = f"file:{quote(str(path.absolute()))}"
    if is_writable(path):
        return f"{location}?mode={'rwc' if create else 'rw'}"
    log = path.with_name(f"{path.name}-wal")
    if log.exists() or os.access(path.parent, os.W_OK):
        return f"{location}?mode=ro"
    # Nobody writes: without a log, and where none can be created, SQLite must be told that the
    # file stays as it is to open one in WAL mode.
    return f"{location}?mode=ro&immutable=1"


def _set_pragmas(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA foreign_keys=ON")
    # In WAL mode a power cut may undo the last commits but never breaks the file.
    cursor.execute("PRAGMA synchronous=NORMAL")
    cursor.close()


def _begin(connection: Connection) -> None:
    """Begin for real on SQLite, as SQLAlchemy's documentation shows; limit waiting on PostgreSQL.

    A writer of SQLite takes the lock at once: one that first reads fails without waiting where
    another has written in between (SQLITE_BUSY_SNAPSHOT).
    """
    options = connection.get_execution_options()
    writes = options.get(_WRITES)
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
    elif writes:
        milliseconds = round(1000 * options[_PATIENCE])
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = {milliseconds}")


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the folder {folder} cannot be created: {error.strerror}",
            hint="name another database with --db",
        ) from error


@lru_cache(_ENGINES_KEPT)
def _postgresql_engine(url: URL, patience_seconds: float) -> Engine:
    try:
        return sqlalchemy.create_engine(
            url,
            connect_args={"connect_timeout": url.query.get("connect_timeout", CONNECT_SECONDS)},
            pool_pre_ping=True,
            execution_options={
                "compiled_cache": LRUCache(_STATEMENTS_KEPT),
                _PATIENCE: patience_seconds,
            },
        )
    except ModuleNotFoundError as error:
        raise DatabaseUnavailable(
            f"{shown(url)} needs psycopg, which is not installed",
            hint="pip install 'costdb[postgres]'",
        ) from error


def _reopened(kept: Engine) -> Engine:
    """An engine with connections of its own, and the compiled statements of one that is kept."""
    engine = Engine(
        kept.pool.recreate(),
        kept.dialect,
        kept.url,
        execution_options=kept.get_execution_options(),
        hide_parameters=True,
    )
    event.listen(engine, "begin", _begin)
    return engine
