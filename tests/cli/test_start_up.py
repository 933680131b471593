"""What a command loads: `costdb --help` and `costdb history` load no engine and no plugin."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from builders.command_line import Costdb
from typer.main import get_command

from costdb.cli.commands import COMMANDS, application

# Not pydantic: Typer itself loads it to read a command's arguments.
HEAVY = ("alembic", "fastapi", "fsspec", "httpx", "keras", "keyring", "numpy", "onnx", "sqlalchemy",
         "tensorflow", "torch", "zstandard", "costdb_onnx", "costdb_tensorflow",
         "costdb_torch")  # fmt: skip


def loaded_by(arguments: list[str], folder: Path, asked: tuple[str, ...] = HEAVY) -> set[str]:
    """Which of some modules a command has loaded when it ends."""
    code = (
        "import sys\n"
        "from costdb.__main__ import main\n"
        f"sys.argv = ['costdb', *{arguments!r}]\n"
        "try:\n"
        "    main()\n"
        "except SystemExit:\n"
        "    pass\n"
        f"print(*[name for name in {asked!r} if name in sys.modules], file=sys.stderr)\n"
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


def test_history_of_a_server_loads_what_asks_it_and_no_database(tmp_path: Path) -> None:
    loaded = loaded_by(["history", "--to", "http://127.0.0.1:1"], tmp_path)
    assert loaded <= {"httpx", "keyring", "zstandard"}  # httpx takes zstandard where it is


def test_a_file_is_read_elsewhere(tmp_path: Path, onnx_file: Path) -> None:
    """The process that counts loads neither a plugin nor a framework: its child does."""
    assert loaded_by(["analyze", str(onnx_file)], tmp_path) == set()


def test_a_command_loads_no_other(tmp_path: Path) -> None:
    others = ("costdb.cli.accept", "costdb.cli.check", "costdb.cli.history", "costdb.cli.ingest")
    assert loaded_by(["history", "--help"], tmp_path, others) == {"costdb.cli.history"}


def test_the_help_lists_every_command(here: Costdb) -> None:
    listed = re.findall(r"^│ (\w+)  ", here("--help").out, re.MULTILINE)
    assert listed == list(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_says_of_a_command_what_the_command_says(name: str) -> None:
    listed = get_command(application(with_flags=False)).commands[name]  # type: ignore[attr-defined] # it is a group
    whole = get_command(application()).commands[name]  # type: ignore[attr-defined] # as above
    alone = get_command(application([name])).commands  # type: ignore[attr-defined] # as above
    assert listed.get_short_help_str() == whole.get_short_help_str() != ""
    assert list(alone) == [name]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        pytest.param(["analyze"], 0, id="read"),
        pytest.param(["analyze", "--dim", "no=3"], 1, id="a wrong binding"),
        pytest.param(["analyze", "--nonsense"], 2, id="an unknown flag"),
        pytest.param(["analyze", "--top", "many"], 2, id="a wrong value"),
        pytest.param(["explain", "--convention", "nonsense"], 2, id="an unknown convention"),
        pytest.param(["ingest"], 2, id="a missing flag"),
    ],
)
def test_nothing_that_was_started_is_left(
    costdb: Costdb, onnx_file: Path, tmp_path: Path, arguments: list[str], code: int
) -> None:
    # A reader sees variables of this name.
    marker = f"PYTHON_TEST_MARKER={tmp_path}"
    done = costdb(arguments[0], onnx_file, *arguments[1:], PYTHON_TEST_MARKER=str(tmp_path))
    assert done.code == code, done
    assert "Traceback" not in done.err
    assert not [pid for pid in Path("/proc").glob("[0-9]*") if marker in _environment(pid)]


def _environment(process: Path) -> str:
    try:
        return (process / "environ").read_text(errors="replace")
    except OSError:
        return ""  # it has ended, or is another user's
