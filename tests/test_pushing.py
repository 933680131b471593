"""Analyses that go between a client and a server: nothing is lost, and nothing else gets in."""

import json
from dataclasses import replace
from typing import Any

import pytest
from builders.analyses import analysis, chain, state_dict
from builders.graphs import activation, fed, graph, layer, stored

from costdb import canonical
from costdb.contracts import Counts, Rule
from costdb.cost.engine import cost
from costdb.cost.result import Analysis, View
from costdb.cost.rules import built_in_rules, rule_table
from costdb.errors import BrokenArtifact, CostError
from costdb.ir import Body, DType, Graph, Layer, Role, Tensor, assemble
from costdb.pushing import (
    CarriedAnalysis,
    Push,
    carried_analysis,
    carried_document,
    checked,
    json_value,
    push_document,
    recount_by,
)

Json = dict[str, Any]


def counted(costed: Graph, **about: Any) -> Analysis:
    """An analysis of a graph with what it really costs."""
    return analysis(costed, cost=cost(costed), **about)


def looped(depth: int = 1) -> Graph:
    """A product that loops in loops repeat, three times each."""
    x = fed("x", 1, 8)
    inner = Tensor("s", (1, 8), DType.FLOAT32, Role.INPUT)
    weight = stored("w", 8, 8)
    body = assemble(
        [layer("MatMul", [inner, weight], activation("p", 1, 8))],
        inputs=[inner],
        outputs=[activation("p", 1, 8)],
    )
    for level in range(depth):
        outer = Tensor(f"s{level}", (1, 8), DType.FLOAT32, Role.INPUT)
        repeated = Layer(
            f"loop{level}",
            "Loop",
            (None, None, outer),
            (activation(f"y{level}", 1, 8),),
            bodies=(Body(body, 3),),
        )
        body = assemble([repeated], inputs=[outer], outputs=[repeated.output])
    last = replace(body.layers[0], inputs=(None, None, x))
    return assemble([last], inputs=[x], outputs=[last.output], file_format="test")


def sent(document: Json) -> CarriedAnalysis:
    """A document as it arrives."""
    return checked(CarriedAnalysis, json_value(json.dumps(document).encode()))


ODD_NAMES = chain(prefix="\x1b[31m<b>\udc80\ud800\x00")
ODD_NUMBERS = graph(
    [
        layer(
            "Clip",
            [fed("x", 1, 8)],
            activation("y", 1, 8),
            low=float("-inf"),
            high=float("nan"),
            list=(1.5, float("inf")),
            text="é\ud800",
        )
    ]
)


@pytest.mark.parametrize(
    "costed",
    [
        pytest.param(chain(), id="a chain"),
        pytest.param(state_dict(), id="no graph"),
        pytest.param(looped(3), id="loops in loops"),
        pytest.param(ODD_NAMES, id="names that are no text"),
        pytest.param(ODD_NUMBERS, id="numbers that JSON has not"),
    ],
)
@pytest.mark.parametrize("recount", [None, recount_by(built_in_rules())], ids=["as is", "again"])
def test_nothing_is_lost(costed: Graph, recount: Any) -> None:
    carried = counted(costed, point="b32", warnings=("so", "it is \ud800"), path="a/b.onnx")
    found = carried_analysis(sent(carried_document(carried)), recount)
    # NaN is equal to nothing; its JSON is.
    assert (found.structure, found.names) == (carried.structure, carried.names)
    assert replace(found, graph=carried.graph, artifact=carried.artifact) == carried
    assert canonical.structure_json(found.graph) == carried.structure
    assert found.artifact.path == "a/b.onnx"


def test_numbers_are_believed_or_counted_again() -> None:
    carried = sent(carried_document(analysis(chain())))  # made-up numbers
    assert carried_analysis(carried).cost.totals.macs == 8003
    again = carried_analysis(carried, recount_by(built_in_rules()))
    assert again.cost.totals.macs == 2 * 8 * 8


def test_a_graph_that_came_lately_is_not_counted_again() -> None:
    calls = []

    def count(costed: Layer) -> Counts:
        calls.append(costed.name)
        return Counts()

    recount = recount_by(rule_table([Rule("Twist", count, domain="acme")]))
    x = fed("x", 1, 8)
    twist = graph([layer("Twist", [x], activation("y", 1, 8), domain="acme")])
    carried = carried_document(counted(twist))
    first, second = (carried_analysis(sent(carried), recount) for _ in range(2))
    assert calls == ["y"]
    assert first == second


