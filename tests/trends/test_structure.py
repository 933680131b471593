"""What structural rules let pass, and what they say of the rest."""

from dataclasses import replace

import pytest
from builders.costs import graph_cost, layer

from costdb.contracts import Coverage
from costdb.cost.result import GraphCost, LayerCost
from costdb.ir import DType
from costdb.trends.alignment import align
from costdb.trends.policy_rule import Structural
from costdb.trends.structure import violations

UNKNOWN, DTYPE = Structural.NEW_UNKNOWN_OPS, Structural.DTYPE_CHANGED


def found(kind: Structural, old: GraphCost, new: GraphCost, scope: str = "total") -> list[str]:
    return list(violations(kind, old, new, scope, align(old.layers, new.layers)))


def unknown(op: str, name: str = "", scope: str = "") -> LayerCost:
    return layer(op, name, scope=scope, coverage=Coverage.UNKNOWN)


def half(entry: LayerCost) -> LayerCost:
    return replace(entry, dtype=DType.FLOAT16)


A, B, C = (
    layer("Conv", name, scope=f"m/{name}", params=size)
    for name, size in zip("abc", (1, 2, 3), strict=True)
)
NMS, WARP = unknown("Nms", "n"), unknown("Warp", "w", "head/w")


@pytest.mark.parametrize(
    ("old", "new", "scope", "expected"),
    [
        pytest.param([A], [A, NMS], "total", ["Nms x1"], id="one"),
        pytest.param([A], [A, WARP, NMS, WARP], "total", ["Warp x2", "Nms x1"], id="several"),
        pytest.param([A, NMS], [A, NMS, NMS], "total", [], id="more of one that was there"),
        pytest.param([A, NMS], [A], "total", [], id="one less"),
        pytest.param([A], [A, WARP, NMS], "scope:head/*", ["Warp x1"], id="in a part"),
        pytest.param([A], [A, B], "total", [], id="operators that are counted"),
    ],
)  # fmt: skip
def test_new_unknown_ops(
    old: list[LayerCost], new: list[LayerCost], scope: str, expected: list[str]
) -> None:
    assert found(UNKNOWN, graph_cost(old), graph_cost(new), scope) == expected


@pytest.mark.parametrize(
    ("old", "new", "scope", "expected"),
    [
        pytest.param([A, B], [A, B], "total", [], id="nothing"),
        pytest.param([A, B], [half(A), B], "total", ["float32 -> float16 in a"], id="one layer"),
        pytest.param(
            [A, B, C], [A, half(B), half(C)], "total",
            ["float32 -> float16 in 2 layers, the first b"], id="two layers",
        ),
        pytest.param([A, B], [half(A), B], "layer:b", [], id="of another part"),
        pytest.param([A], [replace(A, dtype=None)], "total", [], id="not known any more"),
        pytest.param([A], [A, B], "total", [], id="a new layer of a type that was there"),
        pytest.param([A], [A, half(B)], "total", ["float16 is new in b"], id="of a new type"),
        pytest.param([A], [A, half(B)], "layer:a", [], id="of a new type in another part"),
        pytest.param(
            [A], [A, replace(B, dtype=DType.INT8), replace(C, name="", dtype=DType.INT8)], "total",
            ["int8 is new in 2 layers, the first b"], id="quantised",
        ),
        pytest.param([A, B], [A], "total", [], id="a layer less"),
    ],
)  # fmt: skip
def test_changed_dtypes(
    old: list[LayerCost], new: list[LayerCost], scope: str, expected: list[str]
) -> None:
    assert found(DTYPE, graph_cost(old), graph_cost(new), scope) == expected


def test_a_layer_without_a_name_is_called_by_its_operator() -> None:
    nameless = layer("Gemm", "")
    assert found(DTYPE, graph_cost([nameless]), graph_cost([half(nameless)])) == [
        "float32 -> float16 in Gemm"
    ]
