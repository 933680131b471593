"""Who made a change: sums on paper, and sums that hold whatever the layers are."""

from dataclasses import replace

import pytest
from builders.costs import conv, graph_cost, layer, relu, state_dict_cost
from hypothesis import given
from hypothesis import strategies as st

from costdb.contracts import Attribution, Counts, Coverage
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, LayerCost, View
from costdb.ir import DType
from costdb.trends.alignment import align
from costdb.trends.attribution import Comparison, attribute, summary
from costdb.trends.scopes import amount, layer_amount

ENCODER = [
    conv("conv1", (3, 8), 224, scope="net/encoder/conv1"),
    relu("relu1", 8, 224, scope="net/encoder"),
]
DECODER = [conv(f"up{n}", (8, 8), 32, scope=f"net/decoder/up{n}") for n in range(8)]
HEAD = layer("Gemm", "head", scope="net/head", macs=8_000, params=8_000, weight_bytes=32_000)
BASE = [*ENCODER, HEAD]


def attributed(
    old: list[LayerCost], new: list[LayerCost], metric: str = "macs", scope: str = "total"
) -> list[tuple[str, int, str]]:
    parts = attribute(graph_cost(old), graph_cost(new), metric, scope=scope)
    return [(part.scope, part.change, part.text) for part in parts]


# 8 convolutions of 3*3*8*8 weights on 32*32 pixels.
EIGHT_CONVS = 8 * 576 * 1024
# 3*3*3*8 weights on 256*256 pixels instead of 224*224.
LARGER_INPUT = 216 * (256**2 - 224**2)
RESIZED = [
    conv("conv1", (3, 8), 256, scope="net/encoder/conv1"),
    relu("relu1", 8, 256, scope="net/encoder"),
    HEAD,
]


