"""Streams that are closed, or have no room, as a shell leaves them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders.command_line import Costdb, Done


@pytest.fixture
def filled(here: Costdb, onnx_file: Path, tmp_path: Path) -> Path:
    """A folder with a database of one version."""
    assert here("ingest", onnx_file, "--model", "detector", "--tag", "v1").code == 0
    return tmp_path


def run(folder: Path, command: str, streams: str) -> Done:
    """What a command says whose streams a shell has redirected so."""
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$0" -m costdb {command} {streams}', sys.executable],
        cwd=folder,
        env={**os.environ, "COSTDB_URL": str(folder / "costs.db")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Done(done.returncode, done.stdout, done.stderr)


@pytest.mark.parametrize(
    ("streams", "reason"),
    [
        pytest.param(">/dev/full", "No space left on device", id="full"),
        pytest.param(">&-", "Bad file descriptor", id="closed"),
        pytest.param("0<&- >&-", "Bad file descriptor", id="closed, and stdin"),
    ],
)
@pytest.mark.parametrize(
    "command", ["export", "history", "models", "models --format json", "--help", "--version"]
)
def test_a_stdout_that_cannot_be_written_is_said(
    filled: Path, command: str, streams: str, reason: str
) -> None:
    done = run(filled, command, streams)
    assert done.code == 1
    assert done.err.splitlines() == [
        f"error: stdout cannot be written: {reason}",
        "hint: free some space, or send it elsewhere",
    ]


@pytest.mark.parametrize(
    ("command", "streams", "code"),
    [
        ("history detector --format json", "2>&-", 0),
        ("history nothing --format json", "2>&-", 1),
        ("history detector --format json", "0<&- 2>&-", 0),
        ("alias remove detector@prod", "0<&- >&- 2>&-", 1),
    ],
)
def test_the_other_streams_are_not_missed(
    filled: Path, command: str, streams: str, code: int
) -> None:
    done = run(filled, command, streams)
    assert done.code == code
    assert "error" not in done.out + done.err


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ("import -", 1, "the export ends too early"),
        ("token login http://127.0.0.1:1", 2, "that is no token"),
    ],
)
def test_a_closed_stdin_is_empty(filled: Path, command: str, code: int, message: str) -> None:
    done = run(filled, command, "0<&-")
    assert (done.code, done.out) == (code, "")
    assert message in done.err
    assert "bug" not in done.err
