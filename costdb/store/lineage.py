"""What a version is judged by: what came before it, and what its branch has had.

Archived versions are left out.
"""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, Engine, FromClause, and_, func, select

from costdb.cost import RULES
from costdb.store import schema
from costdb.store.database import read_transaction
from costdb.store.read import (
    MAIN_BRANCH,
    batches,
    first_version,
    is_cost,
    is_current,
    model_row,
    on_branch,
    version_records,
)
from costdb.store.records import Neighbours, VersionRecord
from costdb.store.schema import analysis, cost, version


def neighbours(
    engine: Engine, versions: Iterable[VersionRecord]
) -> dict[tuple[int, str], Neighbours]:
    """What came before each of several versions on its branch, in a few statements for all.

    Args:
        engine: The database.
        versions: The versions.

    Returns:
        By the version's row and operating point.
    """
    found: dict[tuple[int, str], Neighbours] = {}
    subject, subject_analysis = version.alias(), analysis.alias()
    query = (
        select(
            subject.c.id,
            subject_analysis.c.point,
            _earlier(subject, subject_analysis, version.c.ordinal.desc()),
            _earlier(subject, subject_analysis, version.c.ordinal.asc()),
        )
        .join(subject_analysis, subject_analysis.c.version_id == subject.c.id)
        .where(subject_analysis.c.replaced_at.is_(None))
    )
    with read_transaction(engine) as connection:
        for ids in batches(entry.id for entry in versions):
            rows = connection.execute(query.where(subject.c.id.in_(ids))).all()
            wanted = {entry for _, _, *earlier in rows for entry in earlier if entry is not None}
            records = {
                record.id: record
                for batch in batches(wanted)
                for record in version_records(connection, version.c.id.in_(batch))
            }
            for identity, point, before, first_one in rows:
                found[identity, point] = Neighbours(records.get(before), records.get(first_one))
    return found


def best(
    engine: Engine,
    model: str,
    branch: str,
    point: str,
    metric: str,
    *,
    before: int | None,
    rules: int = RULES,
) -> VersionRecord | None:
    """The version with the lowest total of a metric; the latest of equals.

    Args:
        engine: The database.
        model: The model.
        branch: The branch.
        point: The operating point.
        metric: The metric.
        before: Only versions of a lower ordinal than this; None for all.
        rules: The revision of the rules.
    """
    query = (
        on_branch(select(version.c.id), model, branch, point, before)
        .join(cost, is_cost(rules))
        .where(cost.c[metric].is_not(None))
        .order_by(cost.c[metric], version.c.ordinal.desc())
    )
    return first_version(engine, query)


def distinct_contents(
    engine: Engine, model: str, branch: str, point: str, *, before: int | None
) -> list[VersionRecord]:
    """The latest version of each structure with its names that a branch has had, by ordinal.

    Retraining repeats structures, so they are few.

    Args:
        engine: The database.
        model: The model.
        branch: The branch.
        point: The operating point.
        before: Only versions of a lower ordinal than this; None for all.
    """
    columns = select(func.max(version.c.ordinal), version.c.model_id)
    query = on_branch(columns, model, branch, point, before).group_by(
        version.c.model_id, analysis.c.structure_id, analysis.c.layer_names_id
    )
    with read_transaction(engine) as connection:
        rows = connection.execute(query).all()
        return [
            record
            for batch in batches(sorted(ordinal for ordinal, _ in rows))
            for record in version_records(
                connection,
                and_(version.c.model_id == rows[0].model_id, version.c.ordinal.in_(batch)),
            )
        ]


def versions(engine: Engine, model: str, branch: str = MAIN_BRANCH) -> list[VersionRecord]:
    """The versions of a model on a branch, by ordinal.

    Raises:
        NotInDatabase: There is no such model.
    """
    with read_transaction(engine) as connection:
        return version_records(
            connection,
            and_(
                version.c.model_id == model_row(connection, model),
                version.c.branch == branch,
                version.c.archived_at.is_(None),
            ),
        )


def latest_of_each(
    engine: Engine, branch: str = MAIN_BRANCH
) -> list[tuple[str, VersionRecord | None]]:
    """Every model by name, with its latest version on a branch; None where it has none there.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    candidate = version.alias()
    newest = (
        select(candidate.c.id)
        .where(
            candidate.c.model_id == schema.model.c.id,
            candidate.c.branch == branch,
            candidate.c.archived_at.is_(None),
        )
        .order_by(candidate.c.ordinal.desc())
        .limit(1)
        .scalar_subquery()
    )
    with read_transaction(engine) as connection:
        rows = connection.execute(select(schema.model.c.slug, newest)).all()
        ids = [identity for _, identity in rows if identity is not None]
        found = {
            record.model: record
            for batch in batches(ids)
            for record in version_records(connection, version.c.id.in_(batch))
        }
    return sorted((slug, found.get(slug)) for slug, _ in rows)


def has_versions(engine: Engine, model: str) -> bool:
    """Whether a model has any version that is not archived."""
    query = (
        select(version.c.id)
        .join(schema.model, schema.model.c.id == version.c.model_id)
        .where(schema.model.c.slug == model, version.c.archived_at.is_(None))
        .limit(1)
    )
    with read_transaction(engine) as connection:
        return connection.scalar(query) is not None


def _earlier(
    subject: FromClause, subject_analysis: FromClause, order: ColumnElement[int]
) -> ColumnElement[int | None]:
    """The version before another, with its operating point, that comes first in an order."""
    return (
        select(version.c.id)
        .join(analysis, is_current(version.c.id))
        .where(
            version.c.model_id == subject.c.model_id,
            version.c.branch == subject.c.branch,
            version.c.ordinal < subject.c.ordinal,
            version.c.archived_at.is_(None),
            analysis.c.point == subject_analysis.c.point,
        )
        .order_by(order)
        .limit(1)
        .scalar_subquery()
    )
