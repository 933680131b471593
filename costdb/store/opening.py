"""The way into a database: open it, and see that its tables are this program's."""

from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from sqlalchemy import Engine

from costdb.errors import DatabaseMissing
from costdb.store.database import choose_journal, create_engine, sqlite_path
from costdb.store.failures import shown
from costdb.store.filesystem import is_writable
from costdb.store.migrations import (
    HEAD,
    UNKNOWN_STATES,
    SchemaState,
    inspect_schema,
    refusal,
    upgrade,
)


@dataclass(frozen=True, slots=True)
class Store:
    """An open database with this program's tables. Use it as a context manager.

    Attributes:
        engine: What the functions of this package take.
        location: Path or URL as it may be shown: without password and query.
        backend: "sqlite" or "postgresql".
        revision: The revision of its tables.
        notes: What a user should know: that it was upgraded, that its file system is slow.
    """

    engine: Engine
    location: str
    backend: str
    revision: str
    notes: tuple[str, ...] = ()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close every connection."""
        self.engine.dispose()


@dataclass(frozen=True, slots=True)
class Upgraded:
    """What `costdb db init` and `costdb db upgrade` did.

    Attributes:
        location: As in `Store`.
        before: The revision before; None for an empty database.
        after: The revision now.
        copy: The copy of the old SQLite file; None where there is none.
    """

    location: str
    before: str | None
    after: str
    copy: Path | None


def open_store(url: str, *, create: bool = True) -> Store:
    """Open a database.

    An SQLite file is created if need be, and an older one upgraded after a copy of it was made.
    PostgreSQL is left as it is: others may be using it with the program that made it.

    Args:
        url: A path, `sqlite:///PATH` or `postgresql://user@host/database`.
        create: Whether an SQLite file may be created; False for what only reads.

    Raises:
        ConfigurationError: The URL cannot be read, or names no database that is supported.
        DatabaseUnavailable: It is missing, cannot be opened or reached, or is locked.
        SchemaMismatch: Its tables are newer, older or another program's.
    """
    engine = create_engine(url, create=create)
    try:
        notes = _ready(engine, create=create)
    except BaseException:
        engine.dispose()
        raise
    return Store(engine, shown(engine.url), engine.dialect.name, HEAD, notes)


def upgrade_store(url: str) -> Upgraded:
    """Create a database's tables, or bring them to this program's schema.

    Raises:
        ConfigurationError: As `open_store`.
        DatabaseUnavailable: As `open_store`; another upgrade takes too long.
        SchemaMismatch: Its tables are newer, or another program's.
    """
    engine = create_engine(url)
    try:
        before = inspect_schema(engine).revision
        copy = upgrade(engine)
        choose_journal(engine)
        return Upgraded(shown(engine.url), before, HEAD, copy)
    finally:
        engine.dispose()


def require_current(engine: Engine) -> None:
    """See that an open database still answers, with this program's tables.

    Raises:
        DatabaseMissing: Its file is gone; who has it open would write into nothing.
        DatabaseUnavailable: It cannot be reached.
        SchemaMismatch: Its tables are newer, older or another program's.
    """
    path = sqlite_path(engine)
    if path is not None and not path.exists():
        raise DatabaseMissing(f"the database {path} is gone", hint="restore a backup")
    schema = inspect_schema(engine)
    if schema.state is not SchemaState.CURRENT:
        raise refusal(engine, schema)


def _ready(engine: Engine, *, create: bool) -> tuple[str, ...]:
    """See that the tables are this program's. Returns what a user should know."""
    schema = inspect_schema(engine)
    path = sqlite_path(engine)
    if path is None:
        if schema.state is not SchemaState.CURRENT:
            raise refusal(engine, schema)
        return ()
    if schema.state in UNKNOWN_STATES:
        raise refusal(engine, schema)
    if schema.state is SchemaState.EMPTY and not create:
        raise refusal(engine, schema)
    if schema.state is SchemaState.OLDER and not is_writable(path):
        raise refusal(engine, schema)
    notes = [choose_journal(engine)]
    if schema.state is not SchemaState.CURRENT:
        copy = upgrade(engine)
        if copy is not None:
            notes.append(
                f"{path} was upgraded from schema {schema.revision} to {schema.head};"
                f" the old file is kept as {copy.name}"
            )
    return tuple(note for note in notes if note)
