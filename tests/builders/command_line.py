"""The command line as its users have it: a process of its own, a database in a folder."""

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Done:
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


Costdb = Callable[..., Done]


def runner(folder: Path) -> Costdb:
    """Runs `costdb` in a folder, with the database costs.db there."""
    environment = {key: value for key, value in os.environ.items() if "COSTDB" not in key}
    environment |= {"COSTDB_URL": str(folder / "costs.db"), "COLUMNS": "200"}

    def run(*arguments: str | Path, **variables: str) -> Done:
        done = subprocess.run(
            [sys.executable, "-m", "costdb", *map(str, arguments)],
            cwd=folder,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run
