"""Databases that cannot be used, as typed: one line, a hint, exit 1, and nothing changed."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from builders.command_line import Costdb
from builders.onnx_models import save_conv
from builders.writing import fill


def no_database(path: Path) -> None:
    path.write_bytes(b"\x08\x07an onnx model" * 999)


def half_of_one(path: Path) -> None:
    fill(str(path))
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def overwritten(path: Path) -> None:
    """Every page but the first holds something else."""
    fill(str(path))
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


def change(path: Path, statements: str) -> None:
    fill(str(path))
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(statements)


def without_tables(path: Path) -> None:
    change(path, "PRAGMA foreign_keys=OFF; DROP TABLE cost; DROP TABLE version")


def newer(path: Path) -> None:
    change(path, "UPDATE alembic_version SET version_num = '9999'")


@pytest.mark.parametrize(
    ("make", "message", "hint"),
    [
        pytest.param(Path.mkdir, "{} is a folder", "name a file", id="folder"),
        pytest.param(no_database, "the database {} is no SQLite database", "--db", id="model"),
        pytest.param(half_of_one, "the database {} is damaged", "restore a backup", id="cut-off"),
        pytest.param(overwritten, "the database {} is damaged", "restore a backup", id="damaged"),
        pytest.param(without_tables, "the database {} lacks a table", "restore", id="no-table"),
        pytest.param(newer, "the database {} has schema 9999", "pip install", id="newer"),
    ],
)
def test_it_is_one_line_and_a_hint(
    here: Costdb, tmp_path: Path, make: Callable[[Path], None], message: str, hint: str
) -> None:
    database = tmp_path / "costs.db"
    make(database)
    held = b"" if database.is_dir() else database.read_bytes()
    model = save_conv(tmp_path / "conv.onnx", (1, 3, 8, 8), (4, 3, 3, 3), bias=True)
    for command in (
        ["ingest", model, "--tag", "v9"],
        ["history", "detector"],
        ["alias", "set", "detector@v1", "prod"],
        ["recost"],
        ["export", "-o", "costs.jsonl"],
        ["db", "doctor"],
    ):
        done = here(*command)
        assert (done.code, done.out) == (1, ""), done
        said, help_, *rest = done.err.splitlines()
        assert said.startswith(f"error: {message.format(database)}")
        assert help_.startswith("hint: ")
        assert hint in help_
        assert rest == []
    assert database.is_dir() or database.read_bytes() == held
    assert not (tmp_path / "costs.jsonl").exists()
