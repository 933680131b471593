"""What a person reads of an analysis: totals, where they come from, the largest layers."""

import pytest
from builders.analyses import analysis
from builders.costs import state_dict_cost
from builders.graphs import activation, fed, graph, layer, stored

from costdb.cost.engine import cost
from costdb.ir import Graph, Layer
from costdb.report.analysis import (
    Grouping,
    analysis_listings,
    describe_peak,
    layers_listing,
    totals_listing,
)
from costdb.report.numbers import format_ratio
from costdb.report.text import comma_separated


def layers() -> list[Layer]:
    """A dense layer of 8 to 4, an activation, text, and an operator of nobody's."""
    return [
        layer("MatMul", [fed("x", 1, 8), stored("w", 8, 4)], activation("d", 1, 4), name="dense"),
        layer("Relu", [activation("d", 1, 4)], activation("r", 1, 4)),
        layer("StringSplit", [activation("r", 1, 4)], activation("s", 1, 4)),
        layer("Odd", [activation("s", 1, 4)], activation("y", 1, 4), domain="me"),
    ]


def built() -> Graph:
    return graph(layers())


def footer() -> tuple[str, ...]:
    shown = analysis(built(), cost=cost(built()))
    totals, _ = analysis_listings(shown, Grouping.LAYER, None, "net.onnx")
    return totals.footer


def test_it_says_at_which_layer_activations_peak() -> None:
    # 8 and 4 elements live while the product runs, later twice 4.
    assert "activations peak at layer 1 of 4, dense (MatMul)" in footer()


def test_it_says_why_an_operator_is_not_counted_if_there_is_more_to_say() -> None:
    assert "StringSplit: it works on text, whose length no shape tells" in footer()
    assert not any(line.startswith("me:Odd") for line in footer())
    assert any("StringSplit, me:Odd" in line for line in footer())


def test_weights_alone_have_no_peak() -> None:
    assert list(describe_peak(state_dict_cost(8))) == []


def test_totals_end_with_what_is_derived_from_them() -> None:
    rows = {str(row[0]): row[1:] for row in totals_listing(cost(built()).totals).rows}
    # 4 dot products of length 8 and 4 comparisons; 8 + 32 + 4 elements, then thrice 4 + 4.
    flops, moved = 4 * 15 + 4, 4 * (44 + 24)
    assert rows["flops"] == ("64", 64)
    assert rows["operations"] == ("64", flops)
    assert rows["arithmetic_intensity"] == (f"{flops / moved:.4g} FLOPs/byte", "")
    assert rows["macs_per_parameter"] == ("1.00 MACs/parameter", "")


def test_what_cannot_be_derived_is_a_dash() -> None:
    rows = {row[0]: row[1:] for row in totals_listing(state_dict_cost(8).totals).rows}
    assert rows["arithmetic_intensity"] == ("-", None)
    assert rows["bytes_per_parameter"] == ("4.00 bytes/parameter", "")


def test_layers_have_traffic_accesses_and_intensity() -> None:
    text = comma_separated(layers_listing(cost(built()), Grouping.LAYER, None)).splitlines()
    assert text[0] == (
        "layer,op,output,MACs,of all,FLOPs,params,weight bytes,accesses,traffic bytes,"
        "FLOPs/byte,counted"
    )
    # Accesses as a 1x1 convolution: each of 8 inputs for each of 4 outputs, 32 weights, 4 outputs.
    assert text[1] == f"dense,MatMul,1x4,32,100 %,60,32,128,68,{4 * 44},{60 / (4 * 44)},exact"


@pytest.mark.parametrize("by", [Grouping.OP, Grouping.SCOPE, Grouping.DTYPE])
def test_groups_add_their_layers_up(by: Grouping) -> None:
    rows = layers_listing(cost(built()), by, None).rows
    places = {"traffic": 8, "accesses": 7}
    total = cost(built()).totals
    assert sum(int(row[places["traffic"]] or 0) for row in rows) == total.traffic_bytes
    assert sum(int(row[places["accesses"]] or 0) for row in rows) == total.memory_accesses


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (4_089_184_256, "4.09 G"),
        (7, "7"),
        (12.3456, "12.35"),
        (1234.5, "1,234.50"),
        (1.0, "1.00"),
        (0.0012345678, "0.001235"),
        (0.0, "0"),
    ],
)
def test_ratios_read_well(value: float, text: str) -> None:
    assert format_ratio(value) == text
