"""Kills processes that ingest: `python -m builders.killing URL FILE KILLS SEED`.

A few processes ingest through `costdb.api`, one version after the other, each of a structure of its
own, all of one model. A line `NAME NUMBER` says that the version `NAME-NUMBER` was stored: it is
written after `ingest` returned. Whenever one is killed, another one takes its place.
"""

import os
import random
import signal
import sys
import time
import traceback
from typing import NoReturn

from costdb import api
from costdb.reading import Reading
from costdb.store import open_store

WRITERS = 3
MODEL = "detector"

# An ingest takes about a quarter of a second, several at once take longer.
LONGEST_LIFE_SECONDS = 0.5


def ingest(url: str, file: str, name: str, number: int) -> api.Ingested:
    """Store one version: two operating points of which one has a structure of its own."""
    batch = int(name) * 100 + number + 2
    reading = Reading(at=["default:batch=1", f"large:batch={batch}"])
    return api.ingest(file, reading, tag=f"{name}-{number}", model=MODEL, database=url)


def write_for_ever(url: str, file: str, name: str) -> NoReturn:
    number = 0
    while True:
        ingest(url, file, name, number)
        # One call, so that lines of several processes do not mix: pipe(7).
        os.write(sys.stdout.fileno(), f"{name} {number}\n".encode())
        number += 1


def start(url: str, file: str, name: str) -> int:
    """The number of a new process."""
    child = os.fork()
    if child == 0:
        try:
            write_for_ever(url, file, name)
        finally:
            traceback.print_exc()
            os._exit(1)
    return child


def main(url: str, file: str, kills: int, seed: int) -> None:
    open_store(url).close()  # what every writer loads
    chance = random.Random(seed)  # noqa: S311 - moments, not secrets
    names = iter(map(str, range(kills + WRITERS)))
    writers = [start(url, file, next(names)) for _ in range(WRITERS)]
    for _ in range(kills):
        time.sleep(chance.uniform(0, LONGEST_LIFE_SECONDS))
        victim = writers.pop(chance.randrange(WRITERS))
        os.kill(victim, signal.SIGKILL)
        writers.append(start(url, file, next(names)))
        ended = os.waitstatus_to_exitcode(os.waitpid(victim, 0)[1])
        assert ended == -signal.SIGKILL, ended
    for writer in writers:
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
