"""`GET /diff`: two versions, and nothing else."""

import pytest
from builders.api_server import Api

from costdb.report.diff_schema import DiffDocument


@pytest.fixture
def filled(api: Api) -> Api:
    for number, width in enumerate((8, 9, 8)):
        api.push(f"v{number}", width=width)
    return api


def test_two_versions_are_compared(filled: Api) -> None:
    answer = filled.admin.get("/diff?old=detector@v0&new=detector@v1").json()
    DiffDocument.model_validate(answer)
    assert answer["totals"]["macs"] == {"old": 128, "new": 162, "change": 34, "percent": 26.5625}
    assert [layer["change"] for layer in answer["layers"]] == ["changed", "changed"]
    assert list(answer["attribution"]) == ["macs"]


def test_metrics_are_attributed_in_their_order(filled: Api) -> None:
    answer = filled.admin.get(
        "/diff?old=detector@v0&new=detector@v1&metric=params&metric=flops"
    ).json()
    assert list(answer["attribution"]) == ["params", "flops"]
    assert answer["attribution"]["params"]["kinds"]["changed"] == 34


def test_unchanged_layers_are_told_if_asked_for(filled: Api) -> None:
    path = "/diff?old=detector@v0&new=detector"
    assert filled.admin.get(path).json()["layers"] == []
    shown = filled.admin.get(f"{path}&unchanged=true").json()["layers"]
    assert [layer["change"] for layer in shown] == ["unchanged", "unchanged"]


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        pytest.param("old=detector@v0", 422, "new", id="one side"),
        pytest.param("old=detector@v0&new=detector@v9", 404, "no version 'v9'", id="no version"),
        pytest.param("old=detector@v0&new=/etc/passwd", 422, "no name for a model", id="a path"),
        pytest.param("old=detector@v0&new=pyproject.toml", 404, "no model", id="a file here"),
        pytest.param("old=detector@v0&new=https://e.example/m.onnx", 422, "name", id="a URL"),
        pytest.param("old=detector@v0&new=detector@v1&metric=layerz", 422, "metric", id="a metric"),
        pytest.param("old=detector@v0&new=detector@v1&point=b32", 422, "b32", id="a point"),
        pytest.param("old=detector@v0&new=detector@%00", 422, "new", id="NUL"),
    ],
)
def test_refusals(query: str, status: int, error: str, filled: Api) -> None:
    answer = filled.admin.get(f"/diff?{query}")
    assert answer.status_code == status
    assert error in answer.json()["error"]
