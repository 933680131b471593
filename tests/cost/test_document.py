"""`costdb.analysis/1` out and in again."""

import json

import pytest
from builders.graphs import activation, costed, fed, graph, layer, stored

from costdb import canonical
from costdb.cost.document import analysis_document
from costdb.cost.result import Analysis, Artifact, GraphCost
from costdb.cost.schema import read_analysis
from costdb.errors import BrokenArtifact

LAYERS = [
    layer("Conv", [fed("x", 1, 3, 8, 8), stored("w", 4, 3, 3, 3)], activation("c", 1, 4, 6, 6)),
    layer("Odd", [activation("c", 1, 4, 6, 6), None], activation("y", None, 2), domain="me"),
]


def analysis() -> Analysis:
    built = graph(LAYERS)
    structure, names = canonical.structure_json(built), canonical.names_json(built)
    return Analysis(
        Artifact("net.onnx", "onnx", "onnx", 10), built, "onnx", 1,
        structure, canonical.structure_digest(structure), names, canonical.names_digest(names),
        "default", costed(LAYERS), ("a note",),
    )  # fmt: skip


def written() -> dict[str, object]:
    document: dict[str, object] = json.loads(json.dumps(analysis_document(analysis())))
    return document


def test_it_has_the_keys_of_the_contract() -> None:
    document = written()
    assert document["schema"] == "costdb.analysis/1"
    assert list(document) == [
        "schema", "rules", "artifact", "inputs", "outputs", "point", "view", "convention",
        "totals", "coverage", "warnings", "layers",
    ]  # fmt: skip
    assert document["inputs"] == {"x": {"shape": [1, 3, 8, 8], "dtype": "float32"}}
    assert document["coverage"] == {
        "exact": 1, "estimated": 0, "bounded": 0, "unknown": 1, "unknown_ops": {"me:Odd": 1},
    }  # fmt: skip


def test_it_comes_back_as_it_was() -> None:
    text = json.dumps(written()).encode()
    point, cost = read_analysis(text, "costs.json")
    assert point == "default"
    assert cost == analysis().cost
    assert isinstance(cost, GraphCost)


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        pytest.param({"schema": "costdb.analysis/2"}, "schema", id="another version"),
        pytest.param({"totals": {}}, "totals.params", id="a total is missing"),
        pytest.param({"rules": -1}, "rules", id="negative"),
        pytest.param({"rules": 2**63}, "rules", id="too large"),
        pytest.param({"rules": "1"}, "rules", id="text for a number"),
        pytest.param({"layers": [{}]}, "layers.0", id="an empty layer"),
        pytest.param({"view": "sideways"}, "view", id="no such view"),
    ],
)
def test_a_document_that_is_none_says_where(change: dict[str, object], complaint: str) -> None:
    text = json.dumps({**written(), **change}).encode()
    with pytest.raises(BrokenArtifact, match=f"costs.json.*{complaint}"):
        read_analysis(text, "costs.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenArtifact, match=r"is no costdb.analysis/1"):
        read_analysis(text, "costs.json")


def test_a_dtype_that_does_not_exist_is_refused() -> None:
    text = json.dumps(written()).replace(
        '"dtype": "float32", "coverage"', '"dtype": "f", "coverage"'
    )
    with pytest.raises(BrokenArtifact, match="'f'"):
        read_analysis(text.encode(), "costs.json")
