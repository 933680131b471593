"""`costdb recost`: count every stored structure again under today's rules.

Nothing is read but the database. Costs under older rules stay: what the rules changed is the
difference between two costs of one structure.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, exists, insert, select

from costdb.canonical import graph_from_json
from costdb.cost import RULES
from costdb.cost.engine import cost as count
from costdb.cost.result import METRICS, GraphCost, Totals, View
from costdb.cost.rules import RuleTable
from costdb.errors import BrokenArtifact, CostError
from costdb.ir import Graph
from costdb.store import read, schema
from costdb.store.compression import restored
from costdb.store.contents import insert_unless_there
from costdb.store.database import read_transaction, write_transaction
from costdb.store.rows import cost_row, layer_rows, totals_from_row
from costdb.store.schema import analysis, cost, layer_names, structure


@dataclass(frozen=True, slots=True)
class Failure:
    """A structure that today's rules cannot cost.

    Attributes:
        digest: The structure.
        version: The last version that has it, as `detector@v3`.
        reason: Why.
    """

    digest: str
    version: str
    reason: str


@dataclass(frozen=True, slots=True)
class Moved:
    """A metric of a model's latest version, and what moved it.

    Attributes:
        model: The model.
        tag: Its latest version.
        point: The operating point.
        metric: The metric.
        old_rules: The revision that the version was costed under before.
        by_old_rules: What it was then.
        value: What it is now.
        first_tag: The model's first version with the point.
        first: What that is now; None where it has no number.
    """

    model: str
    tag: str
    point: str
    metric: str
    old_rules: int
    by_old_rules: int | None
    value: int | None
    first_tag: str
    first: int | None

    @property
    def by_rules(self) -> int | None:
        """What the rules changed."""
        return _difference(self.value, self.by_old_rules)

    @property
    def by_model(self) -> int | None:
        """What the model changed since its first version, under today's rules."""
        return _difference(self.value, self.first)


def outdated(engine: Engine, rules: int = RULES) -> Sequence[int]:
    """The structures of versions that have no cost under a revision of the rules.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    costed = select(cost.c.structure_id).where(cost.c.rules == rules)
    used = exists().where(analysis.c.structure_id == structure.c.id)
    query = select(structure.c.id).where(structure.c.id.not_in(costed), used)
    with read_transaction(engine) as connection:
        return connection.scalars(query.order_by(structure.c.id)).all()


def recost(
    engine: Engine,
    rules: RuleTable,
    structures: Sequence[int],
) -> Iterator[Failure]:
    """Cost structures under today's rules, each in a transaction of its own.

    It may be stopped at any time and started again.

    Args:
        engine: The database.
        rules: The rules.
        structures: As `outdated` says.

    Yields:
        Those that cannot be costed, or are damaged.

    Raises:
        DatabaseUnavailable: The database cannot be written.
    """
    for identity in structures:
        with read_transaction(engine) as connection:
            row = _stored(connection, identity)
        try:
            counted = count(_graph(row), rules, view=View.DEPLOYED)
        except (BrokenArtifact, CostError) as error:
            yield Failure(row["digest"], row["version"], error.message)
        else:
            _add_cost(engine, identity, counted)


def moved(engine: Engine, rules: int = RULES) -> Iterator[Moved]:
    """What the rules moved of every model's latest version, apart from what the model moved.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    for model in read.models(engine, rules=rules):
        for point, now in model.latest_totals.items():
            if model.latest_tag is None or now is None:
                continue
            latest = read.resolve(engine, f"{model.name}@{model.latest_tag}")
            older = _older_totals(engine, latest.id, point, rules)
            if older is None:
                continue
            old_rules, before = older
            first = read.first(engine, model.name, latest.branch, point) or latest
            at_first = read.totals(engine, first, point, rules=rules)
            for metric in METRICS:
                if before[metric] != now[metric]:
                    yield Moved(
                        model=model.name,
                        tag=latest.tag,
                        point=point,
                        metric=metric,
                        old_rules=old_rules,
                        by_old_rules=before[metric],
                        value=now[metric],
                        first_tag=first.tag,
                        first=None if at_first is None else at_first[metric],
                    )


def _stored(connection: Connection, identity: int) -> RowMapping:
    """A structure, the last version that has it, and the names which that gives to its layers."""
    query = (
        select(
            structure.c.digest,
            structure.c.content,
            layer_names.c.content.label("names"),
            (schema.model.c.slug + "@" + schema.version.c.tag).label("version"),
        )
        .select_from(structure)
        .join(analysis, analysis.c.structure_id == structure.c.id)
        .join(layer_names, layer_names.c.id == analysis.c.layer_names_id)
        .join(schema.version, schema.version.c.id == analysis.c.version_id)
        .join(schema.model, schema.model.c.id == schema.version.c.model_id)
        .where(structure.c.id == identity)
        .order_by(analysis.c.id.desc())
        .limit(1)
    )
    return connection.execute(query).mappings().one()


def _graph(row: RowMapping) -> Graph:
    return graph_from_json(restored(row["content"]), restored(row["names"]))


def _add_cost(engine: Engine, identity: int, counted: GraphCost) -> None:
    row, layers = cost_row(counted), layer_rows(counted)
    with write_transaction(engine) as connection:
        added = insert_unless_there(connection, cost, structure_id=identity, **row)
        if added is not None and layers:
            connection.execute(
                insert(schema.layer_cost), [{"cost_id": added, **layer} for layer in layers]
            )


def _older_totals(
    engine: Engine, version_id: int, point: str, rules: int
) -> tuple[int, Totals] | None:
    """What a version cost under the last rules before these, and which those were."""
    query = (
        select(cost)
        .join(analysis, analysis.c.structure_id == cost.c.structure_id)
        .where(read.is_current(version_id), analysis.c.point == point, cost.c.rules < rules)
        .order_by(cost.c.rules.desc())
        .limit(1)
    )
    with read_transaction(engine) as connection:
        row = connection.execute(query).mappings().one_or_none()
    return None if row is None else (row["rules"], totals_from_row(row))


def _difference(new: int | None, old: int | None) -> int | None:
    return None if new is None or old is None else new - old
