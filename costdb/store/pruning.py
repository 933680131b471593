"""Removes runs of `check` that no later one needs to know what is new."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, delete, select, tuple_

from costdb.store.check_runs import check_run_of, run_rows
from costdb.store.database import read_transaction, write_transaction
from costdb.store.schema import check_run
from costdb.trends.news import questions_judged
from costdb.trends.verdicts import Question

# Fewer than the variables that any SQLite allows in a statement.
_DELETED_AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Pruned:
    """What became of the runs that were old.

    Attributes:
        removed: How many are gone.
        kept: How many stay, since a later check may still ask what they found.
    """

    removed: int
    kept: int


def prune_runs(engine: Engine, before: datetime) -> Pruned:
    """Remove the runs from before a moment, except for those that decide what is new.

    Of each subject and baseline, the last run stays, and any run that was the last to judge
    something: whatever is found tomorrow is new or known as it would be without pruning. It may be
    stopped at any time, and be run while others check.

    Args:
        engine: The database.
        before: The moment, aware.

    Raises:
        DatabaseUnavailable: The database cannot be written.
    """
    removed = kept = 0
    for subject, baseline in _asked(engine):
        superfluous, needed = _sorted_out(engine, subject, baseline, before)
        _delete(engine, superfluous)
        removed += len(superfluous)
        kept += needed
    return Pruned(removed, kept)


def _asked(engine: Engine) -> Iterator[tuple[str, str]]:
    """Each subject with each of its baselines, found from one to the next through the index."""
    key = tuple_(check_run.c.subject, check_run.c.baseline)
    query = (
        select(check_run.c.subject, check_run.c.baseline)
        .order_by(check_run.c.subject, check_run.c.baseline)
        .limit(1)
    )
    last = ("", "")
    while True:
        with read_transaction(engine) as connection:
            row = connection.execute(query.where(key > last)).one_or_none()
        if row is None:
            return
        last = (row.subject, row.baseline)
        yield last


def _sorted_out(
    engine: Engine, subject: str, baseline: str, before: datetime
) -> tuple[list[int], int]:
    """The numbers of the old runs that may go, and how many of them may not."""
    superfluous: list[int] = []
    old = 0
    is_last = True
    judged_later: set[Question] = set()
    for row in run_rows(engine, subject, baseline):
        judged = questions_judged(check_run_of(row).findings)
        if row.created_at < before:
            old += 1
            if not is_last and judged <= judged_later:
                superfluous.append(row.id)
        judged_later |= judged
        is_last = False
    return superfluous, old - len(superfluous)


def _delete(engine: Engine, numbers: Sequence[int]) -> None:
    for start in range(0, len(numbers), _DELETED_AT_ONCE):
        chosen = check_run.c.id.in_(numbers[start : start + _DELETED_AT_ONCE])
        with write_transaction(engine) as connection:
            connection.execute(delete(check_run).where(chosen))
