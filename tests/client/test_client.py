"""What a client makes of servers that are slow, broken, elsewhere, or none."""

import gzip
import inspect
import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import keyring
import pytest
from builders.analyses import analysis
from builders.answering import LOST, Answer, answering, losing
from builders.keyring_in_folder import LockedKeyring
from builders.series import save_detector
from builders.serving import serving
from keyring.backends.fail import Keyring as NoKeyring

from costdb import api, batch, client, errors, maintenance
from costdb.client import connection as connecting
from costdb.client.address import keeps_secrets, server_url
from costdb.errors import (
    AccessDenied,
    ArtifactError,
    ConfigurationError,
    CostdbError,
    ServerUnavailable,
    UsageError,
    VersionConflict,
)
from costdb.store.records import TokenScope

SECRET = "costdb_0123456789abcdef"  # noqa: S105 - nobody's
NO_HISTORY = b'{"schema": "costdb.history/1", "series": []}'
EMPTY = Answer(200, NO_HISTORY)


def problem(status: int, kind: str, error: str = "so it is", **headers: str) -> Answer:
    body = json.dumps({"kind": kind, "error": error, "hint": "do this"}).encode()
    return Answer(status, body, {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder without costdb.toml, with an empty keyring, and no time to wait."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("COSTDB_TOKEN", raising=False)
    monkeypatch.delenv("COSTDB_SERVER", raising=False)
    monkeypatch.setenv("USER", "ada")
    monkeypatch.setattr(connecting, "_READ_PAUSES", (0.0,))
    monkeypatch.setattr(connecting, "_WRITE_PAUSES", (0.0,) * 4)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://costs.example", "https://costs.example"),
        ("HTTPS://Costs.Example:8443/", "https://costs.example:8443"),
        ("http://[::1]:8765/costs/", "http://[::1]:8765/costs"),
    ],
)
def test_a_server_has_one_url(text: str, url: str) -> None:
    assert server_url(text) == url


@pytest.mark.parametrize(
    "text",
    [
        "costs.example", "ftp://costs.example", "https://", "https://[", "https://a:99999",
        "https://a.example?token=x", "https://a.example/#x", "https://a b.example", "https://a\n",
    ],
)  # fmt: skip
def test_what_is_no_url_of_a_server_is_refused(text: str) -> None:
    with pytest.raises(ConfigurationError):
        server_url(text)


def test_a_password_in_a_url_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError) as refused:
        server_url("https://ada:geheim@costs.example")
    assert "geheim" not in f"{refused.value.message} {refused.value.hint}"


@pytest.mark.parametrize(
    ("url", "is_safe"),
    [
        ("https://costs.example", True),
        ("http://127.0.0.1:8765", True),
        ("http://127.9.9.9", True),
        ("http://[::1]", True),
        ("http://localhost:1", True),
        ("http://costs.example", False),
        ("http://localhost.example", False),
        ("http://10.0.0.1", False),
    ],
)
def test_only_https_and_this_machine_keep_secrets(url: str, is_safe: bool) -> None:  # noqa: FBT001
    assert keeps_secrets(url) is is_safe


@pytest.mark.parametrize(
    ("answer", "kind", "words"),
    [
        pytest.param(Answer(200, b"<!doctype html>"), ServerUnavailable, "not as a", id="a page"),
        pytest.param(Answer(200, b"{}"), ServerUnavailable, "not understand", id="other JSON"),
        pytest.param(Answer(200, NO_HISTORY[:-9]), ServerUnavailable, "not as a", id="cut off"),
        pytest.param(Answer(200, b"[" * 100_000), ServerUnavailable, "not as a", id="deep JSON"),
        pytest.param(Answer(200, b'{"schema": "costdb.history/2", "series": []}'),
                     ServerUnavailable, "not understand", id="another schema"),
        pytest.param(Answer(404, b"nothing here"), ServerUnavailable, "404", id="no such path"),
        pytest.param(problem(404, "HTTPException", "Not Found"), ServerUnavailable,
                     "does not understand this costdb", id="an older server"),
        pytest.param(Answer(302, b"", {"Location": "https://a.example/"}), ServerUnavailable,
                     "https://a.example/", id="a redirect"),
        pytest.param(Answer(304), ServerUnavailable, "304", id="a redirect to nowhere"),
        pytest.param(problem(401, "HTTPException", "revoked"), AccessDenied, "revoked", id="401"),
        pytest.param(problem(403, "AccessDenied"), AccessDenied, "so it is", id="403"),
        pytest.param(Answer(403), AccessDenied, "denies access", id="403 of a proxy"),
        pytest.param(Answer(413), ArtifactError, "more than", id="413"),
        pytest.param(problem(409, "VersionConflict"), VersionConflict, "so it is", id="409"),
        pytest.param(problem(422, "UsageError"), UsageError, "so it is", id="422"),
        pytest.param(problem(422, "SystemExit"), ServerUnavailable, "so it is", id="no such error"),
        pytest.param(problem(422, "Any"), ServerUnavailable, "so it is", id="no error at all"),
        pytest.param(Answer(500, b"oh"), ServerUnavailable, "fails: 500", id="500"),
        pytest.param(problem(503, "DatabaseUnavailable"), errors.DatabaseUnavailable, "so it is",
                     id="503"),
        pytest.param(Answer(502, b"<html>"), ServerUnavailable, "fails: 502", id="a proxy's 502"),
        pytest.param(LOST, ServerUnavailable, "cannot be reached", id="no answer"),
    ],
)  # fmt: skip
def test_an_answer_that_is_none_is_an_error(
    answer: Answer, kind: type[CostdbError], words: str
) -> None:
    with answering(answer) as server, pytest.raises(CostdbError) as raised:
        client.history(database=server.url)
    assert type(raised.value) is kind
    assert words in raised.value.message
    assert "\n" not in raised.value.message
    assert raised.value.hint


