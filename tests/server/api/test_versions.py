"""Versions page by page, one of them, what it is made of, and its layers."""

from typing import Any
from urllib.parse import quote

import pytest
from builders.analyses import NOW, chain
from builders.api_server import Api, counted
from pydantic import BaseModel

from costdb.pushing import CarriedAnalysis, carried_analysis, checked, push_document
from costdb.server.api.schema import LayersPage, VersionAnalysis, VersionDocument, VersionsPage
from costdb.store.administration import set_archived
from costdb.store.aliases import set_alias
from costdb.store.read import resolve


def tags(answer: Any) -> list[str]:
    return [version["tag"] for version in answer.json()["versions"]]


class TestPages:
    def test_follow_each_other_from_the_latest_on(self, either_api: Api) -> None:
        for number in range(5):
            either_api.push(f"v{number}")
        seen, after = [], None
        for _ in range(3):
            rest = "" if after is None else f"&after={after}"
            page = either_api.admin.get(f"/versions?model=detector&limit=2{rest}")
            seen.append(tags(page))
            after = page.json()["next"]
        assert seen == [["v4", "v3"], ["v2", "v1"], ["v0"]]
        assert after is None

    def test_a_full_last_page_is_followed_by_an_empty_one(self, api: Api) -> None:
        api.push("v1")
        page = api.admin.get("/versions", params={"model": "detector", "limit": 1}).json()
        asked = {"model": "detector", "after": page["next"]}
        assert api.admin.get("/versions", params=asked).json() == {"versions": [], "next": None}

    def test_of_a_branch(self, api: Api) -> None:
        api.push("v1")
        api.push("d1", branch="dev")
        assert tags(api.admin.get("/versions?model=detector&branch=dev")) == ["d1"]

    def test_leave_archived_versions_out(self, api: Api) -> None:
        for tag in ("v1", "v2"):
            api.push(tag)
        set_archived(api.engine, "detector@v1", NOW)
        assert tags(api.admin.get("/versions?model=detector")) == ["v2"]
        assert tags(api.admin.get("/versions?model=detector&archived=true")) == ["v2", "v1"]

    @pytest.mark.parametrize(
        "query",
        [
            pytest.param("", id="no model"),
            pytest.param("model=a%00", id="NUL"),
            pytest.param("model=a&limit=0", id="none"),
            pytest.param("model=a&limit=1001", id="too many"),
            pytest.param("model=a&limit=1e3", id="no number"),
            pytest.param("model=a&after=99999999999999999999", id="beyond 64 bits"),
            pytest.param("model=a&branch=%20", id="no branch"),
        ],
    )
    def test_are_bounded(self, query: str, api: Api) -> None:
        answer = api.admin.get(f"/versions?{query}")
        assert (answer.status_code, answer.json()["kind"]) == (422, "UsageError")


class TestOne:
    @pytest.mark.parametrize(
        "tag", ["v1", "a/b", "%2F", "v1/analysis", "a?b=c#d", "é中", "a+b", "<b>&amp;"]
    )
    def test_is_found_by_any_tag(self, tag: str, either_api: Api) -> None:
        either_api.push(tag)
        either_api.push("other")
        path = f"/versions/detector/{quote(tag, safe='')}"
        answer = either_api.admin.get(path)
        assert (answer.status_code, answer.json()["tag"]) == (200, tag)
        assert either_api.admin.get(f"{path}/layers").json()["version"] == f"detector@{tag}"

    def test_is_found_by_an_alias(self, api: Api) -> None:
        api.push("v1")
        of = resolve(api.engine, "detector@v1")
        set_alias(api.engine, of, "prod", author=None, now=NOW)
        assert api.admin.get("/versions/detector/prod").json()["tag"] == "v1"

    def test_is_the_latest_of_main_if_none_is_named(self, api: Api) -> None:
        api.push("v1")
        api.push("d1", branch="dev")
        assert api.admin.get("/versions/detector").json()["tag"] == "v1"

    def test_says_all_that_is_known(self, api: Api) -> None:
        api.push("v1", git_sha="abc", source="job 7")
        answer = api.admin.get("/versions/detector/v1").json()
        moment = answer.pop("ingested_at")
        assert moment.endswith("+00:00")
        totals = answer["points"].pop("default")
        assert (totals["macs"], totals["params"]) == (128, 128)  # two weights of 8x8
        assert answer == {
            "model": "detector",
            "tag": "v1",
            "ordinal": 1024,
            "branch": "main",
            "git_sha": "abc",
            "author": "admin",
            "source": "job 7",
            "sha256": None,
            "artifact": {
                "path": "build/model.onnx",
                "format": "test",
                "framework": "none",
                "bytes": 1000,
            },
            "archived_at": None,
            "points": {},
        }

    def test_comes_with_its_graph(self, api: Api) -> None:
        pushed = counted(chain(layers=3), point="b32")
        api.admin.post("/versions", json=push_document([pushed], model="detector", tag="v1"))
        answer = api.admin.get("/versions/detector/v1/analysis?point=b32").json()
        assert carried_analysis(checked(CarriedAnalysis, answer["carried"])) == pushed
        assert answer["version"] == api.admin.get("/versions/detector/v1").json()

    @pytest.mark.parametrize("rest", ["", "/analysis", "/layers"])
    def test_is_called_by_visible_text(self, rest: str, either_api: Api) -> None:
        either_api.push("v1")
        answer = either_api.admin.get(f"/versions/detector/a%00{rest}")
        assert (answer.status_code, answer.json()["kind"]) == (422, "UsageError")

    @pytest.mark.parametrize(
        ("path", "hint"),
        [
            pytest.param("/versions/detektor/v1", "did you mean 'detector'?", id="model"),
            pytest.param("/versions/detector/v2", "versions of detector: v1", id="tag"),
            pytest.param("/versions/detector/v1/analysis?point=b32", "default", id="point"),
            pytest.param("/versions/detector/v1/layers?point=b32", "default", id="point of layers"),
            pytest.param("/versions/detector/%FF", "versions of detector: v1", id="no text"),
        ],
    )
    def test_is_not_there(self, path: str, hint: str, api: Api) -> None:
        api.push("v1")
        answer = api.admin.get(path)
        assert (answer.status_code, answer.json()["kind"]) == (404, "NotInDatabase")
        assert hint in answer.json()["hint"]


class TestLayers:
    def test_come_page_by_page(self, api: Api) -> None:
        pushed = counted(chain(layers=5))
        api.admin.post("/versions", json=push_document([pushed], model="detector", tag="v1"))
        pages = [
            api.admin.get(f"/versions/detector/v1/layers?offset={offset}&limit=2").json()
            for offset in (0, 2, 4, 6)
        ]
        names = [[layer["name"] for layer in page["layers"]] for page in pages]
        assert names == [["dense0", "dense1"], ["dense2", "dense3"], ["dense4"], []]
        assert {page["total"] for page in pages} == {5}
        assert pages[0]["layers"][0]["macs"] == 64  # 1x8 times 8x8


@pytest.mark.parametrize(
    ("path", "form"),
    [
        pytest.param("/versions?model=detector", VersionsPage, id="versions"),
        pytest.param("/versions/detector/v1", VersionDocument, id="version"),
        pytest.param("/versions/detector/v1/analysis", VersionAnalysis, id="analysis"),
        pytest.param("/versions/detector/v1/layers", LayersPage, id="layers"),
    ],
)
def test_answers_have_the_documented_form(path: str, form: type[BaseModel], api: Api) -> None:
    api.push("v1")
    form.model_validate(api.admin.get(path).json())
