"""Clients that push: each a process of its own, `python -m builders.pushing URL TOKEN MODEL COUNT`.

It says a line for each version that the server acknowledged: its tag, and the seconds that it took.
Like any client, it waits for a server that is not there for a while.
"""

import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, Any, Self

import httpx
from builders.analyses import analysis, chain

from costdb.cost.engine import cost
from costdb.errors import ServerUnavailable
from costdb.pushing import push_document
from costdb.store import open_store

if TYPE_CHECKING:
    from costdb.client.connection import Connection

TESTS = Path(__file__).parents[1]
LAYERS = 20

# Retraining repeats a structure so often.
REPEATS = 10

PATIENCE_SECONDS = 60

Version = tuple[str, str]  # model and tag


def pushes(model: str, count: int) -> Iterator[dict[str, Any]]:
    """Versions of a model, as they are pushed."""
    document: dict[str, Any] = {}
    for number in range(count):
        if number % REPEATS == 0:
            graph = chain(LAYERS, width=8 + number // REPEATS)
            made = analysis(graph, cost=cost(graph))
            document = push_document([made], model=model, tag="")
        yield document | {"tag": f"v{number}"}


class Clients:
    """Clients that push at once, each versions of a model of its own. Use it as a context manager.

    Attributes:
        acknowledged: The seconds that a push took, by version.
    """

    def __init__(self, url: str, token: str, *, clients: int, versions: int) -> None:
        """Start them.

        Args:
            url: The server's.
            token: What they show.
            clients: How many.
            versions: How many all of them push.
        """
        self.acknowledged: dict[Version, float] = {}
        each = str(versions // clients)
        self._processes = {
            model: subprocess.Popen(
                [sys.executable, "-m", "builders.pushing", url, token, model, each],
                cwd=TESTS,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for model in (f"model-{number}" for number in range(clients))
        }
        self._threads = [Thread(target=self._listen, args=item) for item in self._processes.items()]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._processes.values():
            process.kill()
        self.failures()

    def wait_for(self, count: int) -> set[Version]:
        """Wait until so many versions, of all clients, are acknowledged, and return which."""
        while len(self.acknowledged) < count and any(t.is_alive() for t in self._threads):
            time.sleep(0.01)
        return set(self.acknowledged)

    def failures(self) -> list[str]:
        """Wait until all clients are done, and return what those said that gave up."""
        for thread in self._threads:
            thread.join()
        said = [process.communicate()[1] for process in self._processes.values()]
        return list(filter(None, said))

    def _listen(self, model: str, process: "subprocess.Popen[str]") -> None:
        assert process.stdout
        for line in process.stdout:
            tag, seconds = line.split()
            self.acknowledged[model, tag] = float(seconds)


def versions_of(database: str) -> set[Version]:
    """The versions that a database holds."""
    from sqlalchemy import select

    from costdb.store import schema

    with open_store(database) as store, store.engine.connect() as connection:
        query = select(schema.model.c.slug, schema.version.c.tag).join(schema.version)
        return {(row.slug, row.tag) for row in connection.execute(query)}


def main(url: str, token: str, model: str, count: int) -> None:
    from costdb.client.connection import Connection

    with Connection(url, token) as connection:
        for document in pushes(model, count):
            start = time.perf_counter()
            _push(connection, document)
            sys.stdout.write(f"{document['tag']} {time.perf_counter() - start:.6f}\n")
            sys.stdout.flush()


def _push(connection: "Connection", document: dict[str, Any]) -> None:
    """Push; a server that starts on a busy machine is not there for longer than clients wait."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            connection.post("/versions", document)
        except ServerUnavailable as error:
            is_starting = isinstance(error.__cause__, httpx.ConnectError)
            if not is_starting or time.monotonic() > deadline:
                raise
        else:
            return


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]))