def test_nobody_listens() -> None:
    with answering(EMPTY) as server:
        url = server.url
    with pytest.raises(ServerUnavailable, match="nobody listens there"):
        client.history(database=url)


def test_no_such_host() -> None:
    with pytest.raises(ServerUnavailable, match="there is no such host"):
        client.history(database="https://costs.invalid")


def test_no_server_is_named() -> None:
    with pytest.raises(UsageError):
        client.history()


def test_a_server_is_named_by_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    with answering(EMPTY) as server:
        monkeypatch.setenv("COSTDB_SERVER", f"{server.url}/")
        assert client.history("a.b", points=["x y&/"], archived=True, last=3) == []
    asked = urlsplit(server.asked[0].path)
    assert asked.path == "/api/v1/history"
    assert parse_qs(asked.query) == {
        "model": ["a.b"], "point": ["x y&/"], "archived": ["True"], "last": ["3"],
    }  # fmt: skip


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate of 127.0.0.1 that nobody vouches for, with its key."""
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "costs.example")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = tmp_path_factory.mktemp("tls") / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_a_certificate_has_to_be_trusted(
    certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with answering(EMPTY, certificate=str(certificate)) as server:
        with pytest.raises(ServerUnavailable, match="its certificate is not to be trusted"):
            client.history(database=server.url)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert client.history(database=server.url) == []
    with answering(EMPTY) as server, pytest.raises(ServerUnavailable, match="it speaks no HTTPS"):
        client.history(database=server.url.replace("http:", "https:"))
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate.parent / "none.pem"))
    with pytest.raises(ConfigurationError, match="the settings for HTTPS"):
        client.history(database="https://127.0.0.1:1")


def test_a_proxy_sees_nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is sent there is not encrypted; elsewhere a proxy is asked as httpx does."""
    monkeypatch.setenv("COSTDB_TOKEN", SECRET)
    with answering(EMPTY) as server, answering(EMPTY) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        monkeypatch.setenv("ALL_PROXY", proxy.url)
        monkeypatch.delenv("NO_PROXY", raising=False)
        client.history(database=server.url)
        assert (len(server.asked), len(proxy.asked)) == (1, 0)
        monkeypatch.delenv("COSTDB_TOKEN")
        client.history(database="http://costs.invalid")
        assert proxy.asked[0].headers["host"] == "costs.invalid"


