"""`POST /versions`: kept whole or not at all, counted by the server, and once for each key."""

import gzip
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest
from builders.analyses import analysis, chain
from builders.api_server import Api, counted, serving_here
from builders.graphs import activation, fed, graph, layer
from pydantic import BaseModel, ValidationError
from sqlalchemy import update

from costdb.canonical_schema import NamesForm, StructureForm
from costdb.cost import RULES
from costdb.cost.result import Analysis
from costdb.errors import BrokenArtifact
from costdb.pushing import CarriedAnalysis, carried_document, checked, push_document
from costdb.store import schema
from costdb.store.database import write_transaction
from costdb.store.read import resolve
from costdb.store.records import TokenScope
from costdb.store.stored import version_cost

PLUGIN = """
    from costdb.plugins import dot_products, hookimpl, rule

    @rule("Twist", domain="acme")
    def twist(layer):
        \"\"\"Count products of length 5.\"\"\"
        return dot_products(layer.output.numel, length=5)

    @hookimpl
    def costdb_cost_rules():
        return twist
"""


def install(site: Path, name: str, code: str) -> None:
    """A distribution with one module and one entry point, as pip would leave it."""
    module = name.replace("-", "_")
    (site / f"{module}.py").write_text(dedent(code))
    information = site / f"{module}-1.dist-info"
    information.mkdir()
    (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
    (information / "entry_points.txt").write_text(f"[costdb]\nacme-rules = {module}\n")


def body(*analyses: Analysis, tag: str = "v1", **about: Any) -> dict[str, Any]:
    """A push of analyses, of a chain of matrix products if none is given."""
    found = analyses or (counted(chain()),)
    return push_document(found, model="detector", tag=tag, **about)


def lists(value: Any, within: str = "") -> Iterator[tuple[Any, Any]]:
    """Every list in a JSON value, as what it is in and where; only below a key, if one is given."""
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            if within in {"", key}:
                if isinstance(value[key], list):
                    yield value, key
                yield from lists(value[key])


def test_a_version_is_kept_with_all_that_is_said_of_it(either_api: Api) -> None:
    pushed = counted(chain(), loader_revision=3, path="build/m.onnx", warnings=("batch is 1",))
    said = {"branch": "dev", "git_sha": "abc", "author": "ann", "source": "job 7"}
    answer = either_api.admin.post("/versions", json=body(pushed, sha256="0" * 64, **said))

    assert answer.status_code == 201
    assert answer.json() == {
        "status": "created",
        "model": "detector",
        "tag": "v1",
        "ordinal": 1024,
        "points": [
            {
                "point": "default",
                "status": "created",
                "structure_digest": pushed.structure_digest,
                "old_digest": None,
                "cost_added": True,
            }
        ],
        "stale_points": [],
        "warnings": [],
    }
    version = resolve(either_api.engine, "detector@v1")
    assert (version.branch, version.git_sha, version.author, version.source) == (*said.values(),)
    assert version.sha256 == "0" * 64
    kept = version_cost(either_api.engine, version).analysis
    assert kept == replace(pushed, artifact=replace(pushed.artifact, path="build/m.onnx"))


def test_the_author_is_whose_token_it_is_if_no_one_is_named(api: Api) -> None:
    api.push("v1")
    assert resolve(api.engine, "detector@v1").author == "admin"


def test_the_same_again_changes_nothing(api: Api) -> None:
    api.push("v1")
    before = api.rows()
    answer = api.admin.post("/versions", json=body())
    assert (answer.status_code, answer.json()["status"]) == (200, "unchanged")
    assert api.rows() == before


def test_another_structure_of_a_tag_is_refused(either_api: Api) -> None:
    either_api.push("v1")
    before = either_api.rows()
    answer = either_api.admin.post("/versions", json=body(counted(chain(width=9))))
    assert (answer.status_code, answer.json()["kind"]) == (409, "VersionConflict")
    assert either_api.rows() == before


def test_another_structure_may_be_asked_for(api: Api) -> None:
    api.push("v1")
    answer = api.admin.post("/versions", json=body(counted(chain(width=9)), replace=True))
    assert (answer.status_code, answer.json()["status"]) == (200, "replaced")


def test_a_body_may_be_compressed(api: Api) -> None:
    content = gzip.compress(json.dumps(body()).encode())
    answer = api.admin.post("/versions", content=content, headers={"Content-Encoding": "gzip"})
    assert answer.status_code == 201


class TestCounting:
    def test_the_server_counts_again(self, api: Api) -> None:
        # The made-up total of the client is 8003; two products of 1x8 and 8x8 are 128 MACs.
        answer = api.admin.post("/versions", json=body(analysis(chain(layers=2, width=8))))
        (warning,) = answer.json()["warnings"]
        assert warning.startswith("default: counted otherwise than by the client: ")
        assert "macs 8003 -> 128" in warning
        version = resolve(api.engine, "detector@v1")
        assert version_cost(api.engine, version).analysis.cost.totals.macs == 128

    def test_it_says_whose_rules_hold(self, api: Api) -> None:
        there = counted(chain())
        there = replace(there, cost=replace(there.cost, rules=RULES + 1))
        answer = api.admin.post("/versions", json=body(there))
        assert answer.json()["warnings"] == [
            f"default: counted by rules {RULES} here, by {RULES + 1} there"
        ]

    def test_rules_of_plugins_count(
        self, sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        twist = layer("Twist", [fed("x", 1, 8)], activation("y", 1, 8), domain="acme")
        pushed = counted(graph([twist]))  # where there is no such plugin
        assert pushed.cost.unknown_ops == {"acme:Twist": 1}
        install(tmp_path, "costdb-acme-rules", PLUGIN)
        monkeypatch.syspath_prepend(tmp_path)
        with serving_here(sqlite_url) as api:
            answer = api.admin.post("/versions", json=body(pushed))
        (warning,) = answer.json()["warnings"]
        assert "macs 0 -> 40, flops 0 -> 72" in warning  # 8 products of length 5: 8 * (2*5 - 1)
        assert "unknown_layers 1 -> 0" in warning

    def test_points_are_counted_each(self, api: Api) -> None:
        points = [counted(chain(width=width), point=f"w{width}") for width in (8, 9)]
        answer = api.admin.post("/versions", json=body(*points))
        assert [point["point"] for point in answer.json()["points"]] == ["w8", "w9"]
        totals = api.admin.get("/versions/detector/v1").json()["points"]
        assert {point: total["macs"] for point, total in totals.items()} == {"w8": 128, "w9": 162}


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "error"),
        [
            pytest.param({"schema": "costdb.push/2"}, "schema", id="another form"),
            pytest.param({"more": 1}, "more", id="a key too many"),
            pytest.param({"model": "../x"}, "is no name for a model", id="a model's name"),
            pytest.param({"tag": "a@b"}, "is no tag of a version", id="a tag"),
            pytest.param({"tag": "a\x00"}, "is no tag of a version", id="a tag with NUL"),
            pytest.param({"branch": " "}, "is no name of a branch", id="a branch"),
            pytest.param({"sha256": "xyz"}, "sha256", id="a hash that is none"),
            pytest.param({"analyses": []}, "analyses", id="no analysis"),
            pytest.param({"author": "x" * 3000}, "author", id="a long author"),
        ],
    )
    def test_of_what_is_said(self, change: dict[str, Any], error: str, api: Api) -> None:
        before = api.rows()
        answer = api.admin.post("/versions", json=body() | change)
        assert answer.status_code == 422
        assert error in answer.json()["error"]
        assert "\n" not in answer.json()["error"]
        assert api.rows() == before

    @pytest.mark.parametrize(
        "content",
        [
            pytest.param(b"", id="nothing"),
            pytest.param(b"{", id="half"),
            pytest.param(b"[" * 100_000, id="deep"),
            pytest.param(b"\xff", id="no text"),
            pytest.param(b'{"a": NaN}', id="no number"),
            pytest.param(b'{"a": 1' + b"0" * 5000 + b"}", id="a number of 5,000 digits"),
            pytest.param(b"[]", id="a list"),
        ],
    )
    def test_of_what_is_no_push(self, content: bytes, api: Api) -> None:
        answer = api.admin.post("/versions", content=content)
        assert (answer.status_code, answer.json()["kind"]) == (422, "BrokenArtifact")

    def test_of_more_keys_than_any_has(self, api: Api) -> None:
        document = body() | dict.fromkeys(map(str, range(100_000)))
        answer = api.admin.post("/versions", json=document)
        assert answer.status_code == 422
        assert "more than 100,000 keys" in answer.json()["error"]

    @pytest.mark.parametrize(
        ("form", "part"),
        [(CarriedAnalysis, None), (StructureForm, "structure"), (NamesForm, "names")],
    )
    def test_of_a_list_of_mistakes_tell_of_one(
        self, form: type[BaseModel], part: str | None
    ) -> None:
        """All of them together would take far more memory than the body does."""
        whole = carried_document(counted(chain()))
        document = whole[part] if part else whole
        places = list(lists(document, "" if part else "analysis"))
        assert places
        for parent, key in places:
            kept, parent[key] = parent[key], [{}] * 1000
            with pytest.raises(BrokenArtifact) as refused:
                checked(form, document)
            # Of the one item that is told of, each key that is missing.
            assert isinstance(refused.value.__cause__, ValidationError)
            assert refused.value.__cause__.error_count() < 30, key
            parent[key] = kept

    def test_all_of_it_or_nothing(self, either_api: Api) -> None:
        before = either_api.rows()
        good, bad = body(counted(chain(), point="a"), counted(chain(width=9), point="b")), body()
        bad["analyses"] = [*good["analyses"]]
        bad["analyses"][1] = good["analyses"][1] | {"names": {"layers": []}}
        answer = either_api.admin.post("/versions", json=bad)
        assert answer.status_code == 422
        assert either_api.rows() == before

    def test_a_point_twice(self, api: Api) -> None:
        before = api.rows()
        answer = api.admin.post("/versions", json=body(counted(chain()), counted(chain(width=9))))
        assert "given twice" in answer.json()["error"]
        assert api.rows() == before


