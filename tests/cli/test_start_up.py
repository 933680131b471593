"""What a command loads: `costdb --help` and `costdb history` load no engine and no plugin."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

# Not pydantic: Typer itself loads it to read a command's arguments.
HEAVY = ("alembic", "fsspec", "keras", "numpy", "onnx", "sqlalchemy", "tensorflow",
         "torch", "zstandard", "costdb_onnx", "costdb_tensorflow", "costdb_torch")  # fmt: skip


def loaded_by(arguments: list[str], folder: Path) -> set[str]:
    """Which heavy modules a command has loaded when it ends."""
    code = (
        "import sys\n"
        "from costdb.cli.main import main\n"
        f"sys.argv = ['costdb', *{arguments!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print(*[name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)\n"
    )
    environment = {**os.environ, "COSTDB_URL": str(folder / "costs.db")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return set(done.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["history", "--help"]])
def test_help_loads_nothing_heavy(arguments: list[str], tmp_path: Path) -> None:
    assert loaded_by(arguments, tmp_path) == set()


def test_history_loads_the_database_and_nothing_else(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "costdb", "db", "init", "--db", str(tmp_path / "costs.db")],
        check=True,
        capture_output=True,
    )
    assert loaded_by(["history"], tmp_path) <= {"sqlalchemy", "zstandard"}


def test_a_file_is_read_elsewhere(tmp_path: Path, onnx_file: Path) -> None:
    """The process that counts loads neither a plugin nor a framework: its child does."""
    assert loaded_by(["analyze", str(onnx_file)], tmp_path) == set()
