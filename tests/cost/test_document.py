"""`costdb.analysis/1` out and in again."""

import json
from dataclasses import replace
from typing import Any

import pytest
from builders.graphs import activation, costed, fed, graph, layer, stored

from costdb import canonical
from costdb.cost.document import analysis_document
from costdb.cost.engine import cost
from costdb.cost.result import Analysis, Artifact, GraphCost
from costdb.cost.schema import read_document
from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph, Role, Tensor

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


def written() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(json.dumps(analysis_document(analysis())))
    return document


def test_it_has_the_keys_of_the_contract() -> None:
    document = written()
    assert document["schema"] == "costdb.analysis/1"
    assert list(document) == [
        "schema", "rules", "artifact", "inputs", "outputs", "point", "view", "convention",
        "totals", "derived", "peak", "coverage", "warnings", "layers",
    ]  # fmt: skip
    assert document["inputs"] == {"x": {"shape": [1, 3, 8, 8], "dtype": "float32"}}
    assert document["coverage"] == {
        "exact": 1, "estimated": 0, "bounded": 0, "unknown": 1, "unknown_ops": {"me:Odd": 1},
        "unknown_reasons": {"me:Odd": "no rule counts me:Odd"},
    }  # fmt: skip


def test_it_says_where_activations_peak_and_how_intense_the_arithmetic_is() -> None:
    document = written()
    # x and c live while the convolution runs, 192 and 144 elements of 4 bytes.
    assert document["peak"] == {"position": 0, "layer": "c", "op": "Conv", "bytes": 4 * (192 + 144)}
    # 144 dot products of length 27; x, 108 weights and c are moved, and c again by what is unknown.
    flops, moved = 144 * 53, 4 * (192 + 108 + 144)
    assert document["derived"] == {
        "arithmetic_intensity": flops / (moved + 4 * 144),
        "bytes_per_parameter": 4.0,
        "macs_per_parameter": 144 * 27 / 108,
        "operations": flops,
    }
    first, second = document["layers"]
    assert (first["arithmetic_intensity"], second["arithmetic_intensity"]) == (flops / moved, 0.0)


def test_weights_alone_have_no_peak_and_no_intensity() -> None:
    weights = Tensor("w", (4,), DType.FLOAT32, Role.PARAMETER)
    held = Graph((), (), (), unread=(weights,))
    document = analysis_document(replace(analysis(), graph=held, cost=cost(held)))
    assert document["peak"] is None
    assert document["derived"] == {
        "arithmetic_intensity": None,
        "bytes_per_parameter": 4.0,
        "macs_per_parameter": None,
        "operations": None,
    }


def test_a_layer_that_moves_nothing_has_no_intensity() -> None:
    data = fed("x", 4)
    view = layer("Identity", [data], activation("y", 4))
    document = analysis_document(replace(analysis(), cost=costed([view])))
    assert document["layers"][0]["arithmetic_intensity"] is None


def test_it_comes_back_as_it_was() -> None:
    text = json.dumps(written()).encode()
    document, read = read_document(text, "costs.json")
    assert (document.point, document.warnings) == ("default", ["a note"])
    assert read == analysis().cost
    assert isinstance(read, GraphCost)


def test_one_that_was_written_before_there_were_derived_numbers_is_read_as_well() -> None:
    old = written()
    del old["derived"], old["peak"], old["coverage"]["unknown_reasons"]
    for entry in old["layers"]:
        del entry["arithmetic_intensity"]
    _, read = read_document(json.dumps(old).encode(), "costs.json")
    assert read == analysis().cost


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
        read_document(text, "costs.json")


@pytest.mark.parametrize("text", [b"", b"{", b"[]", b"\xff\xfe", b"null"])
def test_what_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(BrokenArtifact, match=r"is no costdb.analysis/1"):
        read_document(text, "costs.json")


def test_a_dtype_that_does_not_exist_is_refused() -> None:
    text = json.dumps(written()).replace(
        '"dtype": "float32", "coverage"', '"dtype": "f", "coverage"'
    )
    with pytest.raises(BrokenArtifact, match="'f'"):
        read_document(text.encode(), "costs.json")
