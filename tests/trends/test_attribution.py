"""Who made a change: sums on paper, and sums that hold whatever the layers are."""

from dataclasses import replace

import pytest
from builders.costs import conv, graph_cost, layer, relu, state_dict_cost
from hypothesis import given
from hypothesis import strategies as st

from costdb.contracts import Attribution, Counts, Coverage
from costdb.cost.result import ADDITIVE_METRICS, METRICS, GraphCost, LayerCost
from costdb.ir import DType
from costdb.trends.alignment import align
from costdb.trends.attribution import attribute, summary
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
            [ENCODER[0], replace(HEAD, macs=0, counts=Counts(macs=9_000)) if False else
             replace(HEAD, counts=Counts(macs=9_000)), *DECODER[:1]],
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
            [layer("MatMul", "q", macs=1, scope="net_1/a/x"), HEAD],
            [layer("MatMul", "r", macs=2, scope="net_2/a/x"),
             layer("MatMul", "s", macs=4, scope="net_2/a/y"), HEAD],
            [("net_2/a/*", 5, "1 new MatMul, MatMul changed")],
            id="the model's own number does not matter",
        ),
    ],
)  # fmt: skip
def test_parts_of_macs(
    old: list[LayerCost], new: list[LayerCost], expected: list[tuple[str, int, str]]
) -> None:
    assert attributed(old, new) == expected
