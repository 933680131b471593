"""`POST /check` and `GET /findings`: judged here, and kept for whom may keep it."""

from typing import Any

import pytest
from builders.analyses import chain
from builders.api_server import Api, counted

from costdb.cost import RULES
from costdb.pushing import carried_document
from costdb.server.api.schema import CheckAnswer, FindingsDocument
from costdb.store.records import TokenScope

# Fails where MACs grow by more than 1 % against the version before.
STRICT = '[[rules]]\nmetric = "macs"\nmax_increase = "1%"\nseverity = "fail"\n'
LOOSE = STRICT.replace("1%", "90%")

# Two products of 1x8 by 8x8 are 128 MACs, of 1x9 by 9x9 162.
ACCEPTED = """
[[accepted]]
model = "detector"
metric = "macs"
value = 162
rules = {rules}
reason = "a wider layer"
accepted_at = 2026-03-01T00:00:00Z
"""


@pytest.fixture
def filled(api: Api) -> Api:
    """A version that is 26.6 % dearer than the one before."""
    api.push("v1", width=8)
    api.push("v2", width=9)
    return api


def carried(width: int, point: str = "default") -> dict[str, Any]:
    return carried_document(counted(chain(width=width), point=point))


def verdict(api: Api, **asked: Any) -> str:
    answer = api.admin.post("/check", json=asked)
    assert answer.status_code == 200, answer.text
    CheckAnswer.model_validate(answer.json())
    found: str = answer.json()["document"]["verdict"]
    return found


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"target": "detector"}, "regression", id="the latest version"),
        pytest.param({"target": "detector@v1"}, "not-judged", id="the first version"),
        pytest.param({"all": True}, "regression", id="all models"),
        pytest.param({"target": "detector", "policy": LOOSE}, "ok", id="another policy"),
        pytest.param({"target": "detector", "against": "detector@v2"}, "ok", id="a version"),
        pytest.param({"target": "detector", "against": carried(9)}, "ok", id="a carried analysis"),
        pytest.param(
            {"target": "detector", "against": carried(8)["analysis"]},
            "regression",
            id="a saved one",
        ),
        pytest.param(
            {"model": "detector", "analyses": [carried(9)]}, "ok", id="a file like the latest"
        ),
        pytest.param(
            {"model": "detector", "analyses": [carried(10)]}, "regression", id="a dearer file"
        ),
        pytest.param(
            {"model": "detector", "analyses": [carried(9)], "against": carried(8)},
            "regression",
            id="a file against another",
        ),
        pytest.param(
            {"model": "new", "analyses": [carried(9)]}, "not-judged", id="a file of a new model"
        ),
        pytest.param({"target": "detector", "point": "default"}, "regression", id="a point"),
    ],
)
def test_verdicts(asked: dict[str, Any], expected: str, filled: Api) -> None:
    assert verdict(filled, **{"policy": STRICT} | asked) == expected


def test_the_file_that_was_accepted_in_review_holds(filled: Api) -> None:
    accepted = ACCEPTED.format(rules=RULES)
    assert verdict(filled, target="detector", policy=STRICT, accepted=accepted) == "ok"


def test_a_baseline_is_called_by_its_file(filled: Api) -> None:
    asked = {"target": "detector", "policy": STRICT, "against": carried(8)}
    for name, expected in {"old/costs.json": "costs.json", None: "model.onnx"}.items():
        answer = filled.admin.post("/check", json={**asked, "against_name": name}).json()
        assert {one["baseline"] for one in answer["document"]["findings"]} == {expected}


def test_a_point_of_a_file_is_judged_alone(filled: Api) -> None:
    asked = {"model": "detector", "analyses": [carried(9), carried(9, "b32")], "policy": STRICT}
    answer = filled.admin.post("/check", json={**asked, "point": "b32"}).json()
    assert {one["point"] for one in answer["document"]["findings"]} == {"b32"}


