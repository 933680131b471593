"""A database of the first schema, with rows in every table: every row lives through upgrades."""

import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from pathlib import Path

import pytest
from builders.contents import contents
from builders.disturbing import at_step
from builders.first_schema import FIRST, ROWS, create_first, kept
from builders.writing import LATER, counted
from sqlalchemy import Connection, Engine, inspect

from costdb.store import open_store, upgrade_store
from costdb.store.database import create_engine
from costdb.store.examination import examine
from costdb.store.history import history
from costdb.store.migrations import HEAD, SchemaState, downgrade, inspect_schema, upgrade
from costdb.store.write import ORDINAL_GAP, ingest


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """A database of the first schema."""
    create_first(database_url)
    engine = create_engine(database_url)
    yield engine
    engine.dispose()


def test_there_is_a_row_in_every_table(engine: Engine) -> None:
    assert all(ROWS.values())
    assert set(inspect(engine).get_table_names()) == {*ROWS, "alembic_version"}
    assert inspect_schema(engine).revision == FIRST
    assert kept(engine) == ROWS


def test_every_row_lives_through_an_upgrade_and_back(engine: Engine, database_url: str) -> None:
    upgrade(engine)
    assert inspect_schema(engine).state is SchemaState.CURRENT
    assert kept(engine) == ROWS
    assert list(examine(engine)) == []

    downgrade(engine, FIRST)
    assert inspect_schema(engine).revision == FIRST
    assert kept(engine) == ROWS

    upgrade_store(database_url)
    with open_store(database_url) as store:
        (series,) = history(store.engine, "detector")
        # v2 was archived.
        assert [version.tag for version in series.versions] == ["v1", "v3"]
        done = ingest(store.engine, [counted(8)], model="detector", tag="v4", now=LATER)
        assert done.ordinal == 4 * ORDINAL_GAP
        assert list(examine(store.engine)) == []


class Broken(Exception):
    """What goes wrong in the middle of a migration."""


def break_off(_connection: Connection) -> None:
    raise Broken


@pytest.mark.parametrize("verb", ["upgrade", "downgrade"])
def test_a_migration_that_fails_at_any_step_changes_nothing(engine: Engine, verb: str) -> None:
    if verb == "downgrade":
        upgrade(engine)
    held = contents(engine)

    def done_but_for(step: int) -> bool:
        """Whether it is done though something raises at a step: PostgreSQL's last is to unlock."""
        try:
            with at_step(step, break_off):
                if verb == "upgrade":
                    upgrade(engine)
                else:
                    downgrade(engine, FIRST)
        except Broken:
            return contents(engine) != held
        return True

    steps = next(step for step in count(1) if done_but_for(step))
    assert steps > 5
    assert inspect_schema(engine).revision == (HEAD if verb == "upgrade" else FIRST)
    assert kept(engine) == ROWS


def test_several_upgrades_at_once(engine: Engine, database_url: str, tmp_path: Path) -> None:
    code = "import sys; from costdb.store import upgrade_store; upgrade_store(sys.argv[1])"
    processes = [subprocess.Popen([sys.executable, "-c", code, database_url]) for _ in range(3)]
    assert [process.wait(120) for process in processes] == [0, 0, 0]
    assert inspect_schema(engine).state is SchemaState.CURRENT
    assert kept(engine) == ROWS
    assert list(examine(engine)) == []
    # One copy of the old file, and no half of another.
    backups = [file.name for file in tmp_path.iterdir() if not file.name.endswith(("-wal", "-shm"))]
    if engine.dialect.name == "sqlite":
        assert sorted(backups) == ["costs.db", f"costs.db.schema-{FIRST}.backup"]
        backup = create_engine(str(tmp_path / f"costs.db.schema-{FIRST}.backup"))
        assert kept(backup) == ROWS
        backup.dispose()
