"""The read side: models and versions. Archived versions are left out, unless they are named."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Engine,
    RowMapping,
    Select,
    and_,
    func,
    select,
)

from costdb.binding import nearest
from costdb.cost import RULES
from costdb.cost.result import METRICS, Totals
from costdb.errors import NotInDatabase
from costdb.store import schema
from costdb.store.database import read_transaction
from costdb.store.records import Content, ModelRecord, VersionRecord
from costdb.store.rows import totals_from_row
from costdb.store.schema import alias, analysis, cost, version

DEFAULT_POINT = "default"
MAIN_BRANCH = "main"

# A mistyped name is compared with so many: comparing it with all of a million takes minutes.
SUGGESTIONS = 1000

# SQLite takes no more than some thousand values in a statement.
IDS_AT_ONCE = 500

_VERSION_COLUMNS = (
    "id",
    "tag",
    "ordinal",
    "branch",
    "git_sha",
    "file_format",
    "framework",
    "artifact_path",
    "artifact_bytes",
    "sha256",
    "source",
    "author",
    "created_at",
    "archived_at",
)


def models(engine: Engine, *, rules: int = RULES) -> list[ModelRecord]:
    """Every model, by name, with what its latest version costs.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    counts = (
        select(version.c.model_id, func.count().label("versions"))
        .where(version.c.archived_at.is_(None))
        .group_by(version.c.model_id)
        .subquery()
    )
    query = (
        select(
            schema.model.c.slug,
            schema.model.c.description,
            schema.model.c.former_names,
            func.coalesce(counts.c.versions, 0).label("versions"),
            version.c.tag,
            analysis.c.point,
            cost.c.rules,
            *(cost.c[metric] for metric in METRICS),
        )
        .select_from(schema.model)
        .outerjoin(counts, counts.c.model_id == schema.model.c.id)
        .outerjoin(version, version.c.id == newest_version(schema.model.c.id))
        .outerjoin(analysis, is_current(version.c.id))
        .outerjoin(cost, is_cost(rules))
    )
    with read_transaction(engine) as connection:
        rows = connection.execute(query).mappings().all()
    return _model_records(rows)


def model_names(engine: Engine) -> list[str]:
    """The name of every model. Raises DatabaseUnavailable."""
    with read_transaction(engine) as connection:
        return list(connection.scalars(select(schema.model.c.slug).order_by(schema.model.c.slug)))


def resolve(engine: Engine, name: str) -> VersionRecord:
    """The version that a name stands for.

    Args:
        engine: The database.
        name: `MODEL@TAG`, `MODEL@ALIAS`, or `MODEL` for its latest version: the highest ordinal
            on `main`, or on any branch where `main` has none. An archived version has to be named
            by its tag.

    Raises:
        NotInDatabase: There is no such model, version or alias.
        DatabaseUnavailable: The database cannot be read.
    """
    slug, separator, tag = name.partition("@")
    with read_transaction(engine) as connection:
        model_id = model_row(connection, slug)
        wanted = (
            _named_version(connection, model_id, slug, tag)
            if separator
            else connection.scalar(select(newest_version(model_id)))
        )
        if wanted is None:
            raise NotInDatabase(
                f"the model {slug!r} has no version",
                hint=f"costdb ingest FILE --model {slug} --tag v1",
            )
        return version_records(connection, version.c.id == wanted)[0]


def first(
    engine: Engine, model: str, branch: str = MAIN_BRANCH, point: str = DEFAULT_POINT
) -> VersionRecord | None:
    """The lowest ordinal of a model on a branch that has the operating point."""
    return _outermost(engine, model, branch, point, version.c.ordinal.asc(), before=None)


def latest(
    engine: Engine, model: str, branch: str = MAIN_BRANCH, point: str = DEFAULT_POINT
) -> VersionRecord | None:
    """The highest ordinal of a model on a branch that has the operating point."""
    return _outermost(engine, model, branch, point, version.c.ordinal.desc(), before=None)


def check_model_exists(engine: Engine, model: str) -> None:
    """Raises NotInDatabase where there is no such model, with the nearest name there is."""
    with read_transaction(engine) as connection:
        model_row(connection, model)