def test_a_push_says_all_that_an_ingest_is_told() -> None:
    said: Json = {
        "model": "detector",
        "tag": "v1",
        "branch": "dev",
        "git_sha": "abc",
        "author": "ann",
        "source": "job 7",
        "sha256": "0" * 64,
        "replace": True,
    }
    push = checked(Push, json_value(json.dumps(push_document([counted(chain())], **said)).encode()))
    assert {key: getattr(push, key) for key in said} == said
    assert len(push.analyses) == 1


def document(costed: Graph | None = None, **changes: Any) -> Json:
    """A carried analysis of a chain, of which something in the structure or names is changed.

    The digest is that of what was changed, as a client with a bug would send it.
    """
    made: Json = json_value(json.dumps(carried_document(counted(costed or chain()))).encode())
    for place, value in changes.items():
        part, *keys, last = [int(key) if key.isdecimal() else key for key in place.split("__")]
        target: Any = made[str(part)]
        for key in keys:
            target = target[key]
        target[last] = value
    structure = canonical.canonical_json(made["structure"])
    made["analysis"]["artifact"]["structure"] = canonical.structure_digest(structure)
    return made


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"structure__format": 1}, "wrong at format", id="a number for a text"),
        pytest.param({"structure__format": "\x00"}, "format", id="NUL"),
        pytest.param({"structure__more": 1}, "more", id="a key too many"),
        pytest.param({"structure__inputs": [-1]}, "inputs.0", id="a negative tensor"),
        pytest.param({"structure__inputs": [99]}, "do not fit each other", id="no such tensor"),
        pytest.param({"structure__inputs": [True]}, "inputs.0", id="a truth for a number"),
        pytest.param({"structure__tensors__0__0": [-1]}, "a shape is", id="a negative size"),
        pytest.param({"structure__tensors__0__0": [2**63]}, "a shape is", id="a size of 2^63"),
        pytest.param({"structure__tensors__0__0": [2**62, 8]}, "64-bit", id="a product of 2^65"),
        pytest.param({"structure__tensors__0__1": "float7"}, "no dtype 'float7'", id="no dtype"),
        pytest.param({"structure__tensors__0__1": {}}, "dict stands", id="an object for a dtype"),
        pytest.param({"structure__tensors__0__2": "god"}, "no role 'god'", id="no role"),
        pytest.param({"structure__tensors__0": [None]}, "a tensor is", id="half a tensor"),
        pytest.param({"structure__layers__0__op": {}}, "layers.0.op", id="an object for an op"),
        pytest.param({"structure__layers__0__dtype": "x"}, "no dtype 'x'", id="no compute dtype"),
        pytest.param({"structure__layers__0__outputs": [0]}, "twice", id="an input made again"),
        pytest.param(
            {"structure__layers__0__inputs": [4, 1, None]}, "only after", id="a cycle of two"
        ),
        pytest.param(
            {"structure__layers__0__inputs": [2, 1, None]}, "only after", id="a cycle of one"
        ),
        pytest.param({"structure__outputs": [3, 99]}, "do not fit", id="no such output"),
        pytest.param(
            {"structure__layers__0__attributes": {"a": 2**64}}, "64 bits", id="a large attribute"
        ),
        pytest.param(
            {"structure__layers__0__attributes": {"a": {"float": 1}}}, "object", id="an object"
        ),
        pytest.param(
            {"structure__layers__0__attributes": {"a": None}}, "NoneType", id="nothing"
        ),
        pytest.param({"structure__layers": []}, "do not fit", id="names of more layers"),
        pytest.param({"structure__layers": {}}, "layers", id="an object for a list"),
        pytest.param({"names__layers": ["a"]}, "do not fit", id="names of fewer layers"),
        pytest.param({"names__layers": [1, 2]}, "layers.0", id="numbers for names"),
        pytest.param({"names__tensors__1": "x"}, "of one name", id="one name for two tensors"),
        pytest.param({"names__bodies": [{}]}, "bodies.0", id="names of no body"),
    ],
)  # fmt: skip
def test_a_graph_that_no_loader_makes(change: Json, error: str) -> None:
    with pytest.raises((BrokenArtifact, CostError), match=error) as caught:
        carried_analysis(sent(document(**change)), recount_by(built_in_rules()))
    assert "\n" not in caught.value.message


