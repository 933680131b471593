"""What was acknowledged is there, whatever becomes of the server."""

import time
from collections.abc import Callable
from contextlib import suppress

import httpx
import psutil
import pytest
from builders.analyses import NOW
from builders.pushing import Clients, versions_of
from builders.serving import Server, serving

from costdb.server.operations.running import HUNG_SECONDS
from costdb.store import open_store
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token

VERSIONS = 60
CLIENTS = 2


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    """A database with tables and nothing in them."""
    found: str = request.getfixturevalue(f"{request.param}_url")
    return found


@pytest.fixture
def secret(url: str) -> str:
    """A token that may push."""
    with open_store(url) as store:
        return create_token(store.engine, "ci", TokenScope.INGEST, now=NOW)[1]


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


def pushing(server: Server, secret: str) -> Clients:
    return Clients(server.url, secret, clients=CLIENTS, versions=VERSIONS)


def test_killed_and_started_again(url: str, secret: str) -> None:
    with serving(url) as server, pushing(server, secret) as clients:
        clients.wait_for(VERSIONS // 3)
        server.kill()
        assert clients.acknowledged.keys() <= versions_of(url)
        with serving(url, port=port_of(server)):
            assert clients.failures() == []
    assert len(clients.acknowledged) == VERSIONS
    assert versions_of(url) == set(clients.acknowledged)


@pytest.mark.parametrize("url", ["postgresql"], indirect=True)
def test_told_to_end_and_started_again(url: str, secret: str) -> None:
    with serving(url, "--workers", "2") as server, pushing(server, secret) as clients:
        clients.wait_for(VERSIONS // 3)
        assert server.terminate() == 0
        with serving(url, "--workers", "2", port=port_of(server)):
            assert clients.failures() == []
    assert versions_of(url) == set(clients.acknowledged)
    assert len(clients.acknowledged) == VERSIONS


def workers_of(server: Server) -> list[psutil.Process]:
    """The processes that answer; besides them there is one that looks after multiprocessing."""
    found = []
    for child in psutil.Process(server.process.pid).children():
        # One that died is a child until its parent looks, and has no command line.
        with suppress(psutil.NoSuchProcess):
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


@pytest.mark.parametrize("url", ["sqlite"], indirect=True)
def test_a_worker_that_dies_is_replaced(url: str, secret: str) -> None:
    with serving(url, "--workers", "2") as server, pushing(server, secret) as clients:
        clients.wait_for(VERSIONS // 3)
        before = workers_of(server)
        assert len(before) == 2
        before[0].kill()
        assert clients.failures() == []
        wait_for(lambda: len(set(workers_of(server)) - {before[0]}) == 2)
        counted = httpx.get(f"{server.url}/metrics", timeout=60).text
    assert versions_of(url) == set(clients.acknowledged)
    assert len(clients.acknowledged) == VERSIONS
    # Both workers' counts are there, and those of the one that died.
    created = next(line for line in counted.splitlines() if 'outcome="created"' in line)
    # What was under way when it died may be counted by both, or by neither.
    assert abs(float(created.split()[-1]) - VERSIONS) <= CLIENTS


def test_a_worker_that_dies_when_it_is_asked_is_replaced_at_once(sqlite_url: str) -> None:
    with serving(sqlite_url, "--workers", "2") as server:
        before = workers_of(server)
        assert len(before) == 2
        before[0].suspend()
        time.sleep(1.5)  # Its parent asks twice a second whether it is alive, and gets no answer.
        before[0].kill()
        wait_for(lambda: len(set(workers_of(server)) - {before[0]}) == 2, HUNG_SECONDS / 2)


def test_workers_end_with_their_parent(sqlite_url: str) -> None:
    with serving(sqlite_url, "--workers", "2") as server:
        wait_for(lambda: httpx.get(f"{server.url}/healthz", timeout=60).status_code == 200)
        workers = workers_of(server)
        assert len(workers) == 2
        server.kill()
        _, alive = psutil.wait_procs(workers, timeout=60)
        assert alive == []


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
