"""Who may do what: no token, one that is over, one for less, one for other models."""

import json
import re
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from builders.analyses import chain
from builders.api_server import PREFIX, Api, counted, serving_here
from fastapi.testclient import TestClient

from costdb.pushing import carried_document, push_document
from costdb.server.access import COOKIE
from costdb.store import schema, upgrade_store
from costdb.store.database import write_transaction
from costdb.store.records import TokenScope
from costdb.store.tokens import revoke_token

READ, INGEST, ADMIN = TokenScope

NOW = datetime.now(UTC)


@pytest.fixture(scope="module")
def filled_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with two models, an acceptance and a run of a check."""
    file = tmp_path_factory.mktemp("filled") / "costs.db"
    upgrade_store(str(file))
    with serving_here(f"sqlite:///{file}") as api:
        for model in ("detector", "tracker"):
            api.push("v1", model=model, width=8)
            api.push("v2", model=model, width=16)
            api.admin.post("/check", json={"target": model})
            api.admin.post("/acceptances", json=acceptance(model))
        with write_transaction(api.engine) as connection:
            connection.execute(schema.token.delete())
    return file


@pytest.fixture
def api(filled_file: Path, tmp_path: Path) -> Iterator[Api]:
    """A server over a copy of it, at which reading takes a token."""
    with serving_here(f"sqlite:///{shutil.copy(filled_file, tmp_path / 'costs.db')}") as served:
        yield served


@pytest.fixture
def open_api(filled_file: Path, tmp_path: Path) -> Iterator[Api]:
    """The same, at which anyone may read."""
    database = f"sqlite:///{shutil.copy(filled_file, tmp_path / 'costs.db')}"
    with serving_here(database, open_reading=True) as served:
        yield served


def acceptance(model: str = "detector", **about: Any) -> dict[str, Any]:
    return {"version": f"{model}@v2", "metrics": ["macs"], "reason": "so it is"} | about


def push(model: str = "detector") -> dict[str, Any]:
    return push_document([counted(chain())], model=model, tag="v3")


ANALYSIS = carried_document(counted(chain()))


class Asked(NamedTuple):
    """A request, and the least scope that it takes."""

    method: str
    path: str
    body: Any
    least: TokenScope

    def of(self, client: TestClient, **about: Any) -> Any:
        """What is answered."""
        return client.request(self.method, self.path, json=self.body, **about)


REQUESTS = [
    Asked("GET", "/models", None, READ),
    Asked("GET", "/history", None, READ),
    Asked("GET", "/versions?model=detector", None, READ),
    Asked("GET", "/versions/detector", None, READ),
    Asked("GET", "/versions/detector/v1", None, READ),
    Asked("GET", "/versions/detector/v1/analysis", None, READ),
    Asked("GET", "/versions/detector/v1/layers", None, READ),
    Asked("GET", "/diff?old=detector@v1&new=detector@v2", None, READ),
    Asked("GET", "/findings", None, READ),
    Asked("GET", "/acceptances", None, READ),
    Asked("POST", "/check", {"target": "detector", "save": False}, READ),
    Asked("POST", "/check", {"model": "detector", "analyses": [ANALYSIS]}, READ),
    Asked("POST", "/replay", {"model": "detector"}, READ),
    Asked("POST", "/acceptances", acceptance(keep=False), READ),
    Asked("POST", "/versions", push(), INGEST),
    Asked("POST", "/acceptances", acceptance(), ADMIN),
    Asked("POST", "/acceptances/1/revoke", None, ADMIN),
]


def test_every_route_is_asked(api: Api) -> None:
    asked = {(one.method, one.path.partition("?")[0]) for one in REQUESTS}
    for path, methods in api.client().get("/openapi.json").json()["paths"].items():
        template = re.compile(re.sub(r"{\w+}", "[^/]+", path.removeprefix(PREFIX)))
        for method in methods:
            assert any(method.upper() == one and template.fullmatch(of) for one, of in asked), path


@pytest.mark.parametrize("scope", TokenScope)
def test_a_token_allows_what_its_scope_does(scope: TokenScope, api: Api) -> None:
    client = api.allowed(scope)
    for asked in REQUESTS:
        before = api.rows()
        answer = asked.of(client)
        if scope.includes(asked.least):
            assert answer.status_code in {200, 201}, asked
        else:
            assert (answer.status_code, answer.json()["kind"]) == (403, "AccessDenied"), asked
            assert f"token of scope {asked.least.value!r}" in answer.json()["error"]
            assert api.rows() == before, asked


def test_without_a_token_nothing_is_told(api: Api) -> None:
    before = api.rows()
    for asked in REQUESTS:
        answer = asked.of(api.client())
        assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer"), asked
    assert api.rows() == before


def test_without_a_token_one_may_read_where_that_is_open(open_api: Api) -> None:
    before = open_api.rows()
    for asked in REQUESTS:
        status = asked.of(open_api.client()).status_code
        assert status == (200 if asked.least is READ else 401), asked
    assert open_api.rows() == before


@pytest.mark.parametrize(
    "header",
    [
        pytest.param("Bearer costdb_no-such-secret", id="unknown"),
        pytest.param("Bearer", id="empty"),
        pytest.param("Bearer \xff\xfe", id="no text"),
        pytest.param("Basic dTpw", id="another kind"),
        pytest.param("Bearer {revoked}", id="revoked"),
        pytest.param("Bearer {expired}", id="expired"),
    ],
)
def test_a_token_that_is_none(header: str, open_api: Api) -> None:
    revoked = open_api.token(ADMIN, name="gone")
    revoke_token(open_api.engine, "gone", now=NOW)
    past = NOW - timedelta(days=2)
    expired = open_api.token(ADMIN, name="old", now=past, expires_at=past + timedelta(days=1))
    shown = header.format(revoked=revoked, expired=expired).encode("latin-1")
    before = open_api.rows()
    for asked in REQUESTS:
        # A wrong token is no reason to treat one as if none had been shown: anyone may read here.
        answer = asked.of(open_api.client(), headers={b"Authorization": shown})
        assert answer.status_code == 401, asked
    assert open_api.rows() == before


OTHERS = [
    pytest.param("GET", "/history?model=detector", None, id="history"),
    pytest.param("GET", "/versions?model=detector", None, id="versions"),
    pytest.param("GET", "/versions/detector", None, id="latest"),
    pytest.param("GET", "/versions/detector/v1", None, id="version"),
    pytest.param("GET", "/versions/detector/nothing", None, id="no version"),
    pytest.param("GET", "/versions/detector-9", None, id="no model"),
    pytest.param("GET", "/versions/detector/v1/analysis", None, id="analysis"),
    pytest.param("GET", "/versions/detector/v1/layers", None, id="layers"),
    pytest.param("GET", "/diff?old=tracker@v1&new=detector@v2", None, id="the new side"),
    pytest.param("GET", "/diff?old=detector@v1&new=tracker@v2", None, id="the old side"),
    pytest.param("GET", "/findings?model=detector", None, id="findings"),
    pytest.param("GET", "/acceptances?model=detector", None, id="acceptances"),
    pytest.param("POST", "/check", {"target": "detector"}, id="check"),
    pytest.param("POST", "/check", {"target": "tracker", "against": "detector"}, id="a baseline"),
    pytest.param(
        "POST", "/check", {"model": "detector", "analyses": [ANALYSIS]}, id="check a file"
    ),
    pytest.param("POST", "/replay", {"model": "detector"}, id="replay"),
    pytest.param("POST", "/versions", push(), id="push"),
    pytest.param("POST", "/acceptances", acceptance(), id="accept"),
]


@pytest.mark.parametrize(("method", "path", "body"), OTHERS)
def test_a_token_of_other_models(method: str, path: str, body: Any, api: Api) -> None:
    before = api.rows()
    answer = api.allowed(ADMIN, "track*").request(method, path, json=body)
    assert (answer.status_code, answer.json()["kind"]) == (403, "AccessDenied")
    assert "is for 'track*', not for 'detector" in answer.json()["error"]
    assert api.rows() == before


def test_what_others_accepted_is_not_there(api: Api) -> None:
    client = api.allowed(ADMIN, "track*")
    before = api.rows()
    answers = [client.post(f"/acceptances/{number}/revoke") for number in (1, 99)]
    assert [(answer.status_code, answer.json()["error"]) for answer in answers] == [
        (404, f"there is no acceptance {number}") for number in (1, 99)
    ]
    assert api.rows() == before


def test_a_check_against_anothers_version_is_not_listed(api: Api) -> None:
    for against in ("detector@v1", "detector"):
        asked = {"target": "tracker", "against": against}
        assert api.admin.post("/check", json=asked).status_code == 200
    client = api.allowed(READ, "track*")
    assert [run["baseline"] for run in client.get("/findings").json()["runs"]] == ["branch main"]
    page = TestClient(api.app, headers={**client.headers, "Accept": "text/html"})
    assert "tracker" in page.get("/findings?verdict=all").text
    for told in (client.get("/findings"), page.get("/findings?verdict=all")):
        assert "detector" not in told.text
    assert len(api.admin.get("/findings?model=tracker").json()["runs"]) == 3


def test_a_name_that_is_none_leads_to_no_other(api: Api) -> None:
    """Who may read of all models is helped on by the nearest name there is."""
    restricted = api.allowed(ADMIN, "xdetector*")
    helped = 0
    for asked in REQUESTS:
        path = asked.path.replace("detector", "xdetector")
        body = json.loads(json.dumps(asked.body).replace("detector", "xdetector"))
        other = Asked(asked.method, path, body, asked.least)
        assert "detector" not in other.of(restricted).text.replace("xdetector", ""), asked
        helped += "did you mean 'detector'?" in other.of(api.admin).text
    assert helped > 5


def test_a_token_of_its_own_model(api: Api) -> None:
    client = api.allowed(ADMIN, "track*")
    assert client.get("/versions/tracker/v1").status_code == 200
    assert client.post("/versions", json=push("tracker")).status_code == 201
    assert client.post("/acceptances/2/revoke").status_code == 200


def test_lists_show_what_one_may_read(api: Api) -> None:
    client = api.allowed(ADMIN, "track*")
    assert [one["model"] for one in client.get("/models").json()["models"]] == ["tracker"]
    assert [one["model"] for one in client.get("/history").json()["series"]] == ["tracker"]
    assert [one["subject"] for one in client.get("/findings").json()["runs"]] == ["tracker"]
    assert [one["model"] for one in client.get("/acceptances").json()["acceptances"]] == ["tracker"]
    checked = client.post("/check", json={"all": True}).json()
    assert {one["model"] for one in checked["document"]["findings"]} == {"tracker"}


def test_a_token_of_no_model_there_is_reads_nothing(api: Api) -> None:
    client = api.allowed(READ, "nothing*")
    assert client.get("/history").json()["series"] == []
    assert client.get("/models").json()["models"] == []
    assert client.post("/check", json={"all": True}).json()["document"]["findings"] == []


def test_a_glob_limits_only_what_is_not_open_to_all(open_api: Api) -> None:
    client = open_api.allowed(INGEST, "track*")
    assert client.get("/versions/detector/v1").status_code == 200
    assert client.post("/versions", json=push()).status_code == 403
    kept = client.post("/check", json={"all": True}).json()
    assert {one["model"] for one in kept["document"]["findings"]} == {"detector", "tracker"}
    assert kept["warnings"] == ["what was found is not kept: that takes a token of scope 'ingest'"]
    subjects = [row.subject for row in open_api.rows()["check_run"]]
    assert subjects.count("tracker") == 2
    assert subjects.count("detector") == 1


class TestCookies:
    """A browser sends its cookie with whatever any page makes it send."""

    @pytest.mark.parametrize(
        ("origin", "status"),
        [
            pytest.param("http://testserver", 201, id="a page of this server"),
            pytest.param("https://evil.example", 403, id="a page of another site"),
            pytest.param("http://testserver.evil.example", 403, id="a name that looks like it"),
            pytest.param("http://testserver:81", 403, id="another port"),
            pytest.param("null", 403, id="a page without an origin"),
            pytest.param("http://[", 403, id="no URL"),
            pytest.param(None, 403, id="nothing said"),
        ],
    )
    def test_what_writes_has_to_come_from_here(
        self, origin: str | None, status: int, api: Api
    ) -> None:
        client = api.client()
        client.cookies.set(COOKIE, api.token(ADMIN))
        headers = {} if origin is None else {"Origin": origin}
        before = api.rows()
        answer = client.post("/acceptances", json=acceptance(), headers=headers)
        assert answer.status_code == status
        assert (api.rows() == before) is (status == 403)

    def test_what_reads_may_come_from_a_link(self, api: Api) -> None:
        client = api.client()
        client.cookies.set(COOKIE, api.token(READ))
        answer = client.get("/models", headers={"Origin": "https://evil.example"})
        assert answer.status_code == 200

    def test_a_header_goes_before_a_cookie(self, api: Api) -> None:
        client = api.allowed(READ)
        client.cookies.set(COOKIE, api.token(ADMIN))
        headers = {"Origin": "http://testserver"}
        assert client.post("/acceptances", json=acceptance(), headers=headers).status_code == 403
