"""Writes to a database and is killed at a certain step: `python -m builders.dying`.

Each line of its input, `OPERATION STEP URL`, is carried out by a child of its own, which ends by
SIGKILL at that step. The answer is a line: how the child ended, `killed` or `done`.
"""

import os
import signal
import sys
import traceback
from functools import cache
from importlib import import_module

from builders.disturbing import at_step
from builders.writing import OPERATIONS, exported

from costdb.store.database import create_engine


def die(_connection: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def carry_out(operation: str, step: int, url: str) -> int:
    """The exit code."""
    try:
        with at_step(step, die, ends=True):
            OPERATIONS[operation](url)
    except BaseException:  # noqa: BLE001 - the child must not go on as its parent
        traceback.print_exc()
        return 1
    return 0


@cache
def load_what_every_child_needs(url: str) -> None:
    import_module("alembic.command")
    exported()
    engine = create_engine(url)
    engine.connect().close()
    engine.dispose()


def main() -> None:
    for line in sys.stdin:
        operation, step, url = line.removesuffix("\n").split(" ", 2)
        load_what_every_child_needs(url)
        child = os.fork()
        if child == 0:
            os._exit(carry_out(operation, int(step), url))
        _, status = os.waitpid(child, 0)
        ended = os.waitstatus_to_exitcode(status)
        how = {-signal.SIGKILL: "killed", 0: "done"}.get(ended, f"failed: {ended}")
        sys.stdout.write(f"{how}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
