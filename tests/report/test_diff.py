"""What a diff says, in each output."""

import json
from dataclasses import replace
from typing import Any

import pytest
from builders import hostile
from builders.costs import conv, graph_cost, layer, state_dict_cost

from costdb.comparing import Diff
from costdb.contracts import Coverage
from costdb.cost.result import GraphCost, LayerCost
from costdb.ir import DType, Tensor
from costdb.report import text
from costdb.report.diff import (
    Rollup,
    diff_document,
    diff_listings,
    headline,
    layers_listing,
    notes,
)
from costdb.report.diff_schema import DiffDocument
from costdb.sides import Costed
from costdb.trends.difference import difference


def costed(name: str, cost: GraphCost) -> Costed:
    inputs = (Tensor("x", (1, 3), DType.FLOAT32),)
    return Costed(name, "default", cost, inputs, file_format="onnx", structure=name)


def empty(**different: Any) -> Diff:
    """Two graphs of no layers, the second with something that is different."""
    return diff(costed("a", graph_cost([])), replace(costed("b", graph_cost([])), **different))


def diff(old: Costed, new: Costed, *metrics: str, other_points: tuple[str, ...] = ()) -> Diff:
    return Diff(old, new, difference(old.cost, new.cost, metrics), other_points)


def of_layers(old: list[LayerCost], new: list[LayerCost], *metrics: str) -> Diff:
    return diff(costed("v1", graph_cost(old)), costed("v2", graph_cost(new)), *metrics)


STEM = conv("net/stem", (3, 8), 32, scope="net/stem")
DECODER = [conv(f"conv_{n}", (8, 8), 32, scope=f"net/decoder/up{n}") for n in range(8)]
# 3*3*3*8 weights and 3*3*8*8 weights, on 32*32 pixels.
STEM_MACS, UP_MACS = 216 * 1024, 576 * 1024


def dense(macs: int, params: int = 0, name: str = "dense") -> LayerCost:
    return layer("MatMul", name, macs=macs, params=params)


@pytest.mark.parametrize(
    ("compared", "expected"),
    [
        pytest.param(
            of_layers([STEM], [STEM, *DECODER]),
            # 8 * 576 / 216 = 21.33 times as much is added.
            "macs +2,133.33 %: 100 % from net/decoder/* (8 new Conv)", id="a block more",
        ),
        pytest.param(
            of_layers([dense(4_100_000_000)], [dense(4_100_000_002)]),
            "macs +2: 100 % from dense (MatMul changed)", id="2 of 4.1e9",
        ),
        pytest.param(
            of_layers([dense(0)], [dense(5)]),
            "macs new (0 -> 5): 100 % from dense (MatMul changed)", id="from nothing",
        ),
        pytest.param(of_layers([dense(7)], [dense(7)]), "macs unchanged at 7", id="the same"),
        pytest.param(
            of_layers([dense(7, 4)], [dense(7, 5)]), "macs unchanged at 7, params +25.00 %",
            id="another metric changed",
        ),
        pytest.param(
            of_layers([dense(7, 4)], [dense(9, 5)], "params", "macs"),
            "params +25.00 %: 100 % from dense (MatMul changed)", id="the metric asked for",
        ),
        pytest.param(
            diff(costed("a", state_dict_cost(4)), costed("b", state_dict_cost(5))),
            "params +25.00 %: 100 % from unread weights (stored, but read by no layer)",
            id="weights without a graph",
        ),
        pytest.param(
            diff(costed("a", state_dict_cost(4)), costed("b", graph_cost([])), "macs"),
            "macs cannot be compared", id="a graph and weights",
        ),
    ],
)  # fmt: skip
def test_headline(compared: Diff, expected: str) -> None:
    assert headline(compared) == expected


UNKNOWN = layer("Odd", "odd", coverage=Coverage.UNKNOWN)


@pytest.mark.parametrize(
    ("compared", "expected"),
    [
        pytest.param(of_layers([STEM], [STEM, DECODER[0]]), [], id="nothing to know"),
        pytest.param(
            of_layers([STEM], [STEM, UNKNOWN]), ["v2 is a lower bound without Odd x1"],
            id="a lower bound",
        ),
        pytest.param(
            empty(inputs=(Tensor("x", (1, 4), DType.FLOAT32),)),
            ["input x is 1x4, was 1x3"], id="another input size",
        ),
        pytest.param(
            empty(inputs=(Tensor("x", (1, 3), DType.FLOAT16),)),
            ["input x is float16, was float32"], id="another input dtype",
        ),
        pytest.param(
            empty(point="b32"),
            ["a is at the operating point default, b at b32"], id="another point",
        ),
        pytest.param(
            empty(file_format="pt2"),
            ["a was read from onnx, b from pt2"], id="another format",
        ),
        pytest.param(
            empty(structure="a"),
            ["both have the same structure: they cost the same, whatever layers are called"],
            id="retrained",
        ),
        pytest.param(
            diff(costed("a", graph_cost([])), costed("b", graph_cost([])), other_points=("b32",)),
            ["both have other operating points: --point b32"], id="more points",
        ),
        pytest.param(
            diff(costed("a", state_dict_cost(4)), costed("b", graph_cost([])), "macs"),
            ["a has weights but no graph to cost"], id="no graph",
        ),
    ],
)  # fmt: skip
def test_notes(compared: Diff, expected: list[str]) -> None:
    assert list(notes(compared)) == expected