class TestKeys:
    def test_the_same_push_gives_the_same_answer(self, either_api: Api) -> None:
        key = {"Idempotency-Key": "one"}
        first = either_api.admin.post("/versions", json=body(), headers=key)
        before = either_api.rows()
        again = either_api.admin.post("/versions", json=body(), headers=key)
        assert (again.status_code, again.json()) == (201, first.json())
        assert "Idempotency-Replayed" not in first.headers
        assert again.headers["Idempotency-Replayed"] == "true"
        assert either_api.rows() == before

    def test_another_push_is_refused(self, api: Api) -> None:
        key = {"Idempotency-Key": "one"}
        api.admin.post("/versions", json=body(), headers=key)
        before = api.rows()
        answer = api.admin.post("/versions", json=body(tag="v2"), headers=key)
        assert answer.status_code == 422
        assert "was used for another push" in answer.json()["error"]
        assert api.rows() == before

    def test_a_key_is_one_tokens_own(self, api: Api) -> None:
        key = {"Idempotency-Key": "one"}
        api.admin.post("/versions", json=body(), headers=key)
        other = api.allowed(TokenScope.INGEST)
        assert other.post("/versions", json=body(tag="v2"), headers=key).status_code == 201

    def test_a_refused_push_uses_no_key_up(self, api: Api) -> None:
        api.push("v1")
        key = {"Idempotency-Key": "one"}
        wrong = api.admin.post("/versions", json=body(counted(chain(width=9))), headers=key)
        assert wrong.status_code == 409
        right = body(counted(chain(width=9)), tag="v2")
        assert api.admin.post("/versions", json=right, headers=key).status_code == 201

    def test_old_receipts_go_when_new_ones_come(self, api: Api) -> None:
        api.admin.post("/versions", json=body(), headers={"Idempotency-Key": "old"})
        long_ago = datetime.now(UTC) - timedelta(days=8)
        with write_transaction(api.engine) as connection:
            connection.execute(update(schema.receipt).values(created_at=long_ago))
        api.admin.post("/versions", json=body(), headers={"Idempotency-Key": "new"})
        assert len(api.rows()["receipt"]) == 1

    def test_many_at_once_are_one(self, either_api: Api) -> None:
        def push(_: int) -> tuple[int, Any]:
            key = {"Idempotency-Key": "one"}
            answer = either_api.admin.post("/versions", json=body(), headers=key)
            return answer.status_code, answer.json()

        with ThreadPoolExecutor(8) as threads:
            answers = list(threads.map(push, range(16)))
        assert answers == [answers[0]] * 16
        assert answers[0][0] == 201
        assert len(either_api.rows()["version"]) == 1


def test_eight_clients_at_once_lose_nothing(either_api: Api) -> None:
    pushes = [
        body(counted(chain(width=number % 5 + 8)), tag=f"v{number}") | {"model": f"m{number % 3}"}
        for number in range(48)
    ]

    def push(document: dict[str, Any]) -> int:
        answer = either_api.admin.post("/versions", json=document)
        assert answer.status_code == 201, answer.text
        return int(answer.json()["ordinal"])

    with ThreadPoolExecutor(8) as threads:
        ordinals = list(threads.map(push, pushes))
    rows = either_api.rows()
    assert len(rows["version"]) == 48
    assert len(rows["structure"]) == len(rows["cost"]) == 5
    for model in range(3):
        assert sorted(ordinals[model::3]) == [1024 * place for place in range(1, 17)]
