"""`costdb export`: the whole database as JSON lines; see `portable` for their form."""

import json
from collections.abc import Generator
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Engine, RowMapping, Select, select

from costdb.errors import BrokenArtifact
from costdb.store import schema
from costdb.store.compression import restored
from costdb.store.database import read_transaction
from costdb.store.examination import broken_references
from costdb.store.migrations import HEAD
from costdb.store.portable import FORMAT, KINDS, LAYER_COLUMNS, LAYERS, Kind, is_content

# Rows that are fetched from a server at a time.
_BATCH = 1000


def export_lines(engine: Engine) -> Generator[str]:
    """Every row as a line of JSON, as of one moment, in the order in which rows were stored.

    Two databases with the same rows, stored in the same order, give the same lines.

    Raises:
        BrokenArtifact: What the database holds is damaged, or refers to what is not there.
        DatabaseUnavailable: The database cannot be read.
    """
    yield _line({"schema": FORMAT, "revision": HEAD, LAYERS: LAYER_COLUMNS})
    count = 0
    with read_transaction(engine) as connection:
        _refuse_broken_references(connection)
        for kind in KINDS:
            rows = connection.execution_options(yield_per=_BATCH).execute(_query(kind))
            for row in rows.mappings():
                yield _line(_record(connection, kind, row))
                count += 1
    yield _line({"kind": "end", "rows": count})


def _refuse_broken_references(connection: Connection) -> None:
    """Raise BrokenArtifact rather than leave out a row whose reference cannot be named."""
    for problem in broken_references(connection):
        raise BrokenArtifact(
            f"row {problem.row} of {problem.table} cannot be exported: {problem.text}",
            hint="costdb db doctor names every such row; restore a backup",
        )


def _query(kind: Kind) -> Select[Any]:
    """A table's rows in the order of storing, with the names of the rows that they refer to."""
    query = select(kind.table)
    for reference in kind.references:
        target = reference.target.subquery()
        query = query.join(target, target.c.id == kind.table.c[reference.column])
        query = query.add_columns(target.c.name.label(f"@{reference.name}"))
    return query.order_by(*kind.table.primary_key.columns)


def _record(connection: Connection, kind: Kind, row: RowMapping) -> dict[str, object]:
    record: dict[str, object] = {"kind": kind.table.name}
    record |= {reference.name: row[f"@{reference.name}"] for reference in kind.references}
    for column in kind.columns:
        value = row[column]
        record[column.name] = restored(value).decode() if is_content(column) else _plain(value)
    if kind.table is schema.cost:
        table = schema.layer_cost
        layers = (
            select(*(table.c[name] for name in LAYER_COLUMNS))
            .where(table.c.cost_id == row["id"])
            .order_by(table.c.position)
        )
        record[LAYERS] = [
            [_plain(value) for value in layer] for layer in connection.execute(layers)
        ]
    return record


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return int(value) if isinstance(value, bool) else value


def _line(record: dict[str, object]) -> str:
    # ASCII, because a name may hold half of a surrogate pair.
    return json.dumps(record, separators=(",", ":")) + "\n"