SMALL_MODEL = [layer("MatMul", "stem", inputs=[(8, 8)], macs=64)]
LARGER_MODEL = [
    layer("MatMul", "stem", inputs=[(9, 9)], macs=96),
    *(layer("MatMul", f"n{n}", macs=50, params=n) for n in range(12)),
]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(BASE, BASE, [], id="nothing changed"),
        pytest.param(
            BASE, [*BASE, *DECODER], [("net/decoder/*", EIGHT_CONVS, "8 new Conv")],
            id="a new module",
        ),
        pytest.param(
            [*BASE, *DECODER], BASE, [("net/decoder/*", -EIGHT_CONVS, "8 removed Conv")],
            id="a removed module",
        ),
        pytest.param(
            BASE, RESIZED, [("*", LARGER_INPUT, "input 224 -> 256")], id="a larger input",
        ),
        pytest.param(
            BASE, [*RESIZED, *DECODER],
            [("net/decoder/*", EIGHT_CONVS, "8 new Conv"), ("*", LARGER_INPUT, "input 224 -> 256")],
            id="a larger input and a new module",
        ),
        pytest.param(
            BASE,
            [conv("conv1", (3, 8), 224, kernel=5, scope="net/encoder/conv1"), *BASE[1:]],
            # 25 weights instead of 9 for each of 3 * 8 pairs of channels.
            [("net/encoder/conv1", 16 * 24 * 224**2, "Conv changed 3x3 -> 5x5")],
            id="a larger kernel",
        ),
        pytest.param(
            [*BASE, *DECODER[:2]],
            [*ENCODER, replace(HEAD, counts=Counts(macs=9_000)), *DECODER[:1]],
            [
                ("net/decoder/up1", -576 * 1024, "1 removed Conv"),
                ("net/head", 1_000, "Gemm changed"),
            ],
            id="up here, down there",
        ),
        pytest.param(
            [layer("MatMul", "a", macs=3), layer("MatMul", "", macs=3)],
            [layer("MatMul", "a", macs=5), layer("MatMul", "", macs=4)],
            [("a", 2, "MatMul changed"), ("MatMul", 1, "MatMul changed")],
            id="layers without a scope, one without a name",
        ),
        pytest.param(
            [], [layer("MatMul", name, macs=3, scope=name) for name in ("b", "a", "c")],
            [("b", 3, "1 new MatMul"), ("a", 3, "1 new MatMul"), ("c", 3, "1 new MatMul")],
            id="ties stand in the order of the graph",
        ),
        pytest.param(
            [layer("MatMul", "old", macs=3, scope="m/a"), layer("Gemm", "x", macs=1, scope="k")],
            [layer("Einsum", "new", macs=3, scope="m/a"), layer("Gemm", "x", macs=2, scope="k")],
            [("k", 1, "Gemm changed")],
            id="what cancels out in a module is left out",
        ),
        pytest.param(
            [layer("MatMul", "q", macs=1, params=1, scope="net_1/a/x"),
             layer("Relu", "t", scope="net_1/b")],
            [layer("MatMul", "r", macs=2, params=1, scope="net_2/a/x"),
             layer("MatMul", "s", macs=4, params=2, scope="net_2/a/y"),
             layer("Relu", "u", scope="net_2/b")],
            [("net_2/a/*", 5, "1 new MatMul, MatMul changed")],
            id="the model's own name does not matter",
        ),
        pytest.param(
            [], [layer("MatMul", "big", macs=50),
                 *(layer("MatMul", f"n{n}", macs=6, scope=f"m/{n}") for n in range(8))],
            # 6 of 98 are less than a tenth.
            [("big", 50, "1 new MatMul"), ("m/*", 48, "8 new MatMul")],
            id="many small parts are told as one",
        ),
        pytest.param(
            [],
            [layer("MatMul", name, macs=macs) for name, macs in (("a", 1), ("b", 98), ("c", 1))],
            [("b", 98, "1 new MatMul"), ("a", 1, "1 new MatMul"), ("c", 1, "1 new MatMul")],
            id="a few small parts are not",
        ),
        pytest.param(
            [], [layer("MatMul", f"n{n}", macs=5) for n in range(20)],
            [("*", 100, "20 new MatMul")], id="many small parts with nothing in common",
        ),
        pytest.param(
            SMALL_MODEL, LARGER_MODEL,
            [("*", 12 * 50, "12 new MatMul"), ("*", 32, "input 8 -> 9")],
            id="the input stays a part of its own",
        ),
    ],
)  # fmt: skip
def test_parts_of_macs(
    old: list[LayerCost], new: list[LayerCost], expected: list[tuple[str, int, str]]
) -> None:
    assert attributed(old, new) == expected


def test_in_the_stored_view_layers_that_prepare_weights_look_like_others() -> None:
    old, new = (replace(graph_cost(layers), view=View.STORED) for layers in (BASE, RESIZED))
    assert attribute(old, new, "macs") == (
        Attribution("net/encoder/conv1", LARGER_INPUT, "Conv changed 224x224 -> 256x256"),
    )


def test_parts_of_flops_are_those_of_all_operations() -> None:
    # 2 * MACs of the convolutions; the ReLU compares each of 8 * 256 * 256 elements.
    change = 2 * LARGER_INPUT + 8 * (256**2 - 224**2)
    assert attributed(BASE, RESIZED, "flops") == [("*", change, "input 224 -> 256")]


@pytest.mark.parametrize(
    ("metric", "scope", "expected"),
    [
        pytest.param("macs", "op:Conv", [("net/decoder/*", EIGHT_CONVS, "8 new Conv")], id="op"),
        pytest.param("macs", "layer:head", [], id="a layer that did not change"),
        pytest.param(
            "params", "scope:*/up0", [("net/decoder/up0", 576, "1 new Conv")], id="a module"
        ),
        pytest.param("layers", "total", [("net/decoder/*", 8, "8 new Conv")], id="layers"),
    ],
)
def test_parts_of_a_part(metric: str, scope: str, expected: list[tuple[str, int, str]]) -> None:
    assert attributed(BASE, [*BASE, *DECODER], metric, scope) == expected


