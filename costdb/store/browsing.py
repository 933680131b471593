"""What pages show of a database: lists of models, one line of versions, and the last findings.

A page shows a part of what there is; every statement follows an index to that part.
"""

import json
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from sqlalchemy import Connection, Engine, RowMapping, and_, func, select

from costdb.cost import RULES
from costdb.cost.result import METRICS, Totals
from costdb.store import schema
from costdb.store.check_runs import check_run_of
from costdb.store.database import read_transaction
from costdb.store.history import branch_lines
from costdb.store.read import batches, default_first, is_current, model_row, newest_version
from costdb.store.records import CheckRun, Series, SeriesPoint
from costdb.store.rows import totals_from_row
from costdb.store.schema import analysis, check_run, cost, structure, version

# In how many versions operating points are looked for.
_LOOKED_AT = 500


@dataclass(frozen=True, slots=True)
class ListedModel:
    """A model, as a list needs it.

    Attributes:
        name: The model's name.
        description: What it is for; may be empty.
        former_names: What it was called before.
    """

    name: str
    description: str
    former_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Head:
    """Where a model is at.

    Attributes:
        branch: That of its latest version; see `costdb.store.read.resolve`.
        versions: How many it has, archived ones left out.
    """

    branch: str
    versions: int


def listed_models(engine: Engine, model: str | None = None) -> list[ListedModel]:
    """Every model, or one, by name; none of their versions are read.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    columns = (schema.model.c.slug, schema.model.c.description, schema.model.c.former_names)
    query = select(*columns)
    if model is not None:
        query = query.where(schema.model.c.slug == model)
    with read_transaction(engine) as connection:
        rows = connection.execute(query).all()
    return [
        ListedModel(slug, description, tuple(json.loads(former)))
        for slug, description, former in sorted(rows)
    ]


def heads(engine: Engine, models: Collection[str]) -> dict[str, Head]:
    """Where models are at; a model without versions is left out.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    listed = schema.model.c.slug.in_(list(models))
    latest = (
        select(schema.model.c.slug, version.c.branch)
        .select_from(schema.model)
        .join(version, version.c.id == newest_version(schema.model.c.id))
        .where(listed)
    )
    counted = (
        select(schema.model.c.slug, func.count())
        .select_from(schema.model)
        .join(version, version.c.model_id == schema.model.c.id)
        .where(listed, version.c.archived_at.is_(None))
        .group_by(schema.model.c.slug)
    )
    with read_transaction(engine) as connection:
        branch_of = dict(map(tuple, connection.execute(latest)))
        counts = connection.execute(counted).all()
    return {slug: Head(branch_of[slug], count) for slug, count in counts}


def branches(engine: Engine, model: str) -> list[str]:
    """The branches of a model, by name.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        lines = branch_lines([model_row(connection, model)], None)
        found = connection.scalars(select(lines.c.branch).where(lines.c.branch.is_not(None)))
        return sorted(found)


def points(engine: Engine, model: str, branch: str) -> list[str]:
    """The operating points of the newest versions of a branch; `default` first.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    with read_transaction(engine) as connection:
        newest = (
            select(version.c.id)
            .where(version.c.model_id == model_row(connection, model), version.c.branch == branch)
            .order_by(version.c.ordinal.desc())
            .limit(_LOOKED_AT)
        )
        query = (
            select(analysis.c.point)
            .distinct()
            .where(analysis.c.version_id.in_(newest.scalar_subquery()))
            .where(analysis.c.replaced_at.is_(None))
        )
        return sorted(connection.scalars(query), key=default_first)


def line(
    engine: Engine,
    model: str,
    *,
    point: str,
    branch: str,
    archived: bool,
    most: int,
    rules: int = RULES,
) -> Series:
    """The versions of a branch at an operating point, as `history` tells them, but faster.

    Retraining repeats structures, so the costs are read once for each structure.

    Args:
        engine: The database.
        model: The model.
        point: The operating point.
        branch: The branch.
        archived: Whether to tell of archived versions, too.
        most: How many versions, the newest.
        rules: The revision of the rules.

    Raises:
        NotInDatabase: There is no such model.
        DatabaseUnavailable: The database cannot be read.
    """
    columns = (version.c.tag, version.c.ordinal, version.c.created_at, version.c.git_sha)
    with read_transaction(engine) as connection:
        query = (
            select(*columns, version.c.archived_at, analysis.c.structure_id)
            .select_from(version)
            .join(analysis, is_current(version.c.id))
            .where(
                version.c.model_id == model_row(connection, model),
                version.c.branch == branch,
                analysis.c.point == point,
            )
            .order_by(version.c.ordinal.desc())
            .limit(most)
        )
        if not archived:
            query = query.where(version.c.archived_at.is_(None))
        rows = connection.execute(query).all()
        costed = _costed(connection, (row[-1] for row in rows), rules)
    points = (
        SeriesPoint(
            tag, ordinal, moment, sha, *costed[content], is_archived=archived_at is not None
        )
        for tag, ordinal, moment, sha, archived_at, content in reversed(rows)
    )
    return Series(model, point, branch, tuple(points))


def _costed(
    connection: Connection, structures: Iterable[int], rules: int
) -> dict[int, tuple[str, Totals | None, int | None]]:
    """Structure -> its digest, what it costs, and by which rules that was counted last."""
    candidate = cost.alias()
    last = (
        select(func.max(candidate.c.rules))
        .where(candidate.c.structure_id == structure.c.id)
        .scalar_subquery()
    )
    query = (
        select(
            structure.c.id,
            structure.c.digest,
            cost.c.rules,
            last.label("last_rules"),
            *(cost.c[metric] for metric in METRICS),
        )
        .select_from(structure)
        .outerjoin(cost, and_(cost.c.structure_id == structure.c.id, cost.c.rules == rules))
    )
    return {
        row["id"]: (row["digest"], *_totals(row))
        for batch in batches(structures)
        for row in connection.execute(query.where(structure.c.id.in_(batch))).mappings()
    }


def _totals(row: RowMapping) -> tuple[Totals | None, int | None]:
    if row["rules"] is None:
        return None, row["last_rules"]
    return totals_from_row(row), row["rules"]


def last_runs(
    engine: Engine,
    *,
    subjects: Collection[str] | None = None,
    verdicts: Collection[str] | None = None,
) -> list[CheckRun]:
    """The last kept run of each subject against each baseline, by these.

    Args:
        engine: The database.
        subjects: Only of these; None for all.
        verdicts: Only those runs whose worst verdict is one of these; None for all.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    newest = select(func.max(check_run.c.id)).group_by(check_run.c.subject, check_run.c.baseline)
    if subjects is not None:
        newest = newest.where(check_run.c.subject.in_(list(subjects)))
    query = select(check_run).where(check_run.c.id.in_(newest.scalar_subquery()))
    if verdicts is not None:
        query = query.where(check_run.c.verdict.in_(list(verdicts)))
    with read_transaction(engine) as connection:
        rows = connection.execute(query).all()
    found = [check_run_of(row) for row in rows]
    return sorted(found, key=lambda run: (run.subject, run.baseline))
