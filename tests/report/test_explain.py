"""Two totals side by side, and where they part."""

import json

import pytest
from builders.graphs import activation, fed, layer, stored

from costdb import canonical
from costdb.api import Explained
from costdb.cost.conventions import convention_named
from costdb.cost.engine import cost
from costdb.cost.explanation import explain
from costdb.cost.result import Analysis, Artifact
from costdb.ir import Layer, assemble
from costdb.report.explain import Rollup, explain_document, explain_listings, parting_layers
from costdb.report.explain_schema import ExplainDocument
from costdb.report.text import comma_separated, markdown

HOSTILE = "<b>=1+1|\x1b[31m"


def conv_and_norm(number: int, data: str, channels: int) -> list[Layer]:
    conv = layer(
        "Conv",
        [activation(data, 1, 3, 8, 8) if number else fed(data, 1, 3, 8, 8),
         stored(f"w{number}", channels, 3, 1, 1)],
        activation(f"c{number}", 1, channels, 8, 8),
    )  # fmt: skip
    weights = [stored(f"{name}{number}", channels) for name in "sbmv"]
    return [
        conv,
        layer(
            "BatchNormalization",
            [conv.output, *weights],
            activation(f"n{number}", 1, channels, 8, 8),
            name=HOSTILE if number else "norm",
        ),
    ]


def explained(convention: str, *, norms: bool = True) -> Explained:
    """Two convolutions of 3 and 5 channels on 8x8, each with a batch norm."""
    layers = [*conv_and_norm(0, "x", 3), *conv_and_norm(1, "n0", 5)]
    if not norms:
        layers = layers[:1]
    graph = assemble(layers, inputs=[fed("x", 1, 3, 8, 8)], outputs=[layers[-1].output])
    structure, names = canonical.structure_json(graph), canonical.names_json(graph)
    analysis = Analysis(
        Artifact("net.onnx", "onnx", "onnx", 1_024),
        graph,
        "onnx",
        1,
        structure,
        canonical.structure_digest(structure),
        names,
        canonical.names_digest(names),
        "default",
        cost(graph),
    )
    return Explained(analysis, explain(graph, convention_named(convention)))


REASON = "fvcore counts 2 for each element, 1 without scale and bias; costdb folds it at deployment"
# 64 positions, 3 weights each, 3 and 5 channels; 2 for each element of the norms.
MACS, NORMS = 64 * 3 * 3 + 64 * 3 * 5, 2 * 64 * (3 + 5)


def test_the_totals_and_then_the_operators_that_part() -> None:
    totals, parts = explain_listings(explained("fvcore"), Rollup.OP, None, "net.onnx")
    assert totals.title == "net.onnx"
    assert [row[0::2] for row in totals.rows] == [
        ("costdb", MACS),
        ("fvcore", MACS + NORMS),
        ("difference", NORMS),
    ]
    assert totals.footer == ("fvcore differs from costdb by +66.67 %",)
    assert parts.rows == [("BatchNormalization", 2, 0, NORMS, NORMS, REASON)]


def test_the_layers_that_part_the_largest_difference_first() -> None:
    explanation = explained("fvcore").explanation
    listing = parting_layers(explanation, Rollup.LAYER)
    assert [row[:6] for row in listing.rows] == [
        (HOSTILE, "BatchNormalization", "1x5x8x8", 0, 640, 640),
        ("norm", "BatchNormalization", "1x3x8x8", 0, 384, 384),
    ]
    short = parting_layers(explanation, Rollup.LAYER, top=1)
    assert len(short.rows) == 1
    assert short.footer == ("1 more that differ less; --top 2 shows all",)


def test_conventions_that_agree_have_one_table() -> None:
    (totals,) = explain_listings(explained("torchvision"), Rollup.OP, None, "net.onnx")
    assert totals.footer == ("the two agree, layer by layer",)


def test_what_is_not_counted_is_said() -> None:
    odd = layer("Odd", [fed("x", 4)], activation("y", 4), domain="me")
    graph = assemble([odd], inputs=[fed("x", 4)], outputs=[odd.output])
    whole = explained("fvcore")
    unknown = Explained(whole.analysis, explain(graph, convention_named("fvcore")))
    (totals,) = explain_listings(unknown, Rollup.OP, None, "net.onnx")
    assert totals.footer[1].startswith("costdb cannot count 1 layer: its total is a lower bound")
    product = layer("MatMul", [fed("x", 2, 4), fed("v", 4)], activation("y", 2))
    graph = assemble([product], inputs=[fed("x", 2, 4), fed("v", 4)], outputs=[product.output])
    vector = Explained(whole.analysis, explain(graph, convention_named("fvcore")))
    totals, parts = explain_listings(vector, Rollup.LAYER, None, "net.onnx")
    assert totals.footer == (
        "fvcore differs from costdb by -100.00 %",
        "fvcore cannot count 1 layer: its total is a lower bound",
    )
    assert parts.rows[0][-1] == "fvcore cannot count it: fvcore fails on products with a vector"


@pytest.mark.parametrize("convention", ["fvcore", "thop", "2mac", "article", "torchvision"])
def test_the_numbers_of_the_document_add_up(convention: str) -> None:
    document = json.loads(json.dumps(explain_document(explained(convention))))
    assert list(document) == [
        "schema", "rules", "artifact", "point", "convention", "unit", "total", "uncounted",
        "layers",
    ]  # fmt: skip
    assert document["schema"] == "costdb.explain/1"
    assert document["convention"] == convention
    assert document["unit"] == convention_named(convention).unit
    assert document["artifact"]["path"] == "net.onnx"
    assert document["uncounted"] == {"costdb": 0, "convention": 0}
    layers, total = document["layers"], document["total"]
    assert len(layers) == 4
    for key in ("costdb", "convention", "difference"):
        assert sum(entry[key] for entry in layers) == total[key]
    assert total["convention"] - total["costdb"] == total["difference"]


def test_hostile_names_come_out_inert() -> None:
    listing = parting_layers(explained("fvcore").explanation, Rollup.LAYER)
    assert "\x1b" not in comma_separated(listing)
    assert "<b>" not in markdown(listing)
    assert "\x1b" not in markdown(listing)


@pytest.mark.parametrize("convention", ["article", "fvcore", "2mac"])
def test_the_json_is_of_the_form_that_is_written_down(convention: str) -> None:
    written = explain_document(explained(convention))
    document = ExplainDocument.model_validate_json(json.dumps(written))
    assert document.model_dump(by_alias=True, mode="json") == written
    differences = [layer.difference for layer in document.layers]
    assert sum(differences) == document.total.difference
