"""Acceptances in the database."""

from collections.abc import Callable, Iterable
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, Engine, Row, insert, select, update

from costdb.errors import NotInDatabase
from costdb.store import schema
from costdb.store.database import read_transaction, write_transaction
from costdb.store.read import model_row
from costdb.store.schema import acceptance, version
from costdb.trends.acceptance import Acceptance

_COLUMNS = (
    "id",
    "point",
    "metric",
    "scope",
    "value",
    "rules",
    "reason",
    "author",
    "expires_at",
    "revoked_at",
)


def acceptances(engine: Engine, model: str | None = None) -> list[Acceptance]:
    """Every acceptance of a model, or of all, in the order in which they were made.

    Those of archived versions are left out: nothing is measured from these.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        where: list[ColumnElement[bool]] = [version.c.archived_at.is_(None)]
        if model is not None:
            where.append(acceptance.c.model_id == model_row(connection, model))
        return _select(connection.execute(_query(*where)))


def add_acceptances(
    engine: Engine,
    made: Iterable[Acceptance],
    record: Callable[[Connection, list[Acceptance]], None] | None = None,
) -> list[Acceptance]:
    """Keep acceptances of versions; all of them, or, after an error, none.

    Args:
        engine: The database.
        made: Acceptances of versions that are in it.
        record: Called at the end of the transaction with what is returned: what it writes is kept
            exactly if the acceptances are.

    Returns:
        The same with their numbers.

    Raises:
        NotInDatabase: There is no such version.
        DatabaseUnavailable: The database cannot be written.
    """
    with write_transaction(engine) as connection:
        ids = []
        for one in made:
            model_id = model_row(connection, one.model)
            version_id = connection.scalar(
                select(version.c.id).where(version.c.model_id == model_id, version.c.tag == one.tag)
            )
            if version_id is None:
                raise NotInDatabase(f"the model {one.model!r} has no version {one.tag!r}")
            row = {name: getattr(one, name) for name in _COLUMNS if name != "id"}
            row |= {"model_id": model_id, "version_id": version_id, "created_at": one.accepted_at}
            ids.append(
                connection.scalars(insert(acceptance).values(row).returning(acceptance.c.id)).one()
            )
        added = _select(connection.execute(_query(acceptance.c.id.in_(ids))))
        if record is not None:
            record(connection, added)
    return added


def acceptance_of(engine: Engine, number: int) -> Acceptance:
    """An acceptance, whether or not it holds.

    Args:
        engine: The database.
        number: Its id.

    Raises:
        NotInDatabase: There is no such acceptance.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        return _only(_select(connection.execute(_query(acceptance.c.id == number))), number)


def revoke_acceptance(engine: Engine, number: int, now: datetime) -> Acceptance:
    """Take an acceptance back; it is kept and marked. Doing so again changes nothing.

    Args:
        engine: The database.
        number: Its id.
        now: The time, aware.

    Raises:
        NotInDatabase: There is no such acceptance.
        DatabaseUnavailable: The database cannot be written.
    """
    is_it = acceptance.c.id == number
    with write_transaction(engine) as connection:
        connection.execute(
            update(acceptance)
            .where(is_it, acceptance.c.revoked_at.is_(None))
            .values(revoked_at=now)
        )
        return _only(_select(connection.execute(_query(is_it))), number)


def _only(found: list[Acceptance], number: int) -> Acceptance:
    if not found:
        raise NotInDatabase(f"there is no acceptance {number}", hint="costdb accept --list")
    return found[0]


def _query(*where: ColumnElement[bool]):  # type: ignore[no-untyped-def] # Select of many columns
    return (
        select(
            *(acceptance.c[name] for name in _COLUMNS),
            acceptance.c.created_at,
            schema.model.c.slug,
            version.c.tag,
        )
        .join(version, version.c.id == acceptance.c.version_id)
        .join(schema.model, schema.model.c.id == acceptance.c.model_id)
        .where(*where)
        .order_by(acceptance.c.id)
    )


def _select(rows: Iterable[Row[tuple[object, ...]]]) -> list[Acceptance]:
    return [
        Acceptance(
            model=row.slug,
            tag=row.tag,
            accepted_at=row.created_at,
            **{name: getattr(row, name) for name in _COLUMNS},
        )
        for row in rows
    ]
