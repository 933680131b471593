"""Writes to a database on a full disk: `python -m builders.full_disk FOLDER BEFORE OPERATION`.

The folder is a small disk. The operation is tried with more and more room, until there is enough.
What came of each attempt is printed as JSON.
"""

import json
import os
import sys
from pathlib import Path
from typing import Any

from builders.contents import contents
from builders.first_schema import create_first
from builders.writing import OPERATIONS, fill

from costdb.errors import DatabaseUnavailable
from costdb.store import open_store
from costdb.store.database import create_engine
from costdb.store.examination import examine

_BLOCK_BYTES = 4096
_BEFORE = {"fill": fill, "create_first": create_first}


def leave(free_bytes: int, folder: Path) -> None:
    """Fill the disk except for some bytes."""
    disk = os.statvfs(folder)
    (folder / "filling").write_bytes(bytes(disk.f_bavail * disk.f_frsize - free_bytes))


def attempt(operation: str, url: str) -> str:
    """The error, if there is one, and its hint."""
    try:
        OPERATIONS[operation](url)
    except DatabaseUnavailable as error:
        return f"{error.message}; {error.hint}"
    return ""


def main(folder: Path, before: str, operation: str) -> None:
    url = str(folder / "costs.db")
    _BEFORE[before](url)
    engine = create_engine(url)
    held = contents(engine)
    attempts: list[dict[str, Any]] = []
    while not attempts or attempts[-1]["error"]:
        leave(len(attempts) * _BLOCK_BYTES, folder)
        error = attempt(operation, url)
        (folder / "filling").unlink()
        files = sorted(file.name for file in folder.iterdir())
        attempts.append({"error": error, "unchanged": contents(engine) == held, "files": files})
    with open_store(url) as store:
        problems = [problem.text for problem in examine(store.engine)]
    sys.stdout.write(json.dumps({"attempts": attempts, "problems": problems}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
