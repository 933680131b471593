"""`POST /replay`: what a policy would have said of past versions; nothing is kept."""

from typing import Any

import pytest
from builders.api_server import Api

from costdb.server.api.schema import ReplayDocument

STRICT = '[[rules]]\nmetric = "macs"\nmax_increase = "1%"\nseverity = "fail"\n'


@pytest.fixture
def filled(api: Api) -> Api:
    """MACs of 128, 128, 162 and 128: the third version is dearer than the one before."""
    for number, width in enumerate((8, 8, 9, 8), 1):
        api.push(f"v{number}", width=width)
    return api


def test_the_versions_at_which_it_fires(filled: Api) -> None:
    before = filled.rows()
    answer = filled.admin.post("/replay", json={"model": "detector", "policy": STRICT})
    assert answer.status_code == 200
    ReplayDocument.model_validate(answer.json())
    fired = [one["tag"] for one in answer.json()["versions"] if one["verdict"] == "regression"]
    assert fired == ["v3"]
    assert filled.rows() == before


@pytest.mark.parametrize(
    ("asked", "status", "error"),
    [
        pytest.param({}, 422, "model", id="nothing"),
        pytest.param({"model": "/etc/passwd"}, 422, "model", id="a path"),
        pytest.param({"model": "detektor"}, 404, "detektor", id="no such model"),
        pytest.param({"model": "detector", "policy": "x = 1"}, 422, "'x'", id="a policy"),
        pytest.param(
            {"model": "detector", "accepted": "["}, 200, "", id="a file that is not asked"
        ),
        pytest.param(
            {"model": "detector", "accepted": "[", "with_acceptances": True},
            422,
            "not valid TOML",
            id="a file that is none",
        ),
    ],
)
def test_refusals(asked: dict[str, Any], status: int, error: str, filled: Api) -> None:
    answer = filled.admin.post("/replay", json=asked)
    assert answer.status_code == status
    assert error in answer.json().get("error", "")