def totals(
    engine: Engine, of: VersionRecord, point: str = DEFAULT_POINT, *, rules: int = RULES
) -> Totals | None:
    """What a version costs at a point; None without that point, or a cost under these rules."""
    return totals_of(engine, [of.id], rules=rules).get((of.id, point))


def totals_of(
    engine: Engine, version_ids: Iterable[int], *, rules: int = RULES
) -> dict[tuple[int, str], Totals]:
    """What several versions cost at all of their points, in a few statements.

    Args:
        engine: The database.
        version_ids: Their rows.
        rules: The revision of the rules.

    Returns:
        By the version's row and operating point; nothing where there is no cost under these rules.
    """
    query = (
        select(analysis.c.version_id, analysis.c.point, *(cost.c[metric] for metric in METRICS))
        .select_from(analysis)
        .join(cost, is_cost(rules))
        .where(analysis.c.replaced_at.is_(None))
    )
    with read_transaction(engine) as connection:
        return {
            (row["version_id"], row["point"]): totals_from_row(row)
            for batch in batches(version_ids)
            for row in connection.execute(query.where(analysis.c.version_id.in_(batch))).mappings()
        }


def contents_of(engine: Engine, version_ids: Iterable[int]) -> dict[tuple[int, str], Content]:
    """What several versions are made of at all of their points, in a few statements.

    Args:
        engine: The database.
        version_ids: Their rows.

    Returns:
        By the version's row and operating point.
    """
    query = select(
        analysis.c.version_id,
        analysis.c.point,
        analysis.c.structure_id,
        analysis.c.layer_names_id,
    ).where(analysis.c.replaced_at.is_(None))
    with read_transaction(engine) as connection:
        return {
            (version_id, point): Content(*rows)
            for batch in batches(version_ids)
            for version_id, point, *rows in connection.execute(
                query.where(analysis.c.version_id.in_(batch))
            )
        }


def batches(ids: Iterable[int]) -> Iterator[list[int]]:
    """Rows, as many at a time as a statement takes."""
    distinct = list(dict.fromkeys(ids))
    for start in range(0, len(distinct), IDS_AT_ONCE):
        yield distinct[start : start + IDS_AT_ONCE]


def model_row(connection: Connection, slug: str) -> int:
    """The row of a model. Raises NotInDatabase with the nearest name there is."""
    found = select(schema.model.c.id).where(schema.model.c.slug == slug)
    row = connection.scalar(found) if slug.isprintable() else None
    if row is not None:
        return int(row)
    renamed = select(schema.model.c.slug, schema.model.c.former_names).where(
        schema.model.c.former_names != "[]"
    )
    for new_name, former_names in connection.execute(renamed):
        if slug in json.loads(former_names):
            raise NotInDatabase(
                f"the model {slug!r} is called {new_name!r} now", hint=f"write {new_name}"
            )
    known = connection.scalars(
        select(schema.model.c.slug).order_by(schema.model.c.slug).limit(SUGGESTIONS)
    )
    raise NotInDatabase(f"no model {slug!r}", hint=nearest(slug, known.all(), "models"))


def version_records(connection: Connection, condition: ColumnElement[bool]) -> list[VersionRecord]:
    """The versions that fulfil a condition, by ordinal, archived ones as well."""
    query = (
        select(
            schema.model.c.slug.label("model"),
            *(version.c[name] for name in _VERSION_COLUMNS),
            analysis.c.point,
        )
        .select_from(version)
        .join(schema.model, schema.model.c.id == version.c.model_id)
        .outerjoin(analysis, is_current(version.c.id))
        .where(condition)
        .order_by(version.c.ordinal)
    )
    points: dict[int, list[str]] = {}
    found: dict[int, RowMapping] = {}
    for row in connection.execute(query).mappings():
        found[row["id"]] = row
        points.setdefault(row["id"], []).extend([row["point"]] if row["point"] else [])
    return [
        VersionRecord(
            model=row["model"],
            points=tuple(sorted(points[identity], key=default_first)),
            **{name: row[name] for name in _VERSION_COLUMNS},
        )
        for identity, row in found.items()
    ]


