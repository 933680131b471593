"""Processes that are killed while they write: whatever they were doing, it is done or not begun."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from builders import killing, onnx_models
from builders.contents import contents
from builders.first_schema import create_first
from builders.writing import fill
from sqlalchemy import Engine, select

from costdb.store import open_store, schema, upgrade_store
from costdb.store.database import create_engine, read_transaction
from costdb.store.examination import examine
from costdb.store.records import IngestStatus
from costdb.store.write import ORDINAL_GAP

TESTS = Path(__file__).parents[1]

# No operation takes so many steps.
NEVER = 10**6

CarryOut = Callable[[str, int, str], str]


def ordinals_by_storing(engine: Engine) -> dict[str, int]:
    """Tag -> ordinal of every version, in the order in which the database has them."""
    version = schema.version
    with read_transaction(engine) as connection:
        rows = connection.execute(select(version.c.tag, version.c.ordinal).order_by(version.c.id))
        return dict(map(tuple, rows))


@pytest.fixture(scope="module")
def carry_out() -> Iterator[CarryOut]:
    """Carries out an operation until a step, where it is killed; says how it ended."""
    with subprocess.Popen(
        [sys.executable, "-m", "builders.dying"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:

        def answer(operation: str, step: int, url: str) -> str:
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(f"{operation} {step} {url}\n")
            process.stdin.flush()
            return process.stdout.readline().strip()

        yield answer
        process.communicate(timeout=60)


def nothing(_url: str) -> None:
    """Leave the database as empty as it is."""


@dataclass(frozen=True)
class Case:
    """An operation on a database, and how many transactions it makes.

    Where it cannot be done again without doing more, it leaves so many rows in a table.
    """

    before: Callable[[str], None]
    operation: str
    transactions: int = 1
    rows: tuple[str, int] | None = None


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(Case(fill, "ingest"), id="ingest"),
        pytest.param(Case(fill, "replace"), id="replace"),
        pytest.param(Case(fill, "recost", transactions=2), id="recost-of-two"),
        pytest.param(Case(fill, "import"), id="import"),
        pytest.param(Case(fill, "accept", rows=("acceptance", 2)), id="accept"),
        pytest.param(Case(nothing, "upgrade"), id="new-database"),
        pytest.param(Case(create_first, "upgrade"), id="upgrade"),
    ],
)
def test_killed_at_every_step_it_is_done_or_not_begun(
    database_url: str, carry_out: CarryOut, case: Case
) -> None:
    case.before(database_url)
    engine = create_engine(database_url)
    states = [contents(engine)]
    step = 0
    while len(states) <= case.transactions:
        step += 1
        assert carry_out(case.operation, step, database_url) == "killed"
        found = contents(engine)
        if found != states[-1]:
            # Before the transaction's first statement, at its commit, and after that.
            assert step >= 3
            states.append(found)
            step = 0
    if case.rows is None:
        assert carry_out(case.operation, NEVER, database_url) == "done"
    else:
        table, number = case.rows
        assert len(states[-1][table]) == number
    assert contents(engine) == states[-1]
    with open_store(database_url) as store:
        assert list(examine(store.engine)) == []


@pytest.mark.parametrize("kills", [15, pytest.param(200, marks=pytest.mark.slow)])
def test_killed_at_random_moments_everything_reported_is_there(
    database_url: str, tmp_path: Path, kills: int
) -> None:
    upgrade_store(database_url)
    file = onnx_models.save_conv(
        tmp_path / "conv.onnx", ("batch", 3, 8, 8), (4, 3, 3, 3), bias=True
    )
    said = subprocess.run(
        [sys.executable, "-m", "builders.killing", database_url, file, str(kills), "8"],
        env=os.environ | {"PYTHONPATH": str(TESTS)},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout
    reported: dict[str, list[int]] = {name: [] for name in map(str, range(kills + killing.WRITERS))}
    for line in said.splitlines():
        name, number = line.split()
        reported[name].append(int(number))

    with open_store(database_url) as store:
        assert list(examine(store.engine)) == []
        ordinals = ordinals_by_storing(store.engine)
    # What was begun and not done took no ordinal.
    assert list(ordinals.values()) == [ORDINAL_GAP * (place + 1) for place in range(len(ordinals))]
    for name, numbers in reported.items():
        assert numbers == list(range(len(numbers)))
        unreported = len(numbers)
        mine = {tag: ordinal for tag, ordinal in ordinals.items() if tag.startswith(f"{name}-")}
        done = [f"{name}-{number}" for number in numbers]
        assert list(mine) in (done, [*done, f"{name}-{unreported}"])
        # Each writer stores one version after the other, and what it began can be done again.
        again = killing.ingest(database_url, str(file), name, unreported)
        assert (again.outcome.status is IngestStatus.UNCHANGED) == (f"{name}-{unreported}" in mine)
    with open_store(database_url) as store:
        assert list(examine(store.engine)) == []
        every = ordinals_by_storing(store.engine)
    assert list(every.values()) == [ORDINAL_GAP * (place + 1) for place in range(len(every))]
