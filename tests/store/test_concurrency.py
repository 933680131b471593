"""Several processes at once, and one that is killed."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import IO

import pytest
from builders.analyses import NOW, analysis, chain
from sqlalchemy import func, insert, select

from costdb.errors import DatabaseUnavailable, VersionConflict
from costdb.store import Store, open_store, schema, upgrade_store
from costdb.store.database import create_engine, read_transaction, write_transaction
from costdb.store.history import history
from costdb.store.migrations import SchemaState, inspect_schema
from costdb.store.read import resolve
from costdb.store.records import IngestStatus
from costdb.store.stored import version_cost
from costdb.store.write import ORDINAL_GAP, ingest

TESTS = Path(__file__).parents[1]

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Start:
    """Starts a process that ingests; what it says is kept."""

    def start_process(url: str, name: str, count: int, *more: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            [sys.executable, "-m", "builders.ingesting", url, name, str(count), *more],
            env=os.environ | {"PYTHONPATH": str(TESTS)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_process


def finish(processes: "list[subprocess.Popen[str]]") -> None:
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said


def rows_of(store: Store) -> dict[str, int]:
    with read_transaction(store.engine) as connection:
        return {
            table.name: connection.scalars(select(func.count()).select_from(table)).one()
            for table in schema.metadata.sorted_tables
        }


def tags_as_stored(store: Store, model: str) -> list[str]:
    """A model's tags in the order in which the database numbered their rows."""
    version = schema.version
    query = (
        select(version.c.tag)
        .join(schema.model, schema.model.c.id == version.c.model_id)
        .where(schema.model.c.slug == model)
        .order_by(version.c.id)
    )
    with read_transaction(store.engine) as connection:
        return list(connection.scalars(query))


def test_four_processes_lose_nothing(database_url: str, start: Start) -> None:
    if database_url.startswith("postgresql"):
        upgrade_store(database_url)  # an SQLite file is created by whoever is first
    names = ["a", "b", "c", "d"]
    finish([start(database_url, name, 50) for name in names])

    with open_store(database_url) as store:
        series = {one.model: one.versions for one in history(store.engine)}
        assert {model: len(versions) for model, versions in series.items()} == {
            "shared": 200,
            **dict.fromkeys(names, 50),
        }
        shared = series["shared"]
        gaps = [ORDINAL_GAP * (place + 1) for place in range(200)]
        assert [point.ordinal for point in shared] == gaps
        expected = {f"{name}-{number}" for name in names for number in range(50)}
        assert {point.tag for point in shared} == expected
        assert [point.tag for point in shared] == tags_as_stored(store, "shared")
        counts = rows_of(store)
        assert (counts["structure"], counts["cost"], counts["layer_cost"]) == (50, 50, 100)
        assert all(point.totals is not None for point in shared)


@pytest.mark.parametrize(
    ("widths", "refusals"),
    [
        pytest.param((8, 8, 8, 8), 0, id="the-same-structure"),
        pytest.param((8, 16, 24, 32), 3, id="four-structures"),
    ],
)
def test_of_several_that_store_one_tag_one_does(
    database_url: str, widths: tuple[int, ...], refusals: int
) -> None:
    upgrade_store(database_url)
    together = Barrier(len(widths))

    def store_one(width: int) -> IngestStatus | None:
        """What became of it; None where it was refused."""
        with open_store(database_url) as store:
            together.wait(60)
            try:
                return ingest(
                    store.engine, [analysis(width=width)], model="m", tag="v1", now=NOW
                ).status
            except VersionConflict:
                return None

    with ThreadPoolExecutor(len(widths)) as pool:
        done = list(pool.map(store_one, widths))
    assert done.count(IngestStatus.CREATED) == 1
    assert done.count(None) == refusals
    assert done.count(IngestStatus.UNCHANGED) == 3 - refusals
    with open_store(database_url) as store:
        counts = rows_of(store)
        assert (counts["version"], counts["analysis"], counts["structure"]) == (1, 1, 1)


def test_a_killed_writer_leaves_nothing_half_written(database_url: str, start: Start) -> None:
    upgrade_store(database_url)
    process = start(database_url, "dying", 3, "stall")
    said: IO[str] | None = process.stdout
    assert said is not None
    assert said.readline() == "stalled\n"
    process.send_signal(signal.SIGKILL)
    process.communicate()

    with open_store(database_url) as store:
        counts = rows_of(store)
        # Two versions of two models; of the third, nothing.
        assert (counts["version"], counts["analysis"]) == (4, 4)
        assert (counts["structure"], counts["cost"], counts["layer_cost"]) == (2, 2, 4)
        ingest(store.engine, [analysis(width=3)], model="shared", tag="next", now=NOW)
        stored = version_cost(store.engine, resolve(store.engine, "shared@next"))
        assert stored.graph == chain(width=3)
        assert stored.version.ordinal == 3 * ORDINAL_GAP


def test_a_writer_that_waits_too_long_says_so(sqlite_url: str, tmp_path: Path) -> None:
    with open_store(sqlite_url) as store:
        impatient = create_engine(sqlite_url, patience_seconds=0.05)
        with write_transaction(store.engine):
            began = time.monotonic()
            with pytest.raises(DatabaseUnavailable) as caught:
                ingest(impatient, [analysis()], model="m", tag="v1", now=NOW)
            assert time.monotonic() - began < 5
            # Readers are not kept waiting.
            assert history(impatient) == []
        impatient.dispose()
    assert (
        caught.value.message == f"the database {tmp_path / 'costs.db'} is locked by another program"
    )
    assert caught.value.hint


def test_no_writer_gets_between_what_a_writer_reads_and_writes(sqlite_url: str) -> None:
    # It would fail at once, whatever its patience: SQLITE_BUSY_SNAPSHOT, sqlite.org/rescode.html.
    with open_store(sqlite_url) as store:
        other = create_engine(sqlite_url, patience_seconds=0.01)
        with write_transaction(store.engine) as connection:
            connection.execute(select(schema.model)).all()
            with pytest.raises(DatabaseUnavailable):
                ingest(other, [analysis()], model="m", tag="other", now=NOW)
            connection.execute(
                insert(schema.model).values(
                    slug="first", description="", former_names="[]", created_at=NOW
                )
            )
        ingest(other, [analysis()], model="m", tag="other", now=NOW)
        other.dispose()


def test_several_processes_create_one_database(database_url: str, start: Start) -> None:
    code = f"from costdb.store import upgrade_store; upgrade_store({database_url!r})"
    processes = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    finish(processes)
    engine = create_engine(database_url)
    assert inspect_schema(engine).state is SchemaState.CURRENT
    engine.dispose()
    finish([start(database_url, "a", 1)])