def _model_records(rows: Iterable[RowMapping]) -> list[ModelRecord]:
    """One record a model, from rows of one operating point of its latest version each."""
    found: dict[str, dict[str, Totals | None]] = {}
    heads: dict[str, RowMapping] = {}
    for row in rows:
        heads[row["slug"]] = row
        totals_of = found.setdefault(row["slug"], {})
        if row["point"] is not None:
            totals_of[row["point"]] = None if row["rules"] is None else totals_from_row(row)
    return [
        ModelRecord(
            name=slug,
            description=row["description"],
            former_names=tuple(json.loads(row["former_names"])),
            versions=row["versions"],
            latest_tag=row["tag"],
            latest_totals={
                point: found[slug][point] for point in sorted(found[slug], key=default_first)
            },
        )
        for slug, row in sorted(heads.items())
    ]


def _named_version(connection: Connection, model_id: int, slug: str, tag: str) -> int:
    """The row of a version by its tag, or else by an alias. Raises NotInDatabase."""
    tagged = select(version.c.id).where(version.c.model_id == model_id, version.c.tag == tag)
    aliased = select(alias.c.version_id).where(alias.c.model_id == model_id, alias.c.name == tag)
    # Neither database can even be asked for a NUL or half of a surrogate pair.
    for query in (tagged, aliased) if tag.isprintable() else ():
        row = connection.scalar(query)
        if row is not None:
            return int(row)
    tags = connection.scalars(
        select(version.c.tag)
        .where(version.c.model_id == model_id, version.c.archived_at.is_(None))
        .order_by(version.c.ordinal.desc())
        .limit(SUGGESTIONS)
    )
    aliases = connection.scalars(select(alias.c.name).where(alias.c.model_id == model_id))
    raise NotInDatabase(
        f"the model {slug!r} has no version {tag!r}",
        hint=nearest(tag, [*tags, *aliases], f"versions of {slug}"),
    )


def newest_version(model_id: int | ColumnElement[int]) -> ColumnElement[int | None]:
    """The latest version of a model: the highest ordinal on `main`, else on any branch."""
    candidate = version.alias()
    newest = (
        select(candidate.c.id)
        .where(candidate.c.model_id == model_id, candidate.c.archived_at.is_(None))
        .order_by(candidate.c.ordinal.desc())
        .limit(1)
    )
    on_main = newest.where(candidate.c.branch == MAIN_BRANCH)
    return func.coalesce(on_main.scalar_subquery(), newest.scalar_subquery())


def _outermost(
    engine: Engine,
    model: str,
    branch: str,
    point: str,
    order: ColumnElement[int],
    *,
    before: int | None,
) -> VersionRecord | None:
    """The version that comes first in an order, of those that have an operating point."""
    query = on_branch(select(version.c.id), model, branch, point, before)
    return first_version(engine, query.order_by(order))


def first_version(engine: Engine, query: Select[Any]) -> VersionRecord | None:
    """The first version that a query of `on_branch` finds."""
    with read_transaction(engine) as connection:
        row = connection.scalar(query.limit(1))
        return None if row is None else version_records(connection, version.c.id == row)[0]


def on_branch(
    columns: Select[Any], model: str, branch: str, point: str, before: int | None
) -> Select[Any]:
    """Columns of the versions on a branch that have an operating point."""
    query = (
        columns.join_from(version, schema.model, schema.model.c.id == version.c.model_id)
        .join(analysis, is_current(version.c.id))
        .where(
            schema.model.c.slug == model,
            version.c.branch == branch,
            version.c.archived_at.is_(None),
            analysis.c.point == point,
        )
    )
    return query if before is None else query.where(version.c.ordinal < before)


def is_current(version_id: int | ColumnElement[int]) -> ColumnElement[bool]:
    """Joins a version with the analyses that stand for its operating points."""
    return and_(analysis.c.version_id == version_id, analysis.c.replaced_at.is_(None))


def is_cost(rules: int) -> ColumnElement[bool]:
    """Joins an analysis with the cost of its structure under some rules."""
    return and_(cost.c.structure_id == analysis.c.structure_id, cost.c.rules == rules)


def default_first(point: str) -> tuple[bool, str]:
    """Sorts operating points: the default one first, the rest by name.

    Here and not in SQL, whose order of text is another one in each database.
    """
    return (point != DEFAULT_POINT, point)
