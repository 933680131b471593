"""A database as the first schema held it, with rows in every table.

`first_schema.json` holds the rows, bytes as hexadecimal digits. They are kept as they were written
then: what later programs make of them is for tests to see.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from costdb.store.database import create_engine, read_transaction, write_transaction
from costdb.store.migrations import upgrade

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine

FIRST = "0001"

Rows = dict[str, list[dict[str, Any]]]

# Table -> its rows, after those that they refer to.
ROWS: Rows = json.loads(Path(__file__).with_name("first_schema.json").read_text())


def create_first(url: str) -> None:
    """Make the tables of the first schema and fill them."""
    engine = create_engine(url)
    upgrade(engine, (FIRST,))
    with write_transaction(engine) as connection:
        for table, rows in ROWS.items():
            _insert(connection, table, rows)
    engine.dispose()


def kept(engine: "Engine") -> Rows:
    """What a database holds of the first schema's tables and columns, in the form of `ROWS`."""
    with read_transaction(engine) as connection:
        return {table: _rows(connection, table, list(rows[0])) for table, rows in ROWS.items()}


def _insert(connection: "Connection", table: str, rows: list[dict[str, Any]]) -> None:
    from sqlalchemy import text

    numbered = "id" in rows[0]
    columns = [name for name in rows[0] if name != "id"]
    values = ", ".join(f":{name}" for name in columns)
    statement = text(f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({values})")  # noqa: S608 - names of our own
    for row in rows:
        connection.execute(statement, {name: _stored(name, row[name]) for name in columns})
    if numbered:  # each database counts by itself
        ids = connection.execute(text(f"SELECT id FROM {table} ORDER BY id")).scalars()  # noqa: S608
        assert list(ids) == [row["id"] for row in rows]


def _rows(connection: "Connection", table: str, columns: list[str]) -> list[dict[str, Any]]:
    from sqlalchemy import inspect, text

    key = inspect(connection).get_pk_constraint(table)["constrained_columns"]
    query = text(f"SELECT {', '.join(columns)} FROM {table} ORDER BY {', '.join(key)}")  # noqa: S608
    return [
        {name: _shown(name, value) for name, value in row.items()}
        for row in connection.execute(query).mappings()
    ]


def _stored(name: str, value: Any) -> Any:
    return bytes.fromhex(value) if name == "content" else value


def _shown(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if name == "folded":
        return bool(value)  # SQLite's are numbers
    return value.isoformat(timespec="microseconds") if hasattr(value, "isoformat") else value
