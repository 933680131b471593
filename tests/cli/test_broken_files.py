"""Broken, foreign and unreadable files: one line and a hint, exit code 1, nothing stored."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders.command_line import Costdb, Done

PLACES = 10


def assert_refused(done: Done) -> None:
    assert done.code == 1, done
    assert done.out == ""
    error, *hints = done.err.splitlines()
    assert error.startswith("error: ")
    assert len(hints) == 1, done.err
    assert hints[0].startswith("hint: ")
    assert "Traceback" not in done.err


def assert_nothing_stored(costdb: Costdb) -> None:
    done = costdb("models")
    assert done.code == 1
    assert "there is no database" in done.err


@pytest.mark.parametrize("place", range(PLACES))
@pytest.mark.parametrize("kind", ["onnx_file", "pb_file"])
def test_a_truncated_file(
    kind: str, place: int, costdb: Costdb, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    whole: Path = request.getfixturevalue(kind)
    cut = tmp_path / whole.name
    content = whole.read_bytes()
    cut.write_bytes(content[: len(content) * place // PLACES])
    assert_refused(costdb("ingest", cut, "--tag", "v1"))
    assert_nothing_stored(costdb)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("empty.pb", b"", "it is empty"),
        ("random.onnx", bytes(range(1, 256)) * 40, "binary data of no known format"),
        ("notes.pb", b"These are notes, and no model.\n" * 9, "it is text"),
        ("page.onnx", b"<!DOCTYPE html><html></html>", "it is markup"),
        ("archive.pb", b"PK\x03\x04" + bytes(64), "it is a zip archive"),
        ("big.onnx", b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
    ],
    ids=lambda value: value if isinstance(value, str) and "." in value else "",
)
def test_a_file_that_is_no_model(
    name: str, content: bytes, said: str, costdb: Costdb, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(content)
    done = costdb("ingest", name, "--tag", "v1")
    assert_refused(done)
    assert said in done.err
    assert_nothing_stored(costdb)


def test_a_directory(costdb: Costdb, tmp_path: Path) -> None:
    (tmp_path / "models").mkdir()
    done = costdb("ingest", "models", "--tag", "v1")
    assert_refused(done)
    assert "a folder" in done.err
    assert_nothing_stored(costdb)


def test_a_missing_file_names_the_one_that_was_meant(costdb: Costdb, onnx_file: Path) -> None:
    done = costdb("ingest", onnx_file.with_name("comv.onnx"), "--tag", "v1")
    assert_refused(done)
    assert "conv.onnx" in done.err.splitlines()[1]
    assert_nothing_stored(costdb)


def test_a_file_without_read_permission(costdb: Costdb, tmp_path: Path, onnx_file: Path) -> None:
    locked = tmp_path / "locked.onnx"
    locked.write_bytes(onnx_file.read_bytes())
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        # Root may read everything; a process that gave up that power may not.
        done = _unprivileged(locked, tmp_path)
    else:
        done = costdb("ingest", locked, "--tag", "v1")
    assert_refused(done)
    assert "may not be read" in done.err
    assert_nothing_stored(costdb)


def _unprivileged(file: Path, folder: Path) -> Done:
    lesser = "--bounding-set=-dac_override,-dac_read_search"
    command = ["setpriv", lesser, sys.executable, "-m", "costdb", "ingest", str(file), "--tag", "1"]
    environment = {**os.environ, "COSTDB_URL": str(folder / "costs.db")}
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return Done(done.returncode, done.stdout, done.stderr)


def test_a_traceback_is_printed_with_debug_alone(costdb: Costdb) -> None:
    assert "Traceback" not in costdb("analyze", "no.onnx").err
    assert "Traceback" in costdb("analyze", "no.onnx", "--debug").err
