"""Archiving versions and renaming models."""

import json
from datetime import datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import IntegrityError

from costdb.errors import UsageError
from costdb.store import schema
from costdb.store.database import write_transaction
from costdb.store.names import check_model
from costdb.store.read import model_row, resolve
from costdb.store.records import VersionRecord


def set_archived(engine: Engine, name: str, when: datetime | None) -> tuple[VersionRecord, bool]:
    """Take a version out of lists and baselines, or put it back.

    Args:
        engine: The database.
        name: `MODEL@TAG`.
        when: The time at which it is archived; None to put it back.

    Returns:
        The version as it was, and whether anything changed.

    Raises:
        UsageError: The name has no tag.
        NotInDatabase: There is no such version.
        DatabaseUnavailable: The database cannot be written.
    """
    if "@" not in name:
        raise UsageError(f"{name!r} names no version", hint=f"write {name}@TAG")
    found = resolve(engine, name)
    changes = (found.archived_at is None) is not (when is None)
    if changes:
        table = schema.version
        with write_transaction(engine) as connection:
            connection.execute(update(table).where(table.c.id == found.id).values(archived_at=when))
    return found, changes


def rename(engine: Engine, old: str, new: str) -> None:
    """Call a model by another name; its history stays, and the old name leads to the new one.

    Args:
        engine: The database.
        old: Its name.
        new: Its name from now on.

    Raises:
        UsageError: The new name is not allowed, or another model has or had it.
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be written.
    """
    check_model(new)
    table = schema.model
    taken = UsageError(f"there is a model {new!r} already", hint="choose another name")
    try:
        with write_transaction(engine) as connection:
            identity = model_row(connection, old)
            if new == old:
                raise taken
            query = select(table.c.id, table.c.former_names).where(
                (table.c.former_names != "[]") | (table.c.id == identity)
            )
            former = {row.id: json.loads(row.former_names) for row in connection.execute(query)}
            if any(new in names for owner, names in former.items() if owner != identity):
                raise UsageError(
                    f"another model was called {new!r} before", hint="choose another name"
                )
            # A model may take back a name that it had.
            names = [name for name in (*former[identity], old) if name != new]
            connection.execute(
                update(table)
                .where(table.c.id == identity)
                .values(slug=new, former_names=json.dumps(names))
            )
    except IntegrityError as error:
        raise taken from error
