"""Whether a database has this program's tables, and the runner that gives it them.

Every command reads the revision with one SELECT and compares it with `REVISIONS`. Alembic is
imported only to migrate.
"""

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Literal

import sqlalchemy
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError

from costdb.errors import DatabaseUnavailable, SchemaMismatch
from costdb.settings import migrations_folder
from costdb.store.database import read_transaction, sqlite_path, writer
from costdb.store.failures import is_missing_table, shown, translated
from costdb.store.schema import REVISIONS

HEAD = REVISIONS[-1]

# One number for all costdb databases of a PostgreSQL server; each database has its own locks.
_UPGRADE_LOCK = 0x636F7374  # "cost"
LOCK_SECONDS = 60


class SchemaState(Enum):
    """How a database's tables compare with this program's."""

    CURRENT = "current"
    EMPTY = "empty"
    OLDER = "older"
    NEWER = "newer"
    ANCIENT = "ancient"  # older than the first that this program knows
    FOREIGN = "foreign"  # tables of another program


# No upgrade of this program's leads from these to its tables.
UNKNOWN_STATES = frozenset({SchemaState.NEWER, SchemaState.ANCIENT, SchemaState.FOREIGN})


@dataclass(frozen=True, slots=True)
class Schema:
    """The state of a database's tables.

    Attributes:
        state: How they compare with this program's.
        revision: The database's revision; None where it has none.
        head: This program's revision.
    """

    state: SchemaState
    revision: str | None
    head: str


def inspect_schema(engine: Engine, revisions: Sequence[str] = REVISIONS) -> Schema:
    """The state of a database's tables.

    Args:
        engine: The database.
        revisions: The revisions that this program knows, the oldest first.

    Raises:
        DatabaseUnavailable: It cannot be opened or reached.
    """
    head = revisions[-1]
    revision = _revision(engine)
    if revision == head:
        return Schema(SchemaState.CURRENT, revision, head)
    if revision in revisions:
        return Schema(SchemaState.OLDER, revision, head)
    if revision is not None:
        is_ancient = revision < revisions[0]  # they are numbered
        return Schema(SchemaState.ANCIENT if is_ancient else SchemaState.NEWER, revision, head)
    with translated(engine.url):
        tables = set(sqlalchemy.inspect(engine).get_table_names())
    is_empty = tables <= {"alembic_version"}
    return Schema(SchemaState.EMPTY if is_empty else SchemaState.FOREIGN, None, head)


def refusal(engine: Engine, schema: Schema) -> SchemaMismatch:
    """The error for a database whose tables are not this program's."""
    place = f"the database {shown(engine.url)}"
    match schema.state:
        case SchemaState.NEWER:
            return SchemaMismatch(
                f"{place} has schema {schema.revision}, which this program ({schema.head}) does"
                " not know",
                hint="pip install --upgrade costdb",
            )
        case SchemaState.ANCIENT:
            return SchemaMismatch(
                f"{place} has schema {schema.revision}, which is too old for this program"
                f" ({schema.head})",
                hint="run costdb db upgrade of the release that came after it, then this one's",
            )
        case SchemaState.FOREIGN:
            return SchemaMismatch(
                f"{place} holds tables of another program", hint="name another database with --db"
            )
        case SchemaState.EMPTY:
            return SchemaMismatch(f"{place} is empty", hint="costdb db init")
        case SchemaState.OLDER | SchemaState.CURRENT:
            return SchemaMismatch(
                f"{place} has schema {schema.revision}, this program needs {schema.head}",
                hint="costdb db upgrade",
            )


def upgrade(
    engine: Engine, revisions: Sequence[str] = REVISIONS, folder: Path | None = None
) -> Path | None:
    """Bring a database to this program's schema.

    An SQLite file that holds data is copied first. Of several upgrades at once, one does the work
    and the others wait.

    Args:
        engine: The database.
        revisions: The revisions that this program knows, the oldest first.
        folder: The Alembic environment; None for the one that is installed.

    Returns:
        The copy of the old file; None where none was needed.

    Raises:
        SchemaMismatch: The schema is newer, too old, or another program's.
        DatabaseUnavailable: The database cannot be written, or another upgrade takes too long.
    """
    schema = inspect_schema(engine, revisions)
    if schema.state is SchemaState.CURRENT:
        return None
    if schema.state in UNKNOWN_STATES:
        raise refusal(engine, schema)
    copy = _back_up_before(engine, schema) if schema.state is SchemaState.OLDER else None
    _run_alembic(engine, folder, "upgrade", schema.head)
    return copy


