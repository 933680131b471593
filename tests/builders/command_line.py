"""The command line as its users have it: a process of its own, a database in a folder."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Costdb = Callable[..., Done]


def runner(folder: Path) -> Costdb:
    """Runs `costdb` in a folder, with the database costs.db there, and a pipe as its stdin."""
    environment = {key: value for key, value in os.environ.items() if "COSTDB" not in key}
    environment |= {"COSTDB_URL": str(folder / "costs.db"), "COLUMNS": "200"}

    def run(*arguments: str | Path, stdin: str = "", **variables: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "costdb", *map(str, arguments)],
            cwd=folder,
            env={**environment, **variables},
            input=stdin,
            capture_output=True,
            text=True,
            errors="surrogateescape",
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run


def runner_here(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Costdb:
    """The same in this process, which is many times as fast: `main` is the entry point.

    What ends a process or starts a fresh one is for `runner`.
    """
    from costdb.cli.main import main

    def run(*arguments: str | Path, **variables: str) -> Done:
        with monkeypatch.context() as patch:
            for name in [name for name in os.environ if "COSTDB" in name]:
                patch.delenv(name)
            given = {"COSTDB_URL": str(folder / "costs.db"), "COLUMNS": "200"} | variables
            for name, value in given.items():
                patch.setenv(name, value)
            patch.setattr(sys, "argv", ["costdb", *map(str, arguments)])
            # The one that `main` adds would warn of what later tests do, too.
            patch.setattr(logging.getLogger("costdb"), "handlers", [])
            patch.chdir(folder)
            capsys.readouterr()
            with pytest.raises(SystemExit) as ended:
                main()
        out, err = capsys.readouterr()
        code = ended.value.code
        return Done(code if isinstance(code, int) else int(code is not None), out, err)

    return run