def test_layers_without_a_rule() -> None:
    unknown = layer("Mystery", "m", coverage=Coverage.UNKNOWN)
    assert attributed([], [unknown], "unknown_layers") == [("m", 1, "1 new Mystery")]
    counted = replace(unknown, coverage=Coverage.EXACT, counts=Counts(macs=2))
    assert attributed([unknown], [counted]) == [("m", 2, "Mystery counted now")]
    assert attributed([counted], [unknown]) == [("m", -2, "Mystery no longer counted")]


def test_weights_that_no_layer_reads() -> None:
    old, new = graph_cost(BASE), graph_cost(BASE, unread_params=5, unread_bytes=20)
    text = "stored, but read by no layer"
    assert attribute(old, new, "params") == (Attribution("unread weights", 5, text),)
    assert attribute(old, new, "weight_bytes") == (Attribution("unread weights", 20, text),)


def test_a_state_dict_has_parameters_and_no_macs() -> None:
    old, new = state_dict_cost(10), state_dict_cost(12)
    assert [part.change for part in attribute(old, new, "params")] == [2]
    assert attribute(old, new, "macs") == ()


# In elements of 4 bytes: conv1 reads 3 channels and writes 8, relu1 reads 8 and writes 8.
PEAK_AT_224 = 4 * 16 * 224**2
PEAK_AT_256 = 4 * 16 * 256**2


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(
            BASE, RESIZED,
            [("relu1", PEAK_AT_256 - PEAK_AT_224, "activation peak, input 224 -> 256")],
            id="at the same layer",
        ),
        pytest.param(
            BASE, [*BASE, replace(HEAD, name="wide", live_bytes=PEAK_AT_224 + 7)],
            [("wide", 7, "activation peak, was at relu1")], id="at another layer",
        ),
        pytest.param([], BASE, [("relu1", PEAK_AT_224, "activation peak")], id="before: nowhere"),
        pytest.param(BASE, [], [("relu1", -PEAK_AT_224, "activation peak")], id="now: nowhere"),
    ],
)  # fmt: skip
def test_the_activation_peak_stands_under_its_layer(
    old: list[LayerCost], new: list[LayerCost], expected: list[tuple[str, int, str]]
) -> None:
    assert attributed(old, new, "peak_activation_bytes") == expected


def test_peak_memory_is_weights_and_the_peak() -> None:
    assert attributed(BASE, [*RESIZED, *DECODER], "peak_memory_bytes") == [
        ("relu1", PEAK_AT_256 - PEAK_AT_224, "activation peak, input 224 -> 256"),
        ("net/decoder/*", 8 * 576 * 4, "8 new Conv"),
    ]


def test_a_peak_of_no_layer_stands_for_the_whole_model() -> None:
    old = graph_cost([])
    new = replace(old, totals=replace(old.totals, peak_activation_bytes=5))
    assert attribute(old, new, "peak_activation_bytes") == (Attribution("*", 5, "activation peak"),)


def test_a_comparison_that_is_there_is_used() -> None:
    old, new = graph_cost(BASE), graph_cost([*BASE, *DECODER])
    comparison = Comparison(align(old.layers, new.layers), old.view)
    for metric in ("macs", "params", "peak_activation_bytes"):
        expected = attribute(old, new, metric)
        assert attribute(old, new, metric, comparison=comparison) == expected