class TestKeeping:
    def test_the_next_check_knows_what_is_new(self, filled: Api) -> None:
        asked = {"target": "detector", "policy": STRICT}
        checks = [filled.admin.post("/check", json=asked).json()["document"] for _ in range(2)]
        news = [[one["is_new"] for one in check["findings"]] for check in checks]
        assert news == [[True], [False]]
        found = filled.admin.get("/findings").json()
        FindingsDocument.model_validate(found)
        (run,) = found["runs"]
        assert (run["subject"], run["baseline"]) == ("detector", "branch main")
        assert (run["verdict"], [one["new"] for one in run["findings"]]) == ("regression", [162])

    @pytest.mark.parametrize(
        ("said", "baseline"),
        [
            pytest.param({"against": carried(8)}, "model.onnx", id="a file that is not named"),
            pytest.param({"against": [carried(8)]}, "model.onnx", id="files that are not named"),
            pytest.param(
                {"against": carried(8), "against_name": "old.onnx"}, "old.onnx", id="a file"
            ),
            pytest.param({"against": "detector@v1"}, "detector@v1", id="a version"),
            pytest.param({"against_name": "old.onnx"}, "branch main", id="a name and no file"),
        ],
    )
    def test_says_against_what(self, said: dict[str, Any], baseline: str, filled: Api) -> None:
        filled.admin.post("/check", json={"target": "detector", "policy": STRICT, **said})
        (run,) = filled.admin.get("/findings").json()["runs"]
        assert run["baseline"] == baseline

    def test_takes_a_token_that_ingests(self, filled: Api) -> None:
        asked = {"target": "detector", "policy": STRICT}
        reader = filled.allowed(TokenScope.READ)
        answer = reader.post("/check", json=asked).json()
        assert answer["warnings"] == [
            "what was found is not kept: that takes a token of scope 'ingest'"
        ]
        assert filled.rows()["check_run"] == []
        filled.allowed(TokenScope.INGEST).post("/check", json=asked)
        assert len(filled.rows()["check_run"]) == 1

    @pytest.mark.parametrize(
        "asked",
        [
            pytest.param({"target": "detector", "save": False}, id="unless it is not asked for"),
            pytest.param({"model": "detector", "analyses": [carried(9)]}, id="of no file"),
        ],
    )
    def test_leaves_nothing(self, asked: dict[str, Any], filled: Api) -> None:
        before = filled.rows()
        assert filled.admin.post("/check", json=asked).json()["warnings"] == []
        assert filled.rows() == before


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        pytest.param({}, 422, "say one of", id="nothing"),
        pytest.param({"target": "detector", "all": True}, 422, "say one of", id="two things"),
        pytest.param({"all": True, "against": "detector"}, 422, "no one baseline", id="a baseline"),
        pytest.param({"analyses": [carried(8)]}, 422, "which model", id="no model"),
        pytest.param({"target": "detektor"}, 404, "detektor", id="no such model"),
        pytest.param({"target": "/etc/passwd"}, 422, "no name for a model", id="a path"),
        pytest.param({"target": "detector@\x00"}, 422, "target", id="NUL"),
        pytest.param({"target": "detector", "against": "/etc/passwd"}, 422, "name", id="a file"),
        pytest.param(
            {"target": "detector", "against": {"schema": 1}}, 422, "wrong", id="no analysis"
        ),
        pytest.param({"target": "detector", "point": "b32"}, 404, "b32", id="a point"),
        pytest.param(
            {"analyses": [carried(8)], "model": "detector", "point": "b32"},
            422,
            "b32",
            id="a point of a file",
        ),
        pytest.param({"target": "detector", "branch": "dev"}, 404, "dev", id="a branch"),
        pytest.param(
            {"target": "detector", "policy": "x = 1"}, 422, "'x' is no key", id="a policy"
        ),
        pytest.param({"target": "detector", "policy": "["}, 422, "not valid TOML", id="no TOML"),
        pytest.param({"target": "detector", "accepted": "x = 1"}, 422, "'x'", id="acceptances"),
        pytest.param({"target": "detector", "more": 1}, 422, "more", id="a key too many"),
        pytest.param([], 422, "its top", id="a list"),
    ],
)
def test_refusals(asked: Any, status: int, error: str, filled: Api) -> None:
    answer = filled.admin.post("/check", json=asked)
    assert (answer.status_code, error in answer.json()["error"]) == (status, True), answer.text
    assert filled.rows()["check_run"] == []


@pytest.mark.parametrize("against", ["tag:a\\u0000", "alias:\\u0000"])
def test_a_policy_may_name_what_no_database_can_hold(against: str, either_api: Api) -> None:
    either_api.push("v1")
    policy = f'{STRICT}against = "{against}"\n'
    answer = either_api.admin.post("/check", json={"target": "detector", "policy": policy})
    assert answer.json()["document"]["verdict"] == "not-judged"


def test_findings_of_one_model(filled: Api) -> None:
    filled.push("t1", model="tracker")
    for target in ("detector", "detector@v2", "tracker"):
        filled.admin.post("/check", json={"target": target, "policy": STRICT})
    found = filled.admin.get("/findings?model=detector").json()["runs"]
    assert [run["subject"] for run in found] == ["detector", "detector@v2"]


def test_a_check_that_is_asked_for_again_is_kept_once(filled: Api) -> None:
    asked = {"target": "detector", "policy": STRICT}
    key = {"Idempotency-Key": "one"}
    first, again = (filled.admin.post("/check", json=asked, headers=key) for _ in range(2))
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(filled.rows()["check_run"]) == 1
    other = filled.admin.post("/check", json={"all": True}, headers=key)
    assert "was used for another" in other.json()["error"]


@pytest.mark.parametrize("against", [[], [1], ["detector"], [{}], {}])
def test_a_baseline_of_no_form(against: Any, filled: Api) -> None:
    answer = filled.admin.post("/check", json={"target": "detector", "against": against})
    assert answer.status_code == 422


def test_a_baseline_is_that_of_the_point(filled: Api) -> None:
    asked: dict[str, Any] = {"model": "detector", "policy": STRICT, "against_name": "a/old.onnx"}
    asked["analyses"] = [carried(9), carried(9, "b32"), carried(9, "b64")]
    asked["against"] = [carried(9), carried(8, "b32")]
    found = filled.admin.post("/check", json=asked).json()["document"]["findings"]
    assert [(one["point"], one["verdict"]) for one in found] == [
        ("default", "ok"),
        ("b32", "regression"),
        ("b64", "not-judged"),
    ]
    assert "old.onnx was not analysed at point 'b64'" in found[2]["reason"]
