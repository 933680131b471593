"""Aliases: names of versions that may move, such as `prod`."""

from datetime import datetime

from sqlalchemy import Connection, Engine, delete, insert, select, update

from costdb.binding import nearest
from costdb.errors import NotInDatabase, UsageError
from costdb.store import schema
from costdb.store.database import read_transaction, write_transaction
from costdb.store.names import check_alias
from costdb.store.read import model_row
from costdb.store.records import AliasMove, AliasRecord, VersionRecord
from costdb.store.schema import alias, version


def aliases(engine: Engine, model: str | None = None) -> list[AliasRecord]:
    """The aliases of a model, or of all, by the names of both.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    query = (
        select(
            schema.model.c.slug.label("model"),
            alias.c.name,
            version.c.tag,
            alias.c.author,
            alias.c.updated_at,
        )
        .join(version, version.c.id == alias.c.version_id)
        .join(schema.model, schema.model.c.id == alias.c.model_id)
    )
    with read_transaction(engine) as connection:
        if model is not None:
            query = query.where(alias.c.model_id == model_row(connection, model))
        found = [AliasRecord(**row) for row in connection.execute(query).mappings()]
    # Not in SQL, whose order of text is another one in each database.
    return sorted(found, key=lambda record: (record.model, record.name))


def set_alias(
    engine: Engine, of: VersionRecord, name: str, *, author: str | None, now: datetime
) -> AliasMove:
    """Let an alias stand for a version, whatever it stood for before.

    Args:
        engine: The database.
        of: The version.
        name: The alias.
        author: Who says so.
        now: The time, aware.

    Raises:
        UsageError: It can be no alias: the name is not allowed, or a version's tag.
        DatabaseUnavailable: The database cannot be written.
    """
    check_alias(name)
    with write_transaction(engine) as connection:
        model_id = _locked_model(connection, of.model)
        if connection.scalar(
            select(version.c.id).where(version.c.model_id == model_id, version.c.tag == name)
        ):
            raise UsageError(
                f"{of.model} has a version tagged {name!r}, which an alias would hide",
                hint="give the alias another name",
            )
        before = _tag_of(connection, model_id, name)
        values = {"version_id": of.id, "author": author, "updated_at": now}
        if before is None:
            connection.execute(insert(alias).values(model_id=model_id, name=name, **values))
        elif before != of.tag:
            connection.execute(update(alias).where(*_is(model_id, name)).values(**values))
    return AliasMove(of.model, name, before, of.tag)


def remove_alias(engine: Engine, model: str, name: str) -> AliasMove:
    """Forget an alias.

    Raises:
        NotInDatabase: There is no such model or alias.
        DatabaseUnavailable: The database cannot be written.
    """
    with write_transaction(engine) as connection:
        model_id = _locked_model(connection, model)
        before = _tag_of(connection, model_id, name)
        if before is None:
            known = connection.scalars(select(alias.c.name).where(alias.c.model_id == model_id))
            raise NotInDatabase(
                f"{model} has no alias {name!r}",
                hint=nearest(name, list(known), f"aliases of {model}"),
            )
        connection.execute(delete(alias).where(*_is(model_id, name)))
    return AliasMove(model, name, before, None)


def _locked_model(connection: Connection, slug: str) -> int:
    """The model's row, locked, so that no version is tagged so at the same time."""
    model_id = model_row(connection, slug)
    connection.execute(
        select(schema.model.c.id).where(schema.model.c.id == model_id).with_for_update()
    )
    return model_id


def _is(model_id: int, name: str):  # type: ignore[no-untyped-def] # two conditions
    return alias.c.model_id == model_id, alias.c.name == name


def _tag_of(connection: Connection, model_id: int, name: str) -> str | None:
    """The version that an alias stands for."""
    tag: str | None = connection.scalar(
        select(version.c.tag)
        .join(alias, alias.c.version_id == version.c.id)
        .where(*_is(model_id, name))
    )
    return tag
