"""`GET /history`: the same as `costdb history --format json`, streamed."""

from typing import Any

import pytest
from builders.analyses import chain
from builders.api_server import Api, counted
from sqlalchemy import insert, select

from costdb.pushing import push_document
from costdb.report.history import history_document
from costdb.server.api.schema import HistoryDocument, ModelsDocument
from costdb.store import schema
from costdb.store.database import write_transaction
from costdb.store.history import history


@pytest.fixture
def filled(api: Api) -> Api:
    """Two models; one has two branches, and two operating points."""
    for number, branch in enumerate(("main", "main", "dev")):
        api.push(f"v{number}", width=8 + number, branch=branch)
    points = [counted(chain(width=width), point=f"w{width}") for width in (4, 5)]
    api.admin.post("/versions", json=push_document(points, model="tracker", tag="t1"))
    return api


def told(answer: Any) -> list[tuple[str, str, str, list[str]]]:
    """Model, point, branch and tags of each series."""
    return [
        (line["model"], line["point"], line["branch"], [one["tag"] for one in line["versions"]])
        for line in answer.json()["series"]
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(
            "",
            [
                ("detector", "default", "dev", ["v2"]),
                ("detector", "default", "main", ["v0", "v1"]),
                ("tracker", "w4", "main", ["t1"]),
                ("tracker", "w5", "main", ["t1"]),
            ],
            id="everything",
        ),
        pytest.param("model=tracker&point=w5", [("tracker", "w5", "main", ["t1"])], id="a point"),
        pytest.param("branch=dev", [("detector", "default", "dev", ["v2"])], id="a branch"),
        pytest.param(
            "model=detector&branch=main&last=1",
            [("detector", "default", "main", ["v1"])],
            id="the last",
        ),
        pytest.param(
            "model=detector&since=v1",
            [("detector", "default", "dev", ["v2"]), ("detector", "default", "main", ["v1"])],
            id="since a tag",
        ),
        pytest.param(
            "model=detector&until=v0", [("detector", "default", "main", ["v0"])], id="until a tag"
        ),
        pytest.param("until=2001-01-01", [], id="until a day"),
        pytest.param(
            "model=tracker&model=detector&point=w4",
            [("tracker", "w4", "main", ["t1"])],
            id="two models",
        ),
    ],
)
def test_what_is_asked_for_is_told(
    query: str, expected: list[tuple[str, str, str, list[str]]], filled: Api
) -> None:
    answer = filled.admin.get(f"/history?{query}")
    HistoryDocument.model_validate(answer.json())
    assert told(answer) == expected


def test_it_is_the_contract_of_the_command_line(filled: Api) -> None:
    answer = filled.admin.get("/history?model=detector&metric=arithmetic_intensity")
    series = history(filled.engine, "detector")
    assert answer.json() == history_document(series, ["arithmetic_intensity"])
    assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "status", "error"),
    [
        pytest.param("model=nothing", 404, "no model 'nothing'", id="a model"),
        pytest.param("model=detector&since=v9", 404, "no version 'v9'", id="a tag"),
        pytest.param("model=../x", 422, "is no name for a model", id="no name"),
        pytest.param("since=v1", 422, "is no day", id="a tag of no model"),
        pytest.param("metric=flopz", 422, "no metric 'flopz'", id="a metric"),
        pytest.param("last=0", 422, "last", id="none"),
        pytest.param("since=%00", 422, "since", id="NUL"),
        pytest.param("since=0001-01-01T00:00:00%2B23:59", 422, "no day", id="the year 0"),
        pytest.param("until=9999-12-31T23:59:59-23:59", 422, "no day", id="the year 10,000"),
        pytest.param("point=%00", 422, "point", id="NUL in a point"),
        pytest.param("&".join(["model=a"] * 101), 422, "model", id="too many"),
    ],
)
def test_an_error_is_no_half_answer(query: str, status: int, error: str, filled: Api) -> None:
    answer = filled.admin.get(f"/history?{query}")
    assert answer.status_code == status
    assert error in answer.json()["error"]


def test_a_history_of_any_length_arrives_whole(api: Api) -> None:
    """It is longer than the 4 MiB that are made before the answer starts."""
    api.push("v1")
    copy_version(api, 9000)
    answer = api.admin.get("/history")
    assert len(answer.content) > 5 << 20
    assert told(answer) == [("detector", "default", "main", [f"v{n}" for n in range(1, 9001)])]
    assert api.engine.pool.checkedout() == 0  # type: ignore[attr-defined] # a QueuePool


def copy_version(api: Api, last: int) -> None:
    """Add versions v2 and so on, which cost what the only one does."""
    numbers = range(2, last + 1)
    with write_transaction(api.engine) as connection:
        version = connection.execute(select(schema.version)).mappings().one()
        analysis = connection.execute(select(schema.analysis)).mappings().one()
        connection.execute(
            insert(schema.version),
            [{**version, "id": n, "tag": f"v{n}", "ordinal": 1024 * n} for n in numbers],
        )
        connection.execute(
            insert(schema.analysis), [{**analysis, "id": n, "version_id": n} for n in numbers]
        )


def test_models_come_with_their_latest_costs(filled: Api) -> None:
    answer = filled.admin.get("/models").json()
    ModelsDocument.model_validate(answer)
    assert [(one["model"], one["latest"], one["versions"]) for one in answer["models"]] == [
        ("detector", "v1", 3),
        ("tracker", "t1", 1),
    ]
    assert answer["models"][0]["points"]["default"]["macs"] == 162  # 2 products of 1x9 and 9x9
