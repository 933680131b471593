"""Structures, names and costs: rows that many versions share, found by their digests.

They are inserted unless they are there, never after a look alone: another process may write the
same row at the same time. Always in the order of their digests, so that two transactions never
wait for each other.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, insert, select
from sqlalchemy.dialects import postgresql, sqlite

from costdb.canonical import IR_VERSION
from costdb.cost.result import Analysis
from costdb.store import schema
from costdb.store.compression import compressed
from costdb.store.rows import cost_row, layer_rows


@dataclass(frozen=True, slots=True)
class Prepared:
    """An analysis as it will be written, made before the transaction to keep that short."""

    analysis: Analysis
    structure: bytes
    names: bytes
    cost: dict[str, Any]
    layers: list[dict[str, Any]]


def prepare(analysis: Analysis) -> Prepared:
    """Compress an analysis and turn it into rows."""
    return Prepared(
        analysis,
        structure=compressed(analysis.structure),
        names=compressed(analysis.names),
        cost=cost_row(analysis.cost),
        layers=layer_rows(analysis.cost),
    )


def add_structures(connection: Connection, prepared: Iterable[Prepared]) -> dict[str, int]:
    """Add the structures that are not there yet. Returns digest -> row."""
    ids = {}
    for entry in sorted(prepared, key=lambda entry: entry.analysis.structure_digest):
        analysis = entry.analysis
        ids[analysis.structure_digest] = _id_of_content(
            connection,
            schema.structure,
            digest=analysis.structure_digest,
            content=entry.structure,
            ir_version=IR_VERSION,
            loader=analysis.loader,
            loader_revision=analysis.loader_revision,
        )
    return ids


def add_names(connection: Connection, prepared: Iterable[Prepared]) -> dict[str, int]:
    """Add the lists of names that are not there yet. Returns digest -> row."""
    return {
        entry.analysis.names_digest: _id_of_content(
            connection,
            schema.layer_names,
            digest=entry.analysis.names_digest,
            content=entry.names,
        )
        for entry in sorted(prepared, key=lambda entry: entry.analysis.names_digest)
    }


def add_costs(
    connection: Connection, prepared: Iterable[Prepared], structure_ids: dict[str, int]
) -> set[str]:
    """Add the costs under rules that a structure has none of yet. Returns their digests."""
    ordered = sorted(prepared, key=lambda entry: entry.analysis.structure_digest)
    return {
        entry.analysis.structure_digest
        for entry in ordered
        if _add_cost(connection, structure_ids[entry.analysis.structure_digest], entry)
    }


def insert_unless_there(connection: Connection, table: Table, **values: object) -> int | None:
    """Insert a row unless a unique constraint says that it is there.

    On PostgreSQL it waits for a transaction that is about to insert the same row.

    Returns:
        The new row; None where it was there.
    """
    dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
    statement = dialect.insert(table).values(**values).on_conflict_do_nothing()
    row: int | None = connection.scalar(statement.returning(table.c.id))
    return row


def _id_of_content(connection: Connection, table: Table, *, digest: str, **values: object) -> int:
    query = select(table.c.id).where(table.c.digest == digest)
    row = connection.scalar(query)
    if row is None:
        row = insert_unless_there(connection, table, digest=digest, **values)
    return connection.scalars(query).one() if row is None else row


def _add_cost(connection: Connection, structure_id: int, prepared: Prepared) -> bool:
    """Add a cost and its layers, unless there is one under these rules. Returns whether."""
    cost = schema.cost
    is_there = select(cost.c.id).where(
        cost.c.structure_id == structure_id, cost.c.rules == prepared.cost["rules"]
    )
    if connection.scalar(is_there) is not None:
        return False
    cost_id = insert_unless_there(connection, cost, structure_id=structure_id, **prepared.cost)
    if cost_id is not None and prepared.layers:
        connection.execute(
            insert(schema.layer_cost), [{"cost_id": cost_id, **row} for row in prepared.layers]
        )
    return cost_id is not None
