"""All that a database holds, to be compared."""

from typing import TYPE_CHECKING

from costdb.store.database import read_transaction

if TYPE_CHECKING:
    from sqlalchemy import Engine


def contents(engine: "Engine") -> dict[str, list[str]]:
    """Every row of every table; no connection stays open."""
    from sqlalchemy import inspect, text

    with read_transaction(engine) as connection:
        found = {}
        for table in inspect(connection).get_table_names():
            rows = connection.execute(text(f"SELECT * FROM {table}")).all()  # noqa: S608 - our own
            found[table] = sorted(map(repr, rows))
    engine.dispose()
    return found
