"""Alembic's environment. `costdb.store.migrations` runs it and hands over a connection."""

from collections.abc import Iterator
from contextlib import contextmanager

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection

from costdb.store.schema import metadata


@contextmanager
def foreign_keys_off(connection: Connection) -> Iterator[None]:
    """Keep SQLite from deleting children when a batch migration drops and renames their parent.

    The pragma does nothing inside a transaction: sqlite.org/foreignkeys.html#fk_enable.
    """
    if connection.dialect.name != "sqlite":
        yield
        return
    own = connection.connection.driver_connection
    own.execute("PRAGMA foreign_keys=OFF")
    try:
        yield
    finally:
        own.execute("PRAGMA foreign_keys=ON")


def check_foreign_keys(connection: Connection) -> None:
    """Raise where a row refers to one that is gone, so that the migration is rolled back."""
    if connection.dialect.name == "sqlite":
        broken = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if broken:
            raise CommandError(f"the migration broke a foreign key of table {broken[0]!r}")


def run() -> None:
    connection = context.config.attributes.get("connection")
    if connection is None:
        raise CommandError("run costdb db upgrade, which knows the database")
    context.configure(
        connection=connection,
        target_metadata=metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        # SQLite can, once BEGIN is real: costdb/store/database.py.
        transactional_ddl=True,
    )
    with foreign_keys_off(connection), context.begin_transaction():
        context.run_migrations()
        check_foreign_keys(connection)


run()
