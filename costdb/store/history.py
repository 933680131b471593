"""The history of models: totals over versions, in one statement that reads no layers.

A database may hold a million versions, of many models or of one. Every step below follows an
index, so that the time depends on what is asked for and not on what there is.
"""

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, time

from sqlalchemy import (
    CTE,
    ColumnElement,
    Engine,
    FromClause,
    RowMapping,
    ScalarSelect,
    and_,
    exists,
    func,
    literal,
    select,
)

from costdb.cost import RULES
from costdb.cost.result import METRICS
from costdb.errors import NotInDatabase, UsageError
from costdb.store import schema
from costdb.store.database import read_transaction
from costdb.store.read import (
    default_first,
    is_cost,
    is_current,
    model_row,
    resolve,
)
from costdb.store.records import Series, SeriesPoint
from costdb.store.rows import totals_from_row
from costdb.store.schema import analysis, cost, structure, version

LOWEST_ORDINAL = -(2**63)

# Where a history starts or ends: a tag, a day as 2026-01-31, an ISO time, or a moment.
Bound = str | datetime

# A condition on a table of versions, or on another name for it.
_Condition = Callable[[FromClause], ColumnElement[bool]]


def history(
    engine: Engine,
    model: str | None = None,
    *,
    point: str | None = None,
    branch: str | None = None,
    last: int | None = None,
    since: Bound | None = None,
    until: Bound | None = None,
    rules: int = RULES,
) -> list[Series]:
    """What versions cost, one after the other.

    Args:
        engine: The database.
        model: The model; None for all.
        point: The operating point; None for all.
        branch: The branch; None for all.
        last: How many versions of each branch, the newest; of those that have `point`, if given.
        since: The first tag, or the first day or time of ingest.
        until: The last tag, or the last day or time of ingest, inclusive.
        rules: The revision of the rules. A version without a cost under it has no totals.

    Returns:
        One series for each model, operating point and branch, by these names; the default point
        comes first. Archived versions are left out.

    Raises:
        NotInDatabase: There is no such model, or no such tag.
        UsageError: A bound is neither a tag of the model nor a day, or `last` is less than 1.
        DatabaseUnavailable: The database cannot be read.
    """
    if last is not None and last < 1:
        raise UsageError(f"the last {last} versions are none", hint="write --last 10")
    bounds = _bounds(engine, model, since, until)
    with read_transaction(engine) as connection:
        model_id = None if model is None else model_row(connection, model)
        lines = _lines(model_id, branch)
        start = literal(LOWEST_ORDINAL) if last is None else _start(lines, last, point, bounds)
        query = (
            select(
                schema.model.c.slug,
                version.c.branch,
                version.c.tag,
                version.c.ordinal,
                version.c.created_at,
                version.c.git_sha,
                analysis.c.point,
                structure.c.digest,
                cost.c.rules,
                _last_rules().label("last_rules"),
                *(cost.c[metric] for metric in METRICS),
            )
            .select_from(lines)
            .join(schema.model, schema.model.c.id == lines.c.model_id)
            .join(version, and_(_is_on(version, lines), version.c.ordinal >= start))
            .join(analysis, is_current(version.c.id))
            .join(structure, structure.c.id == analysis.c.structure_id)
            .outerjoin(cost, is_cost(rules))
            .where(*(bound(version) for bound in bounds))
            .order_by(version.c.ordinal)
        )
        if point is not None:
            query = query.where(analysis.c.point == point)
        return _series(connection.execute(query).mappings())


def _lines(model_id: int | None, branch: str | None) -> CTE:
    """The branches of a model, or of every model: (model_id, branch).

    Found by leaping through the index from each branch to the next one, which costs one step a
    branch; DISTINCT would read every version. The last step of each model has no branch.
    """
    of_model = select(schema.model.c.id.label("model_id"))
    if model_id is not None:
        of_model = of_model.where(schema.model.c.id == model_id)
    if branch is not None:
        return of_model.add_columns(literal(branch).label("branch")).cte("line")
    candidate = version.alias()
    next_branch = select(func.min(candidate.c.branch))
    lowest = next_branch.where(candidate.c.model_id == schema.model.c.id).scalar_subquery()
    lines = of_model.add_columns(lowest.label("branch")).cte("line", recursive=True)
    following = next_branch.where(
        candidate.c.model_id == lines.c.model_id, candidate.c.branch > lines.c.branch
    ).scalar_subquery()
    return lines.union_all(select(lines.c.model_id, following).where(lines.c.branch.is_not(None)))