def downgrade(engine: Engine, revision: str, folder: Path | None = None) -> None:
    """Take a database back to an older revision, or to "base": no tables.

    Args:
        engine: The database.
        revision: Where to.
        folder: The Alembic environment; None for the one that is installed.

    Raises:
        DatabaseUnavailable: As `upgrade`.
    """
    _run_alembic(engine, folder, "downgrade", revision)


def back_up(engine: Engine, target: Path) -> None:
    """Copy an SQLite database into a new file, as it is between two transactions.

    Raises:
        DatabaseUnavailable: It cannot be read, or the copy cannot be written.
    """
    path = sqlite_path(engine)
    assert path is not None  # noqa: S101 - only called for SQLite
    # The copy appears whole or not at all.
    part = target.with_name(f"{target.name}.{os.getpid()}.part")
    try:
        try:
            with translated(engine.url):
                source = engine.raw_connection()
                copy = sqlite3.connect(part)
                try:
                    assert isinstance(source.driver_connection, sqlite3.Connection)  # noqa: S101
                    source.driver_connection.backup(copy)
                finally:
                    copy.close()
                    source.close()
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise DatabaseUnavailable(
            f"the copy {target} cannot be written: {error.strerror}",
            hint="free some space, or make the folder writable",
        ) from error


def _revision(engine: Engine) -> str | None:
    query = text("SELECT version_num FROM alembic_version")
    try:
        with read_transaction(engine) as connection:
            revision: str | None = connection.scalar(query)
            return revision
    except DatabaseUnavailable as error:
        if is_missing_table(error.__cause__):
            return None
        raise


def _back_up_before(engine: Engine, schema: Schema) -> Path | None:
    """Copy an SQLite file that holds data, beside it."""
    path = sqlite_path(engine)
    if path is None or not _holds_data(engine):
        return None
    draft = path.with_name(f"{path.name}.{os.getpid()}.copy")
    back_up(engine, draft)
    try:
        with sqlite3.connect(draft) as connection:
            (copied,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        connection.close()
        if copied != schema.revision:
            return None  # another process was faster, and has made the copy as well
        return draft.replace(path.with_name(f"{path.name}.schema-{schema.revision}.backup"))
    finally:
        draft.unlink(missing_ok=True)


def _holds_data(engine: Engine) -> bool:
    with read_transaction(engine) as connection:
        tables = set(sqlalchemy.inspect(connection).get_table_names()) - {"alembic_version"}
        quote = connection.dialect.identifier_preparer.quote
        return any(
            connection.scalar(text(f"SELECT EXISTS (SELECT 1 FROM {quote(table)})"))  # noqa: S608 - the database's own names, quoted
            for table in tables
        )


def _run_alembic(
    engine: Engine, folder: Path | None, verb: Literal["upgrade", "downgrade"], revision: str
) -> None:
    from alembic import command, config  # noqa: PLC0415 - only where there is something to migrate

    settings = config.Config()
    # A "%" would start an interpolation.
    script_location = str(folder or migrations_folder()).replace("%", "%%")
    settings.set_main_option("script_location", script_location)
    settings.set_main_option("path_separator", "os")
    with translated(engine.url), _upgrade_lock(engine), writer(engine).connect() as connection:
        settings.attributes["connection"] = connection
        run = command.upgrade if verb == "upgrade" else command.downgrade
        run(settings, revision)


@contextmanager
def _upgrade_lock(engine: Engine) -> Iterator[None]:
    """Keep other upgrades of a PostgreSQL database waiting; SQLite's write lock does that itself.

    The lock belongs to the session, not to a transaction, so that a migration may build an index
    concurrently: postgresql.org/docs/current/functions-admin.html.
    """
    if engine.dialect.name != "postgresql":
        yield
        return
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.exec_driver_sql(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_lock({_UPGRADE_LOCK})")
        connection.exec_driver_sql("RESET lock_timeout")
        try:
            yield
        finally:
            with suppress(DBAPIError):  # a session that ended holds no lock
                connection.exec_driver_sql(f"SELECT pg_advisory_unlock({_UPGRADE_LOCK})")