def cells(compared: Diff, total: str) -> list[object]:
    first, *_ = diff_listings(compared, Rollup.SCOPE, None)
    return next(list(row[1:]) for row in first.rows if row[0] == total)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            1_814_073_344, 4_089_184_256, ["1.81 G", "4.09 G", "+2.28 G", "+125.41 %"], id="up"
        ),
        pytest.param(2_000, 1_500, ["2.00 k", "1.50 k", "-500", "-25.00 %"], id="down"),
        pytest.param(5_000, 5_000, ["5.00 k", "5.00 k", "0", "0 %"], id="the same"),
        pytest.param(
            4_100_000_000, 4_100_000_002, ["4,100,000,000", "4,100,000,002", "+2", "+2"],
            id="equal when rounded",
        ),
        pytest.param(
            4_100_000_000, 4_100_012_345,
            ["4,100,000,000", "4,100,012,345", "+12,345", "+12,345"],
            id="equal when rounded, and the change is not small",
        ),
        pytest.param(0, 5, ["0", "5", "+5", "new (0 -> 5)"], id="from nothing"),
    ],
)  # fmt: skip
def test_totals(old: int, new: int, expected: list[str]) -> None:
    assert cells(of_layers([dense(old)], [dense(new)]), "macs") == expected


def test_a_total_that_is_not_known_is_a_dash() -> None:
    compared = diff(costed("a", state_dict_cost(4)), costed("b", graph_cost([dense(3)])))
    assert cells(compared, "macs") == ["-", "3", "-", "-"]


def test_bytes_have_their_unit() -> None:
    compared = of_layers([STEM], [STEM, DECODER[0]])
    assert cells(compared, "weight_bytes") == ["0.86 kB", "3.17 kB", "+2.30 kB", "+266.67 %"]


RELU = layer("Relu", "act", scope="net/act")
GELU = layer("Gelu", "act", scope="net/act")
MIX = layer("Einsum", "mix", scope="net/mix", macs=UP_MACS)
MOVED, KEPT, LAST = dense(1, 1, "x"), dense(1, 2, "y"), dense(1, 4, "w")
OLD = [STEM, DECODER[0], RELU, MOVED, KEPT, dense(1, 3, "z"), LAST]
NEW = [
    conv("net/stem", (3, 8), 64, scope="net/stem"),
    MIX,
    GELU,
    KEPT,
    dense(1, 3, "renamed"),
    LAST,
    MOVED,
]


@pytest.mark.parametrize(
    ("by", "rows"),
    [
        pytest.param(
            Rollup.SCOPE,
            [
                ("net/stem", 1, STEM_MACS, 4 * STEM_MACS, 3 * STEM_MACS,
                 "Conv changed 32x32 -> 64x64"),
                ("net/decoder/up0", 1, UP_MACS, 0, -UP_MACS, "1 removed Conv"),
                ("net/mix", 1, 0, UP_MACS, UP_MACS, "1 new Einsum"),
                ("net/act", 1, 0, 0, 0, "Relu replaced by Gelu"),
                ("(top)", 4, 4, 4, 0, "1 moved, 1 renamed, 2 unchanged"),
            ],
            id="scope",
        ),
        pytest.param(
            Rollup.OP,
            [
                ("Einsum", 1, 0, UP_MACS, UP_MACS, "1 new Einsum"),
                ("Conv", 2, STEM_MACS + UP_MACS, 4 * STEM_MACS, 3 * STEM_MACS - UP_MACS,
                 "Conv changed 32x32 -> 64x64, 1 removed Conv"),
                ("Gelu", 1, 0, 0, 0, "Relu replaced by Gelu"),
                ("MatMul", 4, 4, 4, 0, "1 moved, 1 renamed, 2 unchanged"),
            ],
            id="op",
        ),
        pytest.param(
            Rollup.LAYER,
            [
                ("net/stem", "Conv", "32x32 -> 64x64", STEM_MACS, 4 * STEM_MACS, 3 * STEM_MACS,
                 "Conv changed 32x32 -> 64x64"),
                ("net/decoder/up0/conv_0", "Conv", "1x8x32x32", UP_MACS, 0, -UP_MACS,
                 "1 removed Conv"),
                ("net/mix/mix", "Einsum", "1x8", 0, UP_MACS, UP_MACS, "1 new Einsum"),
                ("net/act/act", "Relu -> Gelu", "1x8", 0, 0, 0, "Relu replaced by Gelu"),
                ("z -> renamed", "MatMul", "1x8", 1, 1, 0, "1 renamed"),
                ("x", "MatMul", "1x8", 1, 1, 0, "1 moved"),
            ],
            id="layer",
        ),
    ],
)  # fmt: skip
def test_layers(by: Rollup, rows: list[tuple[object, ...]]) -> None:
    listing = layers_listing(of_layers(OLD, NEW), by)
    assert list(listing.rows) == rows