def test_the_token_is_shown_and_nothing_else_of_the_environment(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with answering(EMPTY) as server:
        client.history(database=server.url)
        keyring.set_password("costdb", server.url, f"{SECRET}-stored")
        client.history(database=f"{server.url}/")
        monkeypatch.setenv("COSTDB_TOKEN", SECRET)
        client.history(database=server.url)
    shown = [asked.headers.get("authorization") for asked in server.asked]
    assert shown == [None, f"Bearer {SECRET}-stored", f"Bearer {SECRET}"]


def test_a_redirect_gets_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COSTDB_TOKEN", SECRET)
    with answering(EMPTY) as other, answering(Answer(307, b"", {"Location": other.url})) as server:
        with pytest.raises(ServerUnavailable, match="sends on to"):
            client.history(database=server.url)
        with pytest.raises(ServerUnavailable, match="sends on to"):
            client.revoke(1, database=server.url)
    assert other.asked == []


def test_a_token_is_not_sent_where_others_can_read_it(monkeypatch: pytest.MonkeyPatch) -> None:
    keyring.set_password("costdb", "http://costs.invalid", SECRET)
    with pytest.raises(ServerUnavailable, match="no such host"):
        client.history(database="http://costs.invalid")  # asked, without a token
    monkeypatch.setenv("COSTDB_TOKEN", SECRET)
    with pytest.raises(AccessDenied, match="on its way others could read it"):
        client.history(database="http://costs.invalid")


@pytest.mark.parametrize("token", ["two words", "täken", "line\nbreak", "\x00"])
def test_what_is_no_token_is_not_sent_and_not_shown(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    keyring.set_password("costdb", "https://costs.invalid", token)
    with pytest.raises(ConfigurationError, match="what the keyring holds") as raised:
        client.history(database="https://costs.invalid")
    assert token not in f"{raised.value.message} {raised.value.hint}"
    if "\x00" not in token:
        monkeypatch.setenv("COSTDB_TOKEN", token)
        with pytest.raises(ConfigurationError, match="what COSTDB_TOKEN holds"):
            client.history(database="https://costs.invalid")


@pytest.fixture(params=[LockedKeyring, NoKeyring])
def closed_keyring(request: pytest.FixtureRequest) -> Iterator[None]:
    """A keyring that refuses."""
    usual = keyring.get_keyring()
    keyring.set_keyring(request.param())
    yield
    keyring.set_keyring(usual)


@pytest.mark.usefixtures("closed_keyring")
def test_a_keyring_that_refuses_is_no_obstacle_to_reading() -> None:
    with answering(EMPTY) as server:
        assert client.history(database=server.url) == []
        with pytest.raises(ConfigurationError, match="no keyring to keep tokens in") as raised:
            client.login(server.url, SECRET)
    assert SECRET not in f"{raised.value.message} {raised.value.hint}"
    assert raised.value.__suppress_context__


def test_login_stores_what_the_server_knows() -> None:
    models = Answer(200, b'{"schema": "costdb.models/1", "models": []}')
    with answering(problem(401, "HTTPException", "no token of this server"), models) as server:
        with pytest.raises(AccessDenied):
            client.login(server.url, SECRET)
        assert keyring.get_password("costdb", server.url) is None
        client.login(f"{server.url}/", SECRET)
        assert keyring.get_password("costdb", server.url) == SECRET
        assert client.logout(server.url) is True
        assert client.logout(server.url) is False
    for text in ("", "two words"):
        with pytest.raises(UsageError):
            client.login(server.url, text)
    with pytest.raises(AccessDenied):
        client.login("http://costs.example", SECRET)


@pytest.mark.parametrize("status", [429, 503])
def test_a_busy_server_is_waited_for(status: int, monkeypatch: pytest.MonkeyPatch) -> None:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    busy = Answer(status, b"", {"Retry-After": "7"})
    with answering(busy, EMPTY) as server:
        assert client.history(database=server.url) == []
    assert slept == [7.0]
    with answering(busy) as server, pytest.raises(ServerUnavailable):
        client.history(database=server.url)
    assert len(server.asked) == 2


def test_nobody_waits_for_an_hour() -> None:
    with (
        answering(Answer(429, b"", {"Retry-After": "3600"})) as server,
        pytest.raises(ServerUnavailable, match="asked too often") as raised,
    ):
        client.history(database=server.url)
    assert raised.value.hint == "try again in 3600 seconds"
    assert len(server.asked) == 1


OUTCOME: dict[str, Any] = {
    "status": "created", "model": "m", "tag": "v1", "ordinal": 1024, "points": [],
    "stale_points": [], "warnings": ["mind this"],
}  # fmt: skip


def test_a_push_that_was_lost_is_sent_again_under_its_key(tmp_path: Path) -> None:
    file = save_detector(tmp_path / "m.onnx")
    kept = Answer(201, json.dumps(OUTCOME).encode())
    with answering(LOST, Answer(502), LOST, kept) as server:
        done = client.ingest(str(file), tag="v1", database=server.url)
        assert done.warnings == ("mind this",)
        client.ingest(str(file), tag="v1", database=server.url)
    keys = [asked.headers["idempotency-key"] for asked in server.asked]
    assert len(set(keys[:4])) == 1
    assert keys[4] != keys[0]
    assert len({asked.body for asked in server.asked}) == 1
    sent = json.loads(gzip.decompress(server.asked[0].body))
    assert (sent["schema"], sent["model"], sent["tag"]) == ("costdb.push/1", "m", "v1")
    with answering(LOST) as server, pytest.raises(ServerUnavailable):
        client.ingest(str(file), tag="v1", database=server.url)
    assert len(server.asked) == 5


@pytest.fixture(scope="module")
def administered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """A real server, and the token of its administrator."""
    database = str(tmp_path_factory.mktemp("served") / "costs.db")
    _, token = maintenance.create_token("ci", TokenScope.ADMIN, database=database)
    with serving(database) as server:
        yield server.url, token


@pytest.fixture
def served(administered: tuple[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of that server, which is asked by its administrator."""
    url, token = administered
    monkeypatch.setenv("COSTDB_TOKEN", token)
    return url


def test_what_was_kept_before_the_connection_dropped_is_kept_once(
    served: str, tmp_path: Path
) -> None:
    """A version, a run of a check, an acceptance: the second answer is the one that was lost."""
    files = [str(save_detector(tmp_path / f"{width}.onnx", width=width)) for width in (8, 9)]
    with losing(served, losses=3) as server:
        for tag, file in zip(("v1", "v2"), files, strict=True):
            done = client.ingest(file, model="net", tag=tag, database=server.url)
            assert done.outcome.status.value == "created"
        server.losses = 1
        found = client.check("net", database=server.url).findings
        assert {one.is_new for one in found if one.verdict == "regression"} == {True}
        server.losses = 1
        client.accept("net", reason="so", metrics=["macs"], database=server.url)
        server.losses = 1
        client.revoke(1, database=server.url)
        assert len(server.asked) == (3 + 2) + 2 + 2 + 2
    (line,) = client.history("net", database=served)
    assert [version.tag for version in line.versions] == ["v1", "v2"]
    ((acceptance, state),) = client.accepted(database=served)
    assert (acceptance.reason, state.value) == ("so", "revoked")


def test_a_batch_outlives_a_restart_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is killed after two versions, and there again while the third one is being sent."""
    monkeypatch.setattr(connecting, "_WRITE_PAUSES", (0.5,) * 60)
    database = str(tmp_path / "costs.db")
    _, token = maintenance.create_token("ci", TokenScope.INGEST, database=database)
    monkeypatch.setenv("COSTDB_TOKEN", token)
    for number in range(1, 5):
        save_detector(tmp_path / f"net-v{number}.onnx", width=7 + number)
    entries = batch.from_folder(tmp_path)
    with serving(database) as first:
        results = client.ingest_all(entries, database=first.url)
        stored = [next(results).status, next(results).status]
        first.kill()
        with ThreadPoolExecutor(1) as other:
            rest = other.submit(lambda: [result.status for result in results])
            with serving(database, port=int(first.url.rpartition(":")[2])) as second:
                stored += rest.result()
                assert second.url == first.url
                (line,) = client.history(database=second.url)
    assert [status and status.value for status in stored] == ["created"] * 4
    assert [version.tag for version in line.versions] == ["v1", "v2", "v3", "v4"]


def test_a_server_s_numbers_are_those_that_were_pushed(served: str, tmp_path: Path) -> None:
    file = str(save_detector(tmp_path / "pushed.onnx"))
    pushed = client.ingest(file, tag="v1", database=served).analyses[0]
    assert client.show("pushed", database=served).analysis == pushed


@pytest.mark.parametrize("name", sorted(set(client.__all__) - {"login", "logout"}))
def test_both_places_offer_the_same(name: str) -> None:
    """By names and defaults; the types are for mypy, see `costdb.cli.place`."""

    def offered(place: object) -> list[tuple[str, object]]:
        parameters = inspect.signature(getattr(place, name)).parameters.values()
        return [(str(one.kind) + one.name, one.default) for one in parameters]

    there = batch if name == "ingest_all" else api
    assert offered(client) == [one for one in offered(there) if "store_version" not in one[0]]


def test_a_server_that_lies_about_a_graph_is_found_out() -> None:
    from costdb.pushing import carried_document

    carried = carried_document(analysis(width=8)) | {"names": {"layers": ["x"]}}
    version = {
        "model": "m", "tag": "v1", "ordinal": 1, "branch": "main", "git_sha": None, "author": None,
        "source": None, "sha256": None, "ingested_at": "2026-01-01T00:00:00Z", "archived_at": None,
        "artifact": {"path": "m.onnx", "format": "onnx", "framework": "onnx", "bytes": 1},
        "points": {"default": None},
    }  # fmt: skip
    answer = Answer(200, json.dumps({"version": version, "carried": carried}).encode())
    with answering(answer) as server, pytest.raises(errors.BrokenArtifact):
        client.show("m@v1", database=server.url)
