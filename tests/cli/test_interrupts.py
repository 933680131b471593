"""Ctrl-C, and pipes that take their time, while a command writes to the database."""

import fcntl
import os
import signal
import sqlite3
import subprocess
import sys
import termios
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from builders.analyses import NOW, analysis, chain
from builders.command_line import Costdb
from builders.writing import exported, fill

from costdb.cost import RULES
from costdb.cost.engine import cost
from costdb.store import open_store
from costdb.store.write import ingest


@contextmanager
def started(folder: Path, *arguments: str) -> "Iterator[subprocess.Popen[str]]":
    """`costdb` in a process of its own, with a pipe to write to."""
    # What a shell runs in the background ignores SIGINT, and so would what it starts.
    command = ["/usr/bin/env", "--default-signal=INT", sys.executable, "-m", "costdb", *arguments]
    with subprocess.Popen(
        command,
        cwd=folder,
        env=os.environ | {"COSTDB_URL": str(folder / "costs.db")},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "nothing happened for a minute"
        time.sleep(0.02)


def write(process: "subprocess.Popen[str]", text: str) -> None:
    assert process.stdin is not None
    process.stdin.write(text)
    process.stdin.flush()


def is_read(process: "subprocess.Popen[str]") -> bool:
    """Whether a process waits for more of its pipe: nothing is left in it."""
    assert process.stdin is not None
    left = array("i", [0])
    fcntl.ioctl(process.stdin.fileno(), termios.FIONREAD, left)
    return left[0] == 0


def test_a_slow_pipe_keeps_nobody_waiting(here: Costdb, tmp_path: Path) -> None:
    fill(str(tmp_path / "costs.db"))
    half = len(exported()) // 2
    with started(tmp_path, "import", "-") as process:
        write(process, "".join(exported()[:half]))
        wait_until(lambda: is_read(process))
        # Others may write meanwhile, at once.
        done = here("alias", "set", "detector@v1", "prod")
        assert done.code == 0, done
        write(process, "".join(exported()[half:]))
        out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "2 version" in out
    assert here("db", "doctor").code == 0


def test_an_interrupted_import_is_none(here: Costdb, tmp_path: Path) -> None:
    fill(str(tmp_path / "costs.db"))
    before = here("export").out
    with started(tmp_path, "import", "-") as process:
        write(process, "".join(exported()[:-2]))
        wait_until(lambda: is_read(process))
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, "")
    assert err.splitlines() == [
        "error: interrupted",
        "hint: the database holds all rows or none: import them again",
    ]
    assert here("export").out == before


def test_an_interrupted_recost_keeps_what_it_counted(here: Costdb, tmp_path: Path) -> None:
    database = tmp_path / "costs.db"
    structures = 40
    with open_store(str(database)) as store:
        for width in range(1, structures + 1):
            graph = chain(50, width=width)
            made = analysis(graph, cost=replace(cost(graph), rules=RULES - 1))
            ingest(store.engine, [made], model="detector", tag=f"v{width}", now=NOW)

    with closing(sqlite3.connect(database, isolation_level=None, timeout=60)) as other:

        def counted() -> int:
            query = "SELECT count(*) FROM cost WHERE rules = ?"
            return int(other.execute(query, (RULES,)).fetchone()[0])

        with started(tmp_path, "recost") as process:
            wait_until(lambda: counted() > 0)
            other.execute("BEGIN IMMEDIATE")  # from here on it cannot write
            process.send_signal(signal.SIGINT)
            kept = counted()
            other.execute("ROLLBACK")
            _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert err.splitlines() == [
            "error: interrupted",
            "hint: what was counted is kept: costdb recost counts the rest",
        ]
        assert 0 < kept < structures
        assert counted() == kept
        assert here("db", "doctor").code == 0
        assert here("recost").code == 0
        assert counted() == structures