def test_what_is_unchanged_is_a_line_unless_asked_for() -> None:
    compared = of_layers([STEM, *DECODER], [STEM, *DECODER])
    (totals,) = diff_listings(compared, Rollup.LAYER, None)
    assert totals.footer[0] == "layers: 9 unchanged"
    listed = list(diff_listings(compared, Rollup.LAYER, None, with_unchanged=True))
    assert len(listed[-1].rows) == 9


def test_the_rows_that_are_left_out_are_counted() -> None:
    listing = layers_listing(of_layers([STEM], [STEM, *DECODER]), Rollup.LAYER, 3)
    assert len(listing.rows) == 3
    assert listing.footer == ("5 more that changed less; --top 0 shows all",)


def test_parts_that_are_left_out_are_counted() -> None:
    blocks = [dense(20 + n, 1, f"n{n}") for n in range(7)]
    _, parts, _ = diff_listings(of_layers([], blocks), Rollup.SCOPE, None)
    assert len(parts.rows) == 5
    assert parts.footer == ("2 smaller parts more; --format json lists them",)


def test_several_metrics_stand_beside_each_other() -> None:
    compared = of_layers([dense(1, 5)], [dense(2, 7)], "macs", "peak_memory_bytes")
    listing = layers_listing(compared, Rollup.OP)
    assert [column.name for column in listing.columns][2:-1] == [
        "old macs", "new macs", "change of macs",
        "old activation_bytes", "new activation_bytes", "change of activation_bytes",
    ]  # fmt: skip


DIFFS = {
    "layers": of_layers(OLD, NEW, "macs", "params", "peak_memory_bytes"),
    "the same": of_layers(OLD, OLD),
    "unread weights": diff(
        costed("a", graph_cost([STEM], unread_params=3)),
        costed("b", graph_cost([*DECODER], unread_params=5)),
        "params",
    ),
    "unknown layers": of_layers([UNKNOWN], [STEM]),
    "weights": diff(costed("a", state_dict_cost(4)), costed("b", graph_cost([STEM])), "macs"),
}


@pytest.mark.parametrize("name", DIFFS)
def test_the_json_keeps_its_contract(name: str) -> None:
    written = json.loads(json.dumps(diff_document(DIFFS[name], with_unchanged=True)))
    document = DiffDocument.model_validate(written)
    assert document.schema_ == "costdb.diff/1"
    assert document.headline == headline(DIFFS[name])
    assert document.counts.unchanged == sum(
        entry.change.value == "unchanged" for entry in document.layers
    )
    for metric, attribution in document.attribution.items():
        change = document.totals[metric].change
        assert sum(part.change for part in attribution.parts) == (change or 0)
        if attribution.kinds is not None:
            assert sum(attribution.kinds.model_dump().values()) == change


def test_the_json_is_exact() -> None:
    compared = of_layers([dense(4_100_000_000)], [dense(4_100_000_002), STEM])
    document = diff_document(compared)
    assert document["totals"]["macs"]["change"] == 2 + STEM_MACS
    assert document["attribution"]["macs"]["kinds"] == {
        "added": STEM_MACS, "removed": 0, "changed": 2, "unread": 0,
    }  # fmt: skip
    assert [entry["change"] for entry in document["layers"]] == ["changed", "added"]
    added = document["layers"][1]
    assert added["old"] is None
    assert (added["new"]["name"], added["new"]["macs"]) == ("net/stem", STEM_MACS)


@pytest.mark.parametrize("name", hostile.NAMES.values(), ids=hostile.NAMES)
@pytest.mark.parametrize("by", Rollup)
def test_names_are_inert(name: str, by: Rollup) -> None:
    old = graph_cost([dense(1), replace(STEM, name=name, scope=name), replace(RELU, op=name)])
    new = graph_cost([dense(1), replace(DECODER[0], name=name, scope=name), UNKNOWN])
    inputs = (Tensor(name, (1, 4), DType.FLOAT32),)
    compared = diff(
        replace(costed(name, old), inputs=(Tensor(name, (1, 3), DType.FLOAT32),)),
        replace(costed(f"{name}2", new), inputs=inputs),
        other_points=(name,),
    )
    listings = list(diff_listings(compared, by, None))
    assert hostile.is_inert_in_terminal(hostile.table(listings))
    assert hostile.is_inert_in_markdown(hostile.markdown(listings))
    assert hostile.is_inert_in_csv(text.comma_separated(layers_listing(compared, by)))
    written = json.dumps(diff_document(compared))
    assert hostile.is_inert_in_terminal(written)
    assert json.loads(written)["old"]["name"] == name
