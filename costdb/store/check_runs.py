"""Runs of `check`: what was judged, against what, and what was found."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import Connection, Engine, Row, insert, select

from costdb.contracts import Attribution, Finding
from costdb.store.database import read_transaction, write_transaction
from costdb.store.records import CheckRun
from costdb.store.schema import check_run

# How many runs are read at a time: nearly always, the last one says all.
_PAGE = 20

_FIELDS = tuple(entry.name for entry in fields(Finding))


def save_runs(
    engine: Engine, runs: Iterable[CheckRun], record: Callable[[Connection], None] | None = None
) -> None:
    """Keep what was found; all of it, or, after an error, nothing.

    Args:
        engine: The database.
        runs: What was found.
        record: Called at the end of the transaction, if there is anything to keep: what it writes
            is kept exactly if the runs are.

    Raises:
        DatabaseUnavailable: The database cannot be written.
    """
    rows = [
        {
            "subject": run.subject,
            "baseline": run.baseline,
            "rules": run.rules,
            "verdict": run.verdict,
            "findings": json.dumps([asdict(finding) for finding in run.findings]),
            "created_at": run.created_at,
        }
        for run in runs
    ]
    if rows:
        with write_transaction(engine) as connection:
            connection.execute(insert(check_run), rows)
            if record is not None:
                record(connection)


def runs(engine: Engine, subject: str, baseline: str) -> Iterator[CheckRun]:
    """The runs of one subject against one baseline, the last one first, read as they are needed.

    Raises:
        DatabaseUnavailable: The database cannot be read.
    """
    return map(check_run_of, run_rows(engine, subject, baseline))


def run_rows(engine: Engine, subject: str, baseline: str) -> Iterator[Row[Any]]:
    """The rows of `check_run` behind `runs`, in the same order and as lazily."""
    query = (
        select(check_run)
        .where(check_run.c.subject == subject, check_run.c.baseline == baseline)
        .order_by(check_run.c.id.desc())
        .limit(_PAGE)
    )
    older_than: int | None = None
    while True:
        page = query if older_than is None else query.where(check_run.c.id < older_than)
        with read_transaction(engine) as connection:
            rows = connection.execute(page).all()
        yield from rows
        if len(rows) < _PAGE:
            return
        older_than = rows[-1].id


def check_run_of(row: Row[Any]) -> CheckRun:
    """The run in a row of `check_run`."""
    return CheckRun(
        subject=row.subject,
        baseline=row.baseline,
        rules=row.rules,
        verdict=row.verdict,
        findings=tuple(_finding(entry) for entry in json.loads(row.findings)),
        created_at=row.created_at,
    )


def _finding(entry: dict[str, Any]) -> Finding:
    # What another version of this program kept besides is of no use to this one.
    known = {name: entry[name] for name in _FIELDS if name in entry}
    known["attribution"] = tuple(Attribution(**part) for part in entry["attribution"])
    return Finding(**known)
