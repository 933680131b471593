"""Opening a database, and what is said where that cannot be done."""

import ctypes
import os
import shutil
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from builders.analyses import NOW, analysis
from sqlalchemy import Engine

from costdb.errors import ConfigurationError, DatabaseUnavailable, SchemaMismatch
from costdb.store import Store, filesystem, open_store, upgrade_store
from costdb.store.database import choose_journal
from costdb.store.history import history
from costdb.store.records import IngestOutcome
from costdb.store.write import ingest

Add = Callable[..., IngestOutcome]


def pragma(engine: Engine, name: str) -> object:
    with engine.connect() as connection:
        return connection.exec_driver_sql(f"PRAGMA {name}").scalar()


def filled(path: Path) -> None:
    """A database with one version."""
    with open_store(str(path)) as store:
        ingest(store.engine, [analysis()], model="m", tag="v1", now=NOW)


class TestSqlite:
    def test_a_file_is_created_with_its_folder(self, tmp_path: Path) -> None:
        path = tmp_path / "a folder" / "costs.db"
        with open_store(f"sqlite:///{path}") as store:
            assert (store.backend, store.location) == ("sqlite", str(path))
            assert store.notes == ()
        assert path.exists()

    def test_a_plain_path_will_do(self, tmp_path: Path) -> None:
        path = tmp_path / "50% ?#&.db"
        filled(path)
        with open_store(str(path), create=False) as store:
            assert store.location == str(path)
            assert len(history(store.engine)) == 1
        assert [entry.name for entry in tmp_path.iterdir()] == [path.name]

    def test_settings_that_keep_it_whole_and_fast(self, sqlite_url: str) -> None:
        with open_store(sqlite_url) as store:
            found = [
                pragma(store.engine, name)
                for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
            ]
        assert found == ["wal", 1, 1, 30_000]  # synchronous 1 is NORMAL

    def test_reading_creates_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(DatabaseUnavailable) as caught:
            open_store(str(tmp_path / "no" / "costs.db"), create=False)
        assert caught.value.message.startswith("there is no database")
        assert "costdb ingest" in caught.value.hint
        assert list(tmp_path.iterdir()) == []

    def test_an_empty_file_is_filled_by_writers_only(self, tmp_path: Path) -> None:
        path = tmp_path / "costs.db"
        path.touch()
        with pytest.raises(SchemaMismatch) as caught:
            open_store(str(path), create=False)
        assert caught.value.hint == "costdb db init"
        open_store(str(path)).close()

    @pytest.mark.parametrize(
        ("content", "error", "message"),
        [
            pytest.param(b"\x08\x07model" * 999, DatabaseUnavailable, "is no SQLite", id="model"),
            pytest.param(b"", DatabaseUnavailable, "is a folder", id="folder"),
        ],
    )
    def test_what_is_no_database(
        self, tmp_path: Path, content: bytes, error: type[Exception], message: str
    ) -> None:
        path = tmp_path / "model.onnx"
        if content:
            path.write_bytes(content)
        else:
            path.mkdir()
        with pytest.raises(error, match=message):
            open_store(str(path))
        assert not content or path.read_bytes() == content

    def test_another_programs_database_is_left_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "other.db"
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE bookmark (id INTEGER)")
        connection.close()
        before = path.read_bytes()
        for attempt in (open_store, upgrade_store):
            with pytest.raises(SchemaMismatch, match="another program"):
                attempt(str(path))
        assert path.read_bytes() == before

    def test_a_truncated_file(self, tmp_path: Path) -> None:
        path = tmp_path / "costs.db"
        filled(path)
        path.write_bytes(path.read_bytes()[:5000])
        with pytest.raises(DatabaseUnavailable, match="is damaged"):
            open_store(str(path))

    @pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
    def test_memory_keeps_nothing(self, url: str) -> None:
        with pytest.raises(ConfigurationError, match="keep nothing"):
            open_store(url)

    def test_options_are_refused(self, sqlite_url: str) -> None:
        with pytest.raises(ConfigurationError, match="options"):
            open_store(f"{sqlite_url}?mode=ro")

    def test_a_folder_that_cannot_be_made(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(DatabaseUnavailable, match="cannot be created"):
            open_store(str(tmp_path / "file" / "sub" / "costs.db"))

    def test_a_network_file_system_has_no_write_ahead_log(
        self, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with open_store(sqlite_url):
            pass
        mounts = tmp_path / "mountinfo"
        mounts.write_text(f"31 22 0:26 / {tmp_path} rw - nfs4 nas:/team rw\n")
        # Its default is bound already.
        monkeypatch.setattr(filesystem.network_type, "__defaults__", (mounts,))
        with open_store(sqlite_url) as store:
            assert pragma(store.engine, "journal_mode") == "delete"
            assert len(store.notes) == 1
            assert "nfs4" in store.notes[0]
            assert choose_journal(store.engine) == store.notes[0]


READ_ONLY_SCRIPT = """
import sys
from builders.analyses import NOW, analysis
from costdb.errors import CostdbError
from costdb.store import open_store
from costdb.store.history import history
from costdb.store.write import ingest

try:
    with open_store(sys.argv[1], create=sys.argv[2] == "ingest") as store:
        if sys.argv[2] == "ingest":
            ingest(store.engine, [analysis(width=16)], model="m", tag="v2", now=NOW)
        print(len(history(store.engine)[0].versions))
except CostdbError as error:
    print(f"{type(error).__name__}: {error.message}")
"""


def lose_power_over_permissions() -> None:
    """Root may read and write all by two capabilities that it can give away: capabilities(7)."""
    pr_capbset_drop, cap_dac_override, cap_dac_read_search = 24, 1, 2
    for capability in (cap_dac_override, cap_dac_read_search):
        ctypes.CDLL(None).prctl(pr_capbset_drop, capability, 0, 0, 0)


def as_an_ordinary_user(path: Path, verb: str) -> str:
    """Reads or ingests in a process that permissions hold for; returns what it says."""
    return subprocess.run(
        [sys.executable, "-c", READ_ONLY_SCRIPT, str(path), verb],
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        preexec_fn=lose_power_over_permissions,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


class TestReadOnly:
    @pytest.mark.parametrize(
        ("file_mode", "folder_mode"),
        [
            pytest.param(0o444, 0o755, id="file"),
            pytest.param(0o644, 0o555, id="folder"),
            pytest.param(0o444, 0o555, id="both"),
        ],
    )
    def test_it_is_read_but_not_written(
        self, tmp_path: Path, file_mode: int, folder_mode: int
    ) -> None:
        folder = tmp_path / "shared"
        path = folder / "costs.db"
        filled(path)
        path.chmod(file_mode)
        folder.chmod(folder_mode)
        assert as_an_ordinary_user(path, "read") == "1"
        said = as_an_ordinary_user(path, "ingest")
        folder.chmod(0o755)
        assert said == f"DatabaseUnavailable: the database {path} is read-only"
        assert as_an_ordinary_user(path, "read") == "1"

    def test_a_file_that_may_not_be_read(self, tmp_path: Path) -> None:
        path = tmp_path / "costs.db"
        filled(path)
        path.chmod(0)
        assert as_an_ordinary_user(path, "read").startswith("DatabaseUnavailable: ")

    def test_a_folder_where_nothing_may_be_created(self, tmp_path: Path) -> None:
        folder = tmp_path / "shared"
        folder.mkdir(mode=0o555)
        said = as_an_ordinary_user(folder / "costs.db", "ingest")
        assert said == f"DatabaseUnavailable: the database {folder / 'costs.db'} cannot be opened"
        assert list(folder.iterdir()) == []


def test_a_full_disk_is_an_error_message(sqlite_url: str, tmp_path: Path) -> None:
    filled(tmp_path / "costs.db")
    with open_store(sqlite_url) as store:
        pages = pragma(store.engine, "page_count")
        pool = store.engine.pool
        with store.engine.connect() as connection:
            # A page limit gives the error of a full disk.
            connection.connection.driver_connection.execute(  # type: ignore[union-attr] # sqlite3's
                f"PRAGMA max_page_count={pages}"
            )
        assert pool.checkedin() == 1  # type: ignore[attr-defined] # a queue; the limit is its
        with pytest.raises(DatabaseUnavailable, match="disk that is full"):
            ingest(
                store.engine,
                [analysis(width=900, warnings=("x" * 100_000,))],
                model="m",
                tag="v2",
                now=NOW,
            )
        assert len(history(store.engine)[0].versions) == 1


class TestPostgresql:
    def test_an_empty_database_has_to_be_initialised(self, postgresql_url: str) -> None:
        with pytest.raises(SchemaMismatch) as caught:
            open_store(postgresql_url)
        assert caught.value.hint == "costdb db init"
        done = upgrade_store(postgresql_url)
        assert (done.before, done.copy) == (None, None)
        with open_store(postgresql_url) as store:
            assert store.backend == "postgresql"
            assert store.revision == done.after

    def test_both_spellings_of_its_name(self, postgresql_url: str) -> None:
        upgrade_store(postgresql_url)
        for name in ("postgres://", "postgresql+psycopg://"):
            open_store(postgresql_url.replace("postgresql://", name)).close()

    def test_a_server_that_is_not_there_and_the_password(self) -> None:
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            port = unused.getsockname()[1]
        with pytest.raises(DatabaseUnavailable) as caught:
            open_store(f"postgresql://ada:s3cret@127.0.0.1:{port}/costs?application_name=s3cret")
        said = caught.value.message + caught.value.hint
        assert f"postgresql://ada@127.0.0.1:{port}/costs cannot be reached" in said
        assert "s3cret" not in said

    def test_a_database_that_does_not_exist(self, postgresql_url: str) -> None:
        url = postgresql_url.replace("/costdb_", "/absent_")
        with pytest.raises(DatabaseUnavailable, match="absent_"):
            open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://ada:s3cret@db/costs",
        "postgresql+psycopg2://ada:s3cret@db/costs",
        "postgresql://ada:s3cret@db:port/costs",
        "://s3cret",
    ],
)
def test_urls_that_name_no_database(url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        open_store(url)
    assert "s3cret" not in caught.value.message
    assert "postgresql://" in caught.value.hint
    assert caught.value.__cause__ is None


def test_a_store_says_where_it_is_without_a_password(store: Store) -> None:
    assert store.location
    assert "?" not in store.location
    if store.backend == "postgresql":
        assert store.location.startswith("postgresql://postgres@/costdb_")


def loaded(code: str, *arguments: str) -> set[str]:
    """The modules that a process has loaded after some code."""
    code += "\nimport sys; print(*sys.modules)"
    return set(
        subprocess.run(
            [sys.executable, "-c", code, *arguments], check=True, capture_output=True, text=True
        ).stdout.split()
    )


def test_records_load_no_database() -> None:
    assert not {"sqlalchemy", "alembic"} & loaded("import costdb.store.records")


def test_history_loads_no_more_than_it_needs(tmp_path: Path) -> None:
    filled(tmp_path / "costs.db")
    modules = loaded(
        "import sys\n"
        "from costdb.store import open_store\n"
        "from costdb.store.history import history\n"
        "with open_store(sys.argv[1], create=False) as store: assert history(store.engine)",
        str(tmp_path / "costs.db"),
    )
    assert "sqlalchemy" in modules
    heavy = "alembic mako psycopg zstandard pydantic tomllib fsspec numpy"
    assert not {*heavy.split(), "sqlalchemy.dialects.postgresql"} & modules


def test_a_moved_file_is_the_same_database(tmp_path: Path) -> None:
    filled(tmp_path / "costs.db")
    shutil.move(tmp_path / "costs.db", tmp_path / "moved.db")
    with open_store(str(tmp_path / "moved.db"), create=False) as store:
        assert len(history(store.engine)) == 1
