"""The server under load: clients that push while others read, and a server that is killed."""

import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from statistics import quantiles
from threading import Event

import httpx
from builders.postgresql import create_database, postgresql
from builders.pushing import LAYERS, REPEATS, Clients, versions_of
from builders.serving import serving

from costdb.store import open_store, upgrade_store
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token

VERSIONS = 5_000
CLIENTS = 8
READERS = 4
WORKERS = (1, 2)

_ABOUT = (
    f"{CLIENTS} clients, each a process with a model of its own, push {VERSIONS:,} versions of"
    f" {LAYERS} layers over loopback, whose structure changes with every {REPEATS}th; meanwhile"
    f" {READERS} clients read the whole history of a model, again and again without a pause."
    " Clients, server and database share the machine. The server counts each push again. Lost is"
    " what was acknowledged and is not in the database afterwards."
)
_KILLED = (
    "The same pushes without readers; the server is killed (SIGKILL) when half of them are"
    " acknowledged, and started again. What was acknowledged by then is looked up before it is."
)


def page(_folder: Path) -> str:
    """Push to every backend, kill its server, and describe it in Markdown."""
    loaded = [
        "| database | workers | pushes | p50 | p99 | reads | p50 | p99 | lost | errors |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    killed = [
        "| database | acknowledged, then killed | lost | back after | lost in the end | errors |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    with (
        tempfile.TemporaryDirectory(prefix="costdb-bench-") as folder,
        postgresql(survives_a_crash=True) as server,
    ):
        databases: dict[str, Callable[[str], str]] = {
            "SQLite": lambda name: f"sqlite:///{folder}/{name}.db",
            "PostgreSQL": lambda name: create_database(server, name),
        }
        for backend, make in databases.items():
            for workers in WORKERS:
                loaded.append(_loaded(backend, make(f"load{workers}"), workers))
                print(loaded[-1], file=sys.stderr, flush=True)
            killed.append(_killed(backend, make("kill")))
            print(killed[-1], file=sys.stderr, flush=True)
    return "\n\n".join([_ABOUT, "\n".join(loaded), _KILLED, "\n".join(killed)])


def _loaded(backend: str, url: str, workers: int) -> str:
    token = _prepare(url)
    reads: list[float] = []
    errors: list[str] = []
    done = Event()
    with (
        serving(url, "--workers", str(workers)) as server,
        ThreadPoolExecutor(READERS) as pool,
        Clients(server.url, token, clients=CLIENTS, versions=VERSIONS) as clients,
    ):
        # Clients take a while to start, and are not what is measured.
        clients.wait_for(1)
        start = time.perf_counter()
        for number in range(READERS):
            pool.submit(_read, f"{server.url}/api/v1/history", number, done, reads, errors)
        try:
            errors += clients.failures()
            seconds = time.perf_counter() - start
        finally:
            done.set()
    lost = len(set(clients.acknowledged) - versions_of(url))
    return (
        f"| {backend} | {workers} | {len(clients.acknowledged) / seconds:,.0f}/s"
        f" | {_milliseconds(clients.acknowledged.values())} | {len(reads) / seconds:,.0f}/s"
        f" | {_milliseconds(reads)} | {lost} | {len(errors)} |"
    )


def _killed(backend: str, url: str) -> str:
    token = _prepare(url)
    with (
        serving(url) as server,
        Clients(server.url, token, clients=CLIENTS, versions=VERSIONS) as clients,
    ):
        clients.wait_for(VERSIONS // 2)
        server.kill()
        acknowledged = set(clients.acknowledged)
        lost = len(acknowledged - versions_of(url))
        start = time.perf_counter()
        with serving(url, port=int(server.url.rpartition(":")[2])):
            seconds = time.perf_counter() - start
            errors = clients.failures()
    missing = VERSIONS - len(versions_of(url) & set(clients.acknowledged))
    return (
        f"| {backend} | {len(acknowledged):,} | {lost} | {seconds:.1f} s | {missing}"
        f" | {len(errors)} |"
    )


def _prepare(url: str) -> str:
    """Make tables, and a token that may push."""
    upgrade_store(url)
    with open_store(url) as store:
        now = datetime.now(UTC)
        return create_token(store.engine, "clients", TokenScope.INGEST, now=now)[1]


def _read(url: str, number: int, done: Event, seconds: list[float], errors: list[str]) -> None:
    with httpx.Client(timeout=60) as client:
        while not done.is_set():
            start = time.perf_counter()
            try:
                answer = client.get(url, params={"model": f"model-{number}"})
            except httpx.TransportError as error:
                errors.append(repr(error))
                continue
            seconds.append(time.perf_counter() - start)
            if answer.status_code not in {200, 404}:  # 404: nobody has pushed it yet
                errors.append(answer.text)


def _milliseconds(seconds: Iterable[float]) -> str:
    """The median and the 99th percentile, as two cells."""
    cuts = quantiles(seconds, n=100)
    return f"{1000 * cuts[49]:.0f} ms | {1000 * cuts[98]:.0f} ms"
