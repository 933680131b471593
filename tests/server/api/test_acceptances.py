"""Acceptances: listed, made and taken back."""

from typing import Any

import pytest
from builders.api_server import Api

from costdb.server.api.schema import AcceptancesDocument, AcceptedDocument, RevokedDocument
from costdb.store.records import TokenScope

STRICT = '[[rules]]\nmetric = "macs"\nmax_increase = "1%"\nseverity = "fail"\n'


@pytest.fixture
def filled(api: Api) -> Api:
    """A version that is dearer than the one before: 162 MACs after 128."""
    api.push("v1", width=8)
    api.push("v2", width=9)
    return api


def accept(api: Api, **asked: Any) -> Any:
    said = {"version": "detector@v2", "reason": "a wider layer", "policy": STRICT}
    return api.admin.post("/acceptances", json=said | asked)


def test_what_the_policy_finds_is_accepted(filled: Api) -> None:
    answer = accept(filled)
    assert answer.status_code == 201
    AcceptedDocument.model_validate(answer.json())
    (made,) = answer.json()["accepted"]
    assert (made["model"], made["tag"], made["metric"], made["value"]) == (
        "detector",
        "v2",
        "macs",
        162,
    )
    assert (made["by"], made["reason"]) == ("admin", "a wider layer")
    check = filled.admin.post("/check", json={"target": "detector", "policy": STRICT}).json()
    assert check["document"]["verdict"] == "ok"


def test_a_metric_is_accepted_until_a_day(filled: Api) -> None:
    asked = {"metrics": ["params"], "expires_at": "2999-01-01T00:00:00+00:00", "author": "ann"}
    (made,) = accept(filled, **asked).json()["accepted"]
    assert (made["metric"], made["value"], made["by"]) == ("params", 162, "ann")
    assert made["expires_at"] == "2999-01-01T00:00:00+00:00"


def test_it_is_only_said_if_it_is_not_to_be_kept(filled: Api) -> None:
    said = {"version": "detector", "reason": "x", "metrics": ["macs"], "keep": False}
    before = filled.rows()
    answer = filled.allowed(TokenScope.READ).post("/acceptances", json=said)
    assert answer.status_code == 200
    (made,) = answer.json()["accepted"]
    assert (made["id"], made["value"]) == (None, 162)
    assert filled.rows() == before


def test_they_are_listed_and_taken_back(filled: Api) -> None:
    accept(filled, metrics=["macs"])
    (number,) = (one["id"] for one in listed(filled))
    revoked = filled.admin.post(f"/acceptances/{number}/revoke")
    assert revoked.status_code == 200
    RevokedDocument.model_validate(revoked.json())
    assert [one["state"] for one in listed(filled)] == ["revoked"]
    again = filled.admin.post(f"/acceptances/{number}/revoke").json()
    assert again == revoked.json()


def listed(api: Api) -> list[dict[str, Any]]:
    answer = api.admin.get("/acceptances?model=detector").json()
    AcceptancesDocument.model_validate(answer)
    found: list[dict[str, Any]] = answer["acceptances"]
    return found


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        pytest.param({"reason": " "}, 422, "the reason is empty", id="no reason"),
        pytest.param({"metrics": ["macz"]}, 422, "no metric 'macz'", id="a metric"),
        pytest.param({"scope": "x"}, 422, "no part of a model", id="a scope"),
        pytest.param({"point": "b32"}, 404, "b32", id="a point"),
        pytest.param({"version": "detector@v9"}, 404, "v9", id="a version"),
        pytest.param({"version": "/etc/passwd"}, 422, "no name for a model", id="a path"),
        pytest.param({"expires_at": "2001-01-01T00:00:00Z"}, 422, "is over", id="a day gone by"),
        pytest.param({"expires_at": "2999-01-01T00:00:00"}, 422, "expires_at", id="no time zone"),
        pytest.param(
            {"expires_at": "9999-12-31T23:59:59-23:59"}, 422, "expires_at", id="the year 10,000"
        ),
        pytest.param({"policy": ""}, 422, "no rules", id="an empty policy"),
    ],
)
def test_refusals(asked: dict[str, Any], status: int, error: str, filled: Api) -> None:
    answer = accept(filled, **asked)
    assert (answer.status_code, error in answer.json()["error"]) == (status, True), answer.text
    assert filled.rows()["acceptance"] == []


@pytest.mark.parametrize(
    ("number", "status"),
    [("7", 404), ("0", 422), ("x", 422), (str(2**63), 422)],
)
def test_what_cannot_be_taken_back(number: str, status: int, filled: Api) -> None:
    assert filled.admin.post(f"/acceptances/{number}/revoke").status_code == status


def test_what_is_accepted_again_by_one_key_is_there_once(filled: Api) -> None:
    said = {"version": "detector@v2", "reason": "x", "metrics": ["macs"]}
    key = {"Idempotency-Key": "one"}
    first, again = (filled.admin.post("/acceptances", json=said, headers=key) for _ in range(2))
    assert (again.status_code, again.json()) == (201, first.json())
    assert again.headers["Idempotency-Replayed"] == "true"
    assert len(filled.rows()["acceptance"]) == 1
