"""`costdb db doctor`: whether everything in the database is whole and adds up."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, exists, func, select

from costdb.canonical import (
    graph_from_json,
    names_digest,
    names_json,
    structure_digest,
    structure_json,
)
from costdb.cost.result import ADDITIVE_METRICS, GraphCost
from costdb.errors import BrokenArtifact
from costdb.ir import Graph
from costdb.store import schema
from costdb.store.compression import restored
from costdb.store.database import damage, read_transaction
from costdb.store.rows import cost_from_rows
from costdb.store.schema import COVERAGE_COLUMNS, analysis, cost, layer_cost, layer_names, structure

# Weights that no layer reads count in the total alone.
_OF_WEIGHTS = frozenset({"params", "buffers", "weight_bytes"})


@dataclass(frozen=True, slots=True)
class Problem:
    """Something in the database that is not as it should be.

    Attributes:
        table: Where it is.
        row: Which row, by its key.
        text: What is wrong.
    """

    table: str
    row: str
    text: str


def examine(engine: Engine) -> Iterator[Problem]:
    """Look through the whole database: references, ordinals, digests, and totals against layers.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        for line in damage(connection):
            yield Problem("file", "", line)
        yield from broken_references(connection)
        yield from _orphans(connection)
        yield from _odd_versions(connection)
        yield from _damaged_names(connection)
        for identity in connection.scalars(select(structure.c.id).order_by(structure.c.id)).all():
            yield from _damaged_structure(connection, identity)


def broken_references(connection: Connection) -> Iterator[Problem]:
    """Rows that refer to a row which is not there."""
    for table in schema.metadata.sorted_tables:
        key = tuple(table.primary_key.columns)
        for constraint in table.foreign_key_constraints:
            (element,) = constraint.elements
            child, parent = element.parent, element.column
            missing = select(*key, child).where(
                child.is_not(None), ~exists().where(parent == child).correlate(table)
            )
            for *row, target in connection.execute(missing):
                text = f"{child.name} {target} is no row of {parent.table.name}"
                yield Problem(table.name, _key(row), text)


def _orphans(connection: Connection) -> Iterator[Problem]:
    """Rows that nothing refers to, and that therefore no command ever shows."""
    for parent, child in (
        (schema.model, schema.version.c.model_id),
        (schema.version, analysis.c.version_id),
        (structure, analysis.c.structure_id),
        (structure, cost.c.structure_id),
        (layer_names, analysis.c.layer_names_id),
    ):
        lonely = select(parent.c.id).where(~exists().where(child == parent.c.id))
        for (row,) in connection.execute(lonely):
            yield Problem(parent.name, str(row), f"it has no {child.table.name}")


def _odd_versions(connection: Connection) -> Iterator[Problem]:
    version = schema.version
    repeated = (
        select(version.c.model_id, version.c.ordinal)
        .group_by(version.c.model_id, version.c.ordinal)
        .having(func.count() > 1)
    )
    for model_id, ordinal in connection.execute(repeated):
        yield Problem("model", str(model_id), f"several versions have the ordinal {ordinal}")
    for (row,) in connection.execute(select(version.c.id).where(version.c.ordinal <= 0)):
        yield Problem("version", str(row), "its ordinal is not positive")
    is_current = exists().where(
        analysis.c.version_id == version.c.id, analysis.c.replaced_at.is_(None)
    )
    has_any = exists().where(analysis.c.version_id == version.c.id)
    for (row,) in connection.execute(select(version.c.id).where(has_any, ~is_current)):
        yield Problem("version", str(row), "it has no current analysis")
    for table in (schema.alias, schema.acceptance):
        strange = (
            select(*table.primary_key.columns)
            .join(version, version.c.id == table.c.version_id)
            .where(version.c.model_id != table.c.model_id)
        )
        for row in connection.execute(strange):
            yield Problem(table.name, _key(row), "its version is another model's")


def _damaged_names(connection: Connection) -> Iterator[Problem]:
    for row in connection.execute(select(layer_names).order_by(layer_names.c.id)).mappings():
        content = _restored(row)
        if content is None or names_digest(content) != row["digest"]:
            yield Problem("layer_names", str(row["id"]), "its digest is not that of its content")


def _damaged_structure(connection: Connection, identity: int) -> Iterator[Problem]:
    """What is wrong with a structure, with the names that versions give it, and with its costs."""
    row = connection.execute(select(structure).where(structure.c.id == identity)).mappings().one()
    content = _restored(row)
    if content is None or structure_digest(content) != row["digest"]:
        yield Problem("structure", str(identity), "its digest is not that of its content")
        return
    graph: Graph | None = None
    given = select(analysis.c.layer_names_id).where(analysis.c.structure_id == identity)
    named = select(layer_names).where(layer_names.c.id.in_(given))
    for names_row in connection.execute(named).mappings():
        names = _restored(names_row)
        if names is None:
            continue  # said already
        try:
            graph = graph_from_json(content, names)
        except BrokenArtifact as error:
            text = f"with layer_names {names_row['id']}: {error.message}"
            yield Problem("structure", str(identity), text)
            continue
        if (structure_json(graph), names_json(graph)) != (content, names):
            text = f"with layer_names {names_row['id']}: it is not in canonical form"
            yield Problem("structure", str(identity), text)
    if graph is not None:
        yield from _damaged_costs(connection, identity, graph)


def _damaged_costs(connection: Connection, identity: int, graph: Graph) -> Iterator[Problem]:
    costs = select(cost).where(cost.c.structure_id == identity)
    for row in connection.execute(costs).mappings().all():
        layers = (
            connection.execute(
                select(layer_cost)
                .where(layer_cost.c.cost_id == row["id"])
                .order_by(layer_cost.c.position)
            )
            .mappings()
            .all()
        )
        expected = sum(1 for _ in graph.all_layers())
        if [layer["position"] for layer in layers] != list(range(expected)):
            text = f"it has {len(layers)} layers, its structure has {expected}"
            yield Problem("cost", str(row["id"]), text)
            continue
        for text in _wrong_totals(row, cost_from_rows(row, layers, graph)):
            yield Problem("cost", str(row["id"]), text)


def _wrong_totals(row: RowMapping, counted: GraphCost) -> Iterator[str]:
    """What of a row of `cost` does not follow from its layers."""
    for metric in ADDITIVE_METRICS:
        stored, total = row[metric], sum(layer[metric] for layer in counted.layers)
        is_wrong = stored < total if metric in _OF_WEIGHTS else stored not in {None, total}
        if is_wrong:
            yield f"{metric} is {stored}, its layers make {total}"
    for name in COVERAGE_COLUMNS:
        total = {kind.value: count for kind, count in counted.coverage.items()}[name]
        if row[name] != total:
            yield f"{row[name]} layers are {name}, {total} say so"


def _restored(row: RowMapping) -> bytes | None:
    try:
        return restored(row["content"])
    except BrokenArtifact:
        return None


def _key(row: Iterable[object]) -> str:
    return " ".join(map(str, row))