def _start(
    lines: CTE, last: int, point: str | None, bounds: Iterable[_Condition]
) -> ColumnElement[int]:
    """The ordinal at which the last versions of a line start; the lowest if there are fewer."""
    candidate = version.alias()
    query = (
        select(candidate.c.ordinal)
        .where(_is_on(candidate, lines), *(bound(candidate) for bound in bounds))
        .order_by(candidate.c.ordinal.desc())
        .limit(1)
        .offset(last - 1)
    )
    if point is not None:
        query = query.where(exists().where(is_current(candidate.c.id), analysis.c.point == point))
    return func.coalesce(query.correlate(lines).scalar_subquery(), LOWEST_ORDINAL)


def _last_rules() -> ScalarSelect[int]:
    """The last revision of the rules that a structure was costed under."""
    candidate = cost.alias()
    return (
        select(func.max(candidate.c.rules))
        .where(candidate.c.structure_id == analysis.c.structure_id)
        .scalar_subquery()
    )


def _is_on(versions: FromClause, lines: CTE) -> ColumnElement[bool]:
    return and_(versions.c.model_id == lines.c.model_id, versions.c.branch == lines.c.branch)


def _bounds(
    engine: Engine, model: str | None, since: Bound | None, until: Bound | None
) -> list[_Condition]:
    """What every version of a history fulfils. Raises UsageError or NotInDatabase."""
    bounds: list[_Condition] = [lambda versions: versions.c.archived_at.is_(None)]
    if since is not None:
        first_column, lowest = _limit(engine, model, since, is_end=False)
        bounds.append(lambda versions: versions.c[first_column] >= lowest)
    if until is not None:
        last_column, highest = _limit(engine, model, until, is_end=True)
        bounds.append(lambda versions: versions.c[last_column] <= highest)
    return bounds


def _limit(
    engine: Engine, model: str | None, bound: Bound, *, is_end: bool
) -> tuple[str, int | datetime]:
    """The column of a version that a bound limits, and the limit. A tag goes before a day."""
    moment = bound if isinstance(bound, datetime) else _moment(bound, is_end=is_end)
    if model is not None and not isinstance(bound, datetime):
        try:
            return "ordinal", resolve(engine, f"{model}@{bound}").ordinal
        except NotInDatabase:
            if moment is None:
                raise
    if moment is None:
        raise UsageError(
            f"{bound!r} is no day, and a version of one model only",
            hint="write a day as 2026-01-31, or name the model",
        )
    return "created_at", moment


def _moment(text: str, *, is_end: bool) -> datetime | None:
    """The moment that a day or an ISO time names, in UTC where it says no zone."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            return None
    else:
        moment = datetime.combine(day, time.max if is_end else time.min)
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _series(rows: Iterable[RowMapping]) -> list[Series]:
    """One series for each model, operating point and branch, from rows by ordinal."""
    found: dict[tuple[str, str, str], list[SeriesPoint]] = {}
    for row in rows:
        key = (row["slug"], row["point"], row["branch"])
        found.setdefault(key, []).append(_series_point(row))
    ordered = sorted(found, key=lambda key: (key[0], default_first(key[1]), key[2]))
    return [Series(*key, versions=tuple(found[key])) for key in ordered]


def _series_point(row: RowMapping) -> SeriesPoint:
    is_costed = row["rules"] is not None
    return SeriesPoint(
        tag=row["tag"],
        ordinal=row["ordinal"],
        ingested_at=row["created_at"],
        git_sha=row["git_sha"],
        structure_digest=row["digest"],
        totals=totals_from_row(row) if is_costed else None,
        rules=row["rules"] if is_costed else row["last_rules"],
    )
