"""Versions of a model, a page at a time."""

from sqlalchemy import Engine, select

from costdb.store.database import read_transaction
from costdb.store.read import batches, model_row, version_records
from costdb.store.records import VersionRecord
from costdb.store.schema import version


def version_page(
    engine: Engine,
    model: str,
    *,
    branch: str | None = None,
    before: int | None = None,
    limit: int,
    archived: bool = False,
) -> list[VersionRecord]:
    """The latest versions of a model, the latest first.

    Args:
        engine: The database.
        model: The model's name.
        branch: The branch; None for all.
        before: Only versions with a lower ordinal: that of the last one of the page before.
        limit: How many at most.
        archived: Whether to list archived versions, too.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        query = select(version.c.id).where(version.c.model_id == model_row(connection, model))
        if branch is not None:
            query = query.where(version.c.branch == branch)
        if before is not None:
            query = query.where(version.c.ordinal < before)
        if not archived:
            query = query.where(version.c.archived_at.is_(None))
        found = connection.scalars(query.order_by(version.c.ordinal.desc()).limit(limit)).all()
        records = [
            record
            for ids in batches(found)
            for record in version_records(connection, version.c.id.in_(ids))
        ]
    return sorted(records, key=lambda record: record.ordinal, reverse=True)
