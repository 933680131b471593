"""The history of models: totals over versions, in one statement that reads no layers.

A database may hold a million versions, of many models or of one. Every step below follows an
index, so that the time depends on what is asked for and not on what there is.
"""

import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from itertools import groupby, islice
from typing import TypedDict, Unpack

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
    or_,
    select,
)

from costdb.cost import RULES
from costdb.cost.result import METRICS
from costdb.errors import NotInDatabase, UsageError
from costdb.store import schema
from costdb.store.database import read_transaction
from costdb.store.read import (
    DEFAULT_POINT,
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

# So many are held in memory while a history is told.
VERSIONS_AT_ONCE = 1000

# Where a history starts or ends: a tag, a day as 2026-01-31, an ISO time, or a moment.
Bound = str | datetime

# A condition on a table of versions, or on another name for it.
_Condition = Callable[[FromClause], ColumnElement[bool]]


class Selection(TypedDict, total=False):
    """What of a history is read: all that is not archived, if nothing is said.

    Attributes:
        points: The operating points; all if none.
        branch: The branch; None for all.
        last: How many versions of each branch, the newest; of those that have one of `points`, if
            given.
        since: The first tag, or the first day or time of ingest. Each model has to have the tag.
        until: The last tag, or the last day or time of ingest, inclusive.
        archived: Whether to tell of archived versions, too.
        rules: The revision of the rules. A version without a cost under it has no totals.
    """

    points: Sequence[str]
    branch: str | None
    last: int | None
    since: Bound | None
    until: Bound | None
    archived: bool
    rules: int


def history(engine: Engine, *models: str, **selection: Unpack[Selection]) -> list[Series]:
    """What versions cost, one after the other.

    Args:
        engine: The database.
        models: The models; all if none.
        selection: What of them.

    Returns:
        One series for each model, operating point and branch, by these names; the default point
        comes first.

    Raises:
        NotInDatabase: There is no such model, or no such tag.
        UsageError: A bound is no day and no model is named, or `last` is less than 1.
        DatabaseUnavailable: The database cannot be read.
    """
    found: dict[tuple[str, str, str], list[SeriesPoint]] = {}
    for piece in history_pieces(engine, *models, **selection):
        key = (piece.model, piece.point, piece.branch)
        found.setdefault(key, []).extend(piece.versions)
    # Here and not in SQL, whose order of text is another one in each database.
    ordered = sorted(found, key=lambda key: (key[0], default_first(key[1]), key[2]))
    return [Series(*key, versions=tuple(found[key])) for key in ordered]


def history_pieces(
    engine: Engine, *models: str, **selection: Unpack[Selection]
) -> Iterator[Series]:
    """The same as `history`, a piece at a time, for histories of any length.

    Yields:
        Series of up to a thousand versions; what belongs to one series comes one after the other.
    """
    last, points = selection.get("last"), selection.get("points") or ()
    if last is not None and last < 1:
        raise UsageError(f"the last {last} versions are none", hint="write --last 10")
    with read_transaction(engine) as connection:
        ids = {model: model_row(connection, model) for model in models}
    bounds = _bounds(engine, ids, selection)
    lines = branch_lines(ids.values(), selection.get("branch"))
    start = literal(LOWEST_ORDINAL) if last is None else _start(lines, last, points, bounds)
    query = (
        select(
            schema.model.c.slug,
            version.c.branch,
            version.c.tag,
            version.c.ordinal,
            version.c.created_at,
            version.c.git_sha,
            version.c.archived_at,
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
        .outerjoin(cost, is_cost(selection.get("rules", RULES)))
        .where(*(bound(version) for bound in bounds))
        .order_by(
            schema.model.c.slug,
            analysis.c.point != DEFAULT_POINT,
            analysis.c.point,
            version.c.branch,
            version.c.ordinal,
        )
        .execution_options(yield_per=VERSIONS_AT_ONCE)
    )
    if points:
        query = query.where(analysis.c.point.in_(points))
    with read_transaction(engine) as connection:
        yield from _pieces(connection.execute(query).mappings())


def branch_lines(model_ids: Collection[int], branch: str | None) -> CTE:
    """The branches of models, or of every model if none is named: (model_id, branch).

    Found by leaping through the index from each branch to the next one, which costs one step a
    branch; DISTINCT would read every version. The last step of each model has no branch.
    """
    of_model = select(schema.model.c.id.label("model_id"))
    if model_ids:
        of_model = of_model.where(schema.model.c.id.in_(model_ids))
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
    lines: CTE, last: int, points: Sequence[str], bounds: Iterable[_Condition]
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
    if points:
        has_point = exists().where(is_current(candidate.c.id), analysis.c.point.in_(points))
        query = query.where(has_point)
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


def _bounds(engine: Engine, ids: Mapping[str, int], selection: Selection) -> list[_Condition]:
    """What every version of a history fulfils. Raises UsageError or NotInDatabase."""
    bounds: list[_Condition] = []
    since, until = selection.get("since"), selection.get("until")
    if not selection.get("archived"):
        bounds.append(lambda versions: versions.c.archived_at.is_(None))
    if since is not None:
        bounds.append(_limit(engine, ids, since, is_end=False))
    if until is not None:
        bounds.append(_limit(engine, ids, until, is_end=True))
    return bounds


def _limit(engine: Engine, ids: Mapping[str, int], bound: Bound, *, is_end: bool) -> _Condition:
    """That a version lies within a bound. A model's tag goes before a day."""
    compare = operator.le if is_end else operator.ge
    moment = bound if isinstance(bound, datetime) else _moment(bound, is_end=is_end)
    if moment is None and not ids:
        raise UsageError(
            f"{bound!r} is no day, and a version of one model only",
            hint="write a day as 2026-01-31, or name the model",
        )
    tags = {} if isinstance(bound, datetime) else _ordinals(engine, ids, bound, moment)

    def within(versions: FromClause) -> ColumnElement[bool]:
        conditions = [
            and_(versions.c.model_id == model_id, compare(versions.c.ordinal, ordinal))
            for model_id, ordinal in tags.items()
        ]
        if moment is not None and (not ids or len(tags) < len(ids)):
            by_day = compare(versions.c.created_at, moment)
            conditions.append(and_(versions.c.model_id.not_in(list(tags)), by_day))
        return or_(*conditions)

    return within


def _ordinals(
    engine: Engine, ids: Mapping[str, int], tag: str, moment: datetime | None
) -> dict[int, int]:
    """Model -> the ordinal of its version of that tag. Raises NotInDatabase, unless it is a day."""
    found = {}
    for model, model_id in ids.items():
        try:
            found[model_id] = resolve(engine, f"{model}@{tag}").ordinal
        except NotInDatabase:
            if moment is None:
                raise
    return found


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
    try:
        return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except OverflowError:  # elsewhere it is the year 0 or 10,000
        return None


def _pieces(rows: Iterable[RowMapping]) -> Iterator[Series]:
    """Series out of rows by model, operating point and branch, and then by ordinal."""
    for key, group in groupby(rows, key=lambda row: (row["slug"], row["point"], row["branch"])):
        versions = map(_series_point, group)
        while piece := tuple(islice(versions, VERSIONS_AT_ONCE)):
            yield Series(*key, versions=piece)


def _series_point(row: RowMapping) -> SeriesPoint:
    is_costed = row["rules"] is not None
    return SeriesPoint(
        tag=row["tag"],
        ordinal=row["ordinal"],
        ingested_at=row["created_at"],
        git_sha=row["git_sha"],
        structure_digest=row["digest"],
        is_archived=row["archived_at"] is not None,
        totals=totals_from_row(row) if is_costed else None,
        rules=row["rules"] if is_costed else row["last_rules"],
    )