numbers = st.integers(0, 10**12)
shapes = st.lists(st.sampled_from([None, (1, 3, 8, 8), (1, 3, 9, 9), (4,), (None, 2)]), max_size=2)
layers = st.builds(
    layer,
    st.sampled_from(["Conv", "Relu", "Gemm"]),
    st.sampled_from(["", "a", "b", "c", "conv_1"]),
    scope=st.sampled_from(["", "m", "m/n", "m_1/n", "m/k/l", "k"]),
    inputs=shapes,
    outputs=shapes,
    dtype=st.sampled_from([None, DType.FLOAT32, DType.INT8]),
    coverage=st.sampled_from(Coverage),
    counts=st.builds(Counts, macs=numbers, adds=numbers),
    folded=st.booleans(),
    live_bytes=numbers,
    **{m: numbers for m in ADDITIVE_METRICS if m not in {"macs", "flops", "int_ops"}},
)
costs = st.builds(
    graph_cost, st.lists(layers, max_size=8), unread_params=numbers, unread_bytes=numbers
)


@given(costs, costs, st.sampled_from(METRICS))
def test_parts_add_up_to_the_change(old: GraphCost, new: GraphCost, metric: str) -> None:
    parts = attribute(old, new, metric)
    before, after = old.totals[metric], new.totals[metric]
    assert before is not None
    assert after is not None
    assert sum(part.change for part in parts) == after - before
    sizes = [abs(part.change) for part in parts]
    assert sizes == sorted(sizes, reverse=True)
    assert 0 not in sizes


@given(costs, costs, st.sampled_from(ADDITIVE_METRICS))
def test_added_and_removed_and_changed_add_up(old: GraphCost, new: GraphCost, metric: str) -> None:
    change = 0
    for pair in align(old.layers, new.layers).pairs:
        change += layer_amount(pair.new, metric) if pair.new else 0
        change -= layer_amount(pair.old, metric) if pair.old else 0
    rest = [_unread(cost, metric) for cost in (old, new)]
    assert change + rest[1] - rest[0] == (new.totals[metric] or 0) - (old.totals[metric] or 0)


def _unread(cost: GraphCost, metric: str) -> int:
    return (cost.totals[metric] or 0) - sum(entry[metric] for entry in cost.layers)


@given(costs, costs, st.sampled_from(ADDITIVE_METRICS), st.sampled_from(["op:Conv", "scope:m/*"]))
def test_parts_of_a_part_add_up(old: GraphCost, new: GraphCost, metric: str, scope: str) -> None:
    change = (amount(new, metric, scope) or 0) - (amount(old, metric, scope) or 0)
    assert sum(part.change for part in attribute(old, new, metric, scope=scope)) == change


def parts(*changes: int) -> list[Attribution]:
    return [Attribution(f"m{n}/*", change, f"{n} new Conv") for n, change in enumerate(changes)]


@pytest.mark.parametrize(
    ("attribution", "change", "expected"),
    [
        pytest.param(
            [Attribution("decoder/*", 71, "8 new Conv"), Attribution("*", 20, "input 224 -> 256")],
            100, "71 % from decoder/* (8 new Conv), 20 % from input 224 -> 256", id="the example",
        ),
        pytest.param([], 0, "", id="nothing"),
        pytest.param(
            parts(50, -25), 25, "200 % from m0/* (0 new Conv), -100 % from m1/* (1 new Conv)",
            id="more than all of it",
        ),
        pytest.param(
            parts(3_000, -3_000), 0,
            "+3,000 from m0/* (0 new Conv), -3,000 from m1/* (1 new Conv)", id="it cancels out",
        ),
        pytest.param(
            parts(9_960, 25, 10, 5), 10_000,
            "100 % from m0/* (0 new Conv), under 1 % from m1/* (1 new Conv),"
            " under 1 % from m2/* (2 new Conv), under 1 % from 1 other part",
            id="a part that is left out",
        ),
        pytest.param(
            parts(40, 20, 20, 10, 10), 100,
            "40 % from m0/* (0 new Conv), 20 % from m1/* (1 new Conv),"
            " 20 % from m2/* (2 new Conv), 20 % from 2 other parts",
            id="parts that are left out",
        ),
    ],
)  # fmt: skip
def test_summary(attribution: list[Attribution], change: int, expected: str) -> None:
    assert summary(attribution, change) == expected
