"""`costdb token` as its users have it, and what is never shown of a token."""

import json
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from builders.answering import Answer, answering
from builders.command_line import Costdb
from builders.keyring_in_folder import FILE_NAME

from costdb.client import connection
from costdb.store import open_store
from costdb.store.tokens import token_of

SECRET = "costdb_0123456789abcdef"  # noqa: S105 - nobody's


def test_a_secret_is_printed_once_and_alone(here: Costdb, tmp_path: Path) -> None:
    done = here("token", "create", "ci", "--scope", "ingest", "--model", "det*")
    assert done.code == 0, done
    secret = done.out.removesuffix("\n")
    assert secret.startswith("costdb_")
    assert " " not in secret
    assert done.err == "ci: ingest, models 'det*'; the secret is not shown again\n"
    with open_store(str(tmp_path / "costs.db")) as store:
        found = token_of(store.engine, secret)
    assert found is not None
    assert (found.name, found.scope.value, found.model_glob) == ("ci", "ingest", "det*")
    for output_format in ("table", "json", "csv", "markdown"):
        listed = here("token", "list", "--format", output_format)
        assert "ci" in listed.out
        assert secret[7:] not in listed.out + listed.err
    assert secret.encode()[7:] not in (tmp_path / "costs.db").read_bytes()


def test_tokens_are_listed_and_revoked(here: Costdb) -> None:
    assert "costdb token create" in here("db", "init").out + here("token", "list").out
    here("token", "create", "ci", "--scope", "ingest", "--expires", "90d")
    here("token", "create", "people", "--scope", "read", "--expires", "2999-01-31")
    revoked = here("token", "revoke", "ci", "--format", "json")
    assert json.loads(revoked.out)["state"] == "revoked"
    assert here("token", "revoke", "ci", "--format", "json").out == revoked.out
    listed = json.loads(here("token", "list", "--format", "json").out)["tokens"]
    states = [(one["name"], one["scope"], one["models"], one["state"]) for one in listed]
    assert states == [("ci", "ingest", "*", "revoked"), ("people", "read", "*", "in force")]
    assert listed[1]["expires_at"] == "2999-02-01T00:00:00+00:00"
    left = datetime.fromisoformat(listed[0]["expires_at"]) - datetime.now(UTC)
    assert timedelta(days=89, hours=23) < left < timedelta(days=90)
    rows = here("token", "list", "--format", "csv").out.splitlines()
    assert rows[0] == "name,scope,models,state,created,expires,revoked"
    assert len(rows) == 3


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param("create ci --scope read", 2, "there is a token 'ci' already", id="taken"),
        pytest.param("create two\twords --scope read", 2, "no name of a token", id="no name"),
        pytest.param("create a --scope root", 2, "root", id="no scope"),
        pytest.param("create a", 2, "--scope", id="a scope is needed"),
        pytest.param("create a --scope read --expires soon", 2, "'soon'", id="no time"),
        pytest.param("create a --scope read --expires 99999d", 0, "until", id="in centuries"),
        pytest.param("create a --scope read --expires 0d", 2, "expired at once", id="now"),
        pytest.param("create a --scope read --expires 9999-12-31", 2, "'9999-12-31'", id="the end"),
        pytest.param("create a --scope read --expires 2001-01-01", 2, "expired at once", id="past"),
        pytest.param("revoke nobody", 1, "there is no token 'nobody'", id="revoke nobody's"),
        pytest.param("list --db none.db", 1, "none.db", id="no database"),
    ],
)
def test_mistakes(here: Costdb, arguments: str, code: int, words: str) -> None:
    assert here("token", "create", "ci", "--scope", "read").code == 0
    done = here("token", *arguments.split(" "))
    assert done.code == code, done
    assert words in done.err
    assert "Traceback" not in done.err


def test_a_token_is_stored_from_a_pipe(costdb: Costdb, tmp_path: Path) -> None:
    builders = str(Path(__file__).parents[1])
    with answering(Answer(200, b'{"schema": "costdb.models/1", "models": []}')) as server:
        typed = f"{SECRET}\nand more\n"
        done = costdb("token", "login", server.url, stdin=typed, PYTHONPATH=builders)
        assert (done.code, done.err) == (0, "")
        assert SECRET not in done.out
        assert json.loads((tmp_path / FILE_NAME).read_text()) == {f"costdb {server.url}": SECRET}
        assert server.asked[0].headers["authorization"] == f"Bearer {SECRET}"
        assert costdb("token", "logout", server.url, PYTHONPATH=builders).code == 0
    assert json.loads((tmp_path / FILE_NAME).read_text()) == {}


@pytest.mark.parametrize("typed", ["", "two words\n", "\udcff\n"])
def test_what_is_no_token_is_refused(costdb: Costdb, typed: str) -> None:
    done = costdb("token", "login", "http://127.0.0.1:1", stdin=typed, PYTHONIOENCODING="utf-8")
    assert (done.code, done.out) == (2, "")
    assert done.err.startswith("error: that is no token: ")


@pytest.mark.parametrize(
    ("url", "status"),
    [
        pytest.param("", 200, id="a page"),
        pytest.param("", 302, id="a redirect"),
        pytest.param("", 401, id="refused"),
        pytest.param("", 500, id="broken"),
        pytest.param("http://127.0.0.1:1", 0, id="nobody"),
        pytest.param("https://costs.invalid", 0, id="no host"),
        pytest.param("http://costs.invalid", 0, id="others could read it"),
        pytest.param("https://ada:geheim@costs.invalid", 0, id="a password in the URL"),
        pytest.param("nonsense", 0, id="no URL"),
    ],
)
@pytest.mark.parametrize("command", ["history", "show net", "accept net --reason x"])
def test_an_error_is_one_line_and_no_secret(
    here: Costdb, monkeypatch: pytest.MonkeyPatch, url: str, status: int, command: str
) -> None:
    """Not even where tracebacks are asked for."""
    monkeypatch.setattr(connection, "_WRITE_PAUSES", ())
    answer = Answer(status, b"what", {"Location": "https://elsewhere.example"})
    with answering(answer) as server:
        arguments = (*command.split(), "--to", url or server.url)
        done = here(*arguments, COSTDB_TOKEN=SECRET)
        shown = here(*arguments, "--debug", COSTDB_TOKEN=SECRET)
    assert done.code == 1
    assert [line.partition(":")[0] for line in done.err.splitlines()] == ["error", "hint"]
    assert not done.out
    assert "Traceback" in shown.err
    assert SECRET not in done.err + shown.err
    assert "geheim" not in done.err + shown.err


def test_what_is_missing_is_named(tmp_path: Path) -> None:
    """Without the extra, the command says which one to install."""
    code = (
        "import sys\n"
        "sys.modules['httpx'] = None\n"
        "from costdb.cli.main import main\n"
        "sys.argv = ['costdb', 'history', '--to', 'https://costs.example']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "error: a server is asked with httpx, which is not installed",
        "hint: pip install 'costdb[client]'",
    ]
