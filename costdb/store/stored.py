"""One version as it was analysed: its graph from the stored IR, its costs from the rows."""

import json

from sqlalchemy import Connection, Engine, RowMapping, and_, func, select

from costdb.binding import nearest
from costdb.canonical import graph_from_json
from costdb.cost import RULES
from costdb.cost.result import Analysis, GraphCost
from costdb.errors import NotInDatabase, StoreError
from costdb.ir import Graph
from costdb.store.compression import restored
from costdb.store.database import read_transaction
from costdb.store.read import DEFAULT_POINT, is_current
from costdb.store.records import Content, StoredVersion, VersionRecord
from costdb.store.rows import cost_from_rows
from costdb.store.schema import analysis, cost, layer_cost, layer_names, structure


def version_cost(
    engine: Engine, version: VersionRecord, point: str = DEFAULT_POINT, *, rules: int = RULES
) -> StoredVersion:
    """A version's graph and cost, layer by layer.

    Args:
        engine: The database.
        version: The version.
        point: The operating point.
        rules: The revision of the rules.

    Raises:
        NotInDatabase: The version has no such point.
        StoreError: It was not costed under these rules.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        row = _analysis_row(connection, version, point)
        cost_row = _cost_row(connection, version, row["structure_id"], rules)
        content, names = restored(row["content"]), restored(row["names"])
        graph = graph_from_json(content, names)
        return StoredVersion(
            version,
            Analysis(
                artifact=version.artifact,
                graph=graph,
                loader=row["loader"],
                loader_revision=row["loader_revision"],
                structure=content,
                structure_digest=row["digest"],
                names=names,
                names_digest=row["names_digest"],
                point=point,
                cost=_graph_cost(connection, cost_row, graph),
                warnings=tuple(json.loads(row["warnings"])),
            ),
        )


def content_cost(
    engine: Engine, content: Content, *, rules: int = RULES
) -> tuple[Graph, GraphCost]:
    """A graph and its cost, layer by layer, whichever versions it is of.

    Args:
        engine: The database.
        content: The rows of its structure and names.
        rules: The revision of the rules, under which it has to be costed.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    query = (
        select(structure.c.content, layer_names.c.content.label("names"), cost)
        .select_from(structure)
        .join(layer_names, layer_names.c.id == content.layer_names_id)
        .join(cost, and_(cost.c.structure_id == structure.c.id, cost.c.rules == rules))
        .where(structure.c.id == content.structure_id)
    )
    with read_transaction(engine) as connection:
        row = connection.execute(query).mappings().one()
        graph = graph_from_json(restored(row["content"]), restored(row["names"]))
        return graph, _graph_cost(connection, row, graph)


def _graph_cost(connection: Connection, row: RowMapping, graph: Graph) -> GraphCost:
    """The cost in a row of `cost`, with that of every layer."""
    query = select(layer_cost).where(layer_cost.c.cost_id == row["id"])
    layers = connection.execute(query.order_by(layer_cost.c.position)).mappings()
    return cost_from_rows(row, layers, graph)


def _analysis_row(connection: Connection, version: VersionRecord, point: str) -> RowMapping:
    query = (
        select(
            analysis.c.structure_id,
            analysis.c.loader,
            analysis.c.loader_revision,
            analysis.c.warnings,
            structure.c.digest,
            structure.c.content,
            layer_names.c.digest.label("names_digest"),
            layer_names.c.content.label("names"),
        )
        .join(structure, structure.c.id == analysis.c.structure_id)
        .join(layer_names, layer_names.c.id == analysis.c.layer_names_id)
        .where(is_current(version.id), analysis.c.point == point)
    )
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        raise NotInDatabase(
            f"{version.name} has no operating point {point!r}",
            hint=nearest(point, version.points, "its points"),
        )
    return row


def _cost_row(
    connection: Connection, version: VersionRecord, structure_id: int, rules: int
) -> RowMapping:
    of_structure = cost.c.structure_id == structure_id
    query = select(cost).where(of_structure, cost.c.rules == rules)
    row = connection.execute(query).mappings().one_or_none()
    if row is None:
        last = connection.scalar(select(func.max(cost.c.rules)).where(of_structure))
        raise StoreError(
            f"{version.name} was costed under rules {last}, not under {rules}",
            hint="costdb recost",
        )
    return row
