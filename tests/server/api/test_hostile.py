"""Names that attack whatever shows them come out of every JSON answer exactly, and inert."""

import json
from typing import Any

import pytest
from builders.api_server import Api, counted
from builders.graphs import activation, fed, graph, layer, stored
from builders.hostile import NAMES

from costdb.cost.result import Analysis
from costdb.ir import DType, Layer
from costdb.pushing import CarriedAnalysis, carried_analysis, checked, push_document

HOSTILE = {**NAMES, "workflow command": "::error::x\n##[error]y", "template": "{{ 7 * 7 }}${7*7}"}


def hostile(name: str, width: int) -> Analysis:
    """A model whose every text is a name, as far as a loader can make it so."""
    fed_in = fed(f"{name} in", 1, width)
    product = layer(
        "MatMul", [fed_in, stored(f"{name} w", width, width)], activation(name, 1, width)
    )
    odd = Layer(
        f"{name} layer",
        f"{name} op",
        (product.output,),
        (activation(f"{name} out", 1, width),),
        domain=name,
        scope=f"{name}/scope",
        attributes={name: name},
        compute_dtype=DType.FLOAT32,
        source_op=name,
        source_module=name,
    )
    return counted(graph([product, odd]), path=f"build/{name}", warnings=(name,))


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_every_answer(name: str, either_api: Api) -> None:
    old, new = hostile(name, 8), hostile(name, 9)
    origin: dict[str, Any] = {"git_sha": shown(name), "author": shown(name), "source": shown(name)}
    for tag, pushed in {"v1": old, "v2": new}.items():
        document = push_document([pushed], model="detector", tag=tag, **origin)
        sent = either_api.admin.post("/versions", content=json.dumps(document))
        assert answer_of(sent, 201)["warnings"] == []
    reason = {"version": "detector@v2", "metrics": ["macs"], "reason": shown(name) or "-"}

    def asked(method: str, path: str, body: Any = None) -> Any:
        return answer_of(either_api.admin.request(method, path, json=body))

    asked("GET", "/models")
    asked("GET", "/history")
    version = asked("GET", "/versions/detector/v1")
    assert version["artifact"]["path"] == f"build/{name}"
    assert {key: version[key] for key in origin} == origin
    assert asked("GET", "/versions?model=detector")["versions"][1] == version
    carried = asked("GET", "/versions/detector/v1/analysis")["carried"]
    found = carried_analysis(checked(CarriedAnalysis, carried))
    assert (found.graph, found.cost, found.warnings) == (old.graph, old.cost, old.warnings)
    layers = asked("GET", "/versions/detector/v1/layers")["layers"]
    assert [one["name"] for one in layers] == [name, f"{name} layer"]
    assert [(one["op"], one["scope"]) for one in layers[1:]] == [
        (f"{name}:{name} op", f"{name}/scope")
    ]
    diff = asked("GET", "/diff?old=detector@v1&new=detector@v2")
    assert [one["new"]["name"] for one in diff["layers"]] == [name, f"{name} layer"]
    check = asked("POST", "/check", {"target": "detector"})
    assert any(name in text for text in texts(check)), "attribution names the layer"
    asked("GET", "/findings")
    made = either_api.admin.post("/acceptances", json=reason)
    assert answer_of(made, 201)["accepted"][0]["reason"] == reason["reason"]
    asked("GET", "/acceptances")


def shown(name: str) -> str:
    """A name as JSON text can carry it: no half of a surrogate pair."""
    return name.encode("utf-8", "replace").decode()


def answer_of(answer: Any, status: int = 200) -> Any:
    """An answer, which no browser takes for a page, no terminal and no runner for a command."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.content.isascii()
    assert all(byte >= 0x20 or byte == 0x0A for byte in answer.content)
    assert b"##[" not in answer.content
    return json.loads(answer.content)


def texts(value: Any) -> list[str]:
    """Every text in a JSON value."""
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [text for item in value for text in texts(item)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())
def test_errors(name: str, api: Api) -> None:
    pushed = push_document([hostile(name, 8)], model="detector", tag="v1")
    names = pushed["analyses"][0]["names"]
    for wrong in (
        pushed | {"model": name},
        pushed | {"tag": f"a b {name}"},
        pushed | {name: 1},
        pushed | {"analyses": [pushed["analyses"][0] | {"names": names | {name: 1}}]},
    ):
        refused = answer_of(api.admin.post("/versions", content=json.dumps(wrong)), 422)
        assert refused["kind"] in {"UsageError", "BrokenArtifact"}
    assert api.rows()["version"] == []