def test_layers_in_an_order_that_costdb_does_not_write() -> None:
    # The second product's weight comes before the first one's.
    swapped = {0: 0, 1: 3, 2: 2, 3: 1, 4: 4}
    made = document()
    structure, names = made["structure"], made["names"]
    for entry in structure["layers"]:
        entry["inputs"] = [None if n is None else swapped[n] for n in entry["inputs"]]
        entry["outputs"] = [swapped[n] for n in entry["outputs"]]
    for listed in (structure["tensors"], names["tensors"]):
        listed[1], listed[3] = listed[3], listed[1]
    digest = canonical.structure_digest(canonical.canonical_json(structure))
    made["analysis"]["artifact"]["structure"] = digest
    with pytest.raises(BrokenArtifact, match="not in the order in which they are read"):
        carried_analysis(sent(made))


@pytest.mark.parametrize("depth", [65, 150])
def test_graphs_in_graphs(depth: int) -> None:
    made = carried_document(counted(looped()))
    inner = made["structure"]["layers"][0]["bodies"][0][1]
    names = made["names"]["bodies"][0]
    for _ in range(depth):
        outer = looped()
        structure, outer_names = (
            json.loads(text)
            for text in (canonical.structure_json(outer), canonical.names_json(outer))
        )
        structure["layers"][0]["bodies"][0][1] = inner
        outer_names["bodies"][0] = names
        inner, names = structure, outer_names
    made["structure"], made["names"] = inner, names
    digest = canonical.structure_digest(canonical.canonical_json(inner))
    made["analysis"]["artifact"]["structure"] = digest
    with pytest.raises(BrokenArtifact, match="nests deeper than any model"):
        carried_analysis(sent(made), recount_by(built_in_rules()))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"structure": "ir1:00"}, "says 'ir1:00'", id="another digest"),
        pytest.param({"bytes": -1}, "bytes", id="a negative size"),
        pytest.param({"path": 1}, "path", id="a number for a path"),
    ],
)
def test_an_artifact_that_is_not_that_of_the_graph(change: Json, error: str) -> None:
    made = document()
    made["analysis"]["artifact"] |= change
    with pytest.raises(BrokenArtifact, match=error):
        carried_analysis(sent(made))


@pytest.mark.parametrize(
    ("change", "error"),
    [
        pytest.param({"layers": []}, "costs of 0 layers", id="fewer layers"),
        pytest.param({"rules": 2**63}, "rules", id="a number of 64 bits"),
        pytest.param({"totals": {}}, "totals.params", id="no totals"),
        pytest.param({"view": "other"}, "view", id="no view"),
    ],
)
def test_costs_that_cannot_be_believed(change: Json, error: str) -> None:
    made = document()
    made["analysis"] |= change
    with pytest.raises(BrokenArtifact, match=error):
        carried_analysis(sent(made))


def test_a_layers_dtype_that_is_none() -> None:
    made = document()
    made["analysis"]["layers"][0]["dtype"] = "float7"
    with pytest.raises(BrokenArtifact, match="'float7' is not a valid DType"):
        carried_analysis(sent(made))


def test_only_the_deployed_view_is_counted_again() -> None:
    costed = chain()
    made = analysis(costed, cost=cost(costed, view=View.STORED))
    carried = sent(carried_document(made))
    assert carried_analysis(carried).cost.view is View.STORED
    with pytest.raises(BrokenArtifact, match="of the view 'stored' instead of the deployed one"):
        carried_analysis(carried, recount_by(built_in_rules()))


def test_a_rule_that_breaks_is_the_pushers_problem(caplog: pytest.LogCaptureFixture) -> None:
    def count(costed: Layer) -> Counts:
        raise ZeroDivisionError(costed.name)

    recount = recount_by(rule_table([Rule("Twist", count, domain="acme")]))
    twist = graph([layer("Twist", [fed("x", 1)], activation("y", 1), domain="acme")])
    with pytest.raises(BrokenArtifact, match="cannot be counted: ZeroDivisionError: y"):
        carried_analysis(sent(carried_document(counted(twist))), recount)
    assert "ZeroDivisionError" in caplog.text


@pytest.mark.parametrize(
    ("text", "error"),
    [
        pytest.param(b"{", "is no JSON", id="half"),
        pytest.param(b"\xff", "is no JSON", id="no text"),
        pytest.param(b"NaN", "NaN is no JSON", id="no number"),
        pytest.param(b"[-Infinity]", "-Infinity is no JSON", id="no end"),
        pytest.param(b"1" + b"0" * 5000, "is no JSON", id="many digits"),
        pytest.param(b"[" * 200_000, "nests deeper", id="deep"),
    ],
)
def test_what_is_no_json(text: bytes, error: str) -> None:
    with pytest.raises(BrokenArtifact, match=error):
        json_value(text)
