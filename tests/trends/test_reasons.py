"""Why a finding says what it says."""

from dataclasses import replace

import pytest
from builders.costs import graph_cost, layer, macs, state_dict_cost

from costdb.contracts import Coverage
from costdb.cost.result import View
from costdb.ir import DType, Tensor
from costdb.trends import reasons


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(1_000, 1_120, "+12.0 % (1,000 -> 1,120)", id="more"),
        pytest.param(1_120, 1_000, "-10.7 % (1,120 -> 1,000)", id="less"),
        pytest.param(7, 7, "unchanged at 7", id="the same"),
        pytest.param(0, 0, "unchanged at 0", id="still nothing"),
        pytest.param(0, 5, "new (0 -> 5)", id="from nothing"),
        pytest.param(5, 0, "-100.0 % (5 -> 0)", id="to nothing"),
        pytest.param(
            4_100_000_000, 4_100_000_002, "+2 (4,100,000,000 -> 4,100,000,002)",
            id="too little for a decimal",
        ),
        pytest.param(
            4_100_000_002, 4_100_000_000, "-2 (4,100,000,002 -> 4,100,000,000)",
            id="too little for a decimal, down",
        ),
    ],
)  # fmt: skip
def test_change(old: int, new: int, expected: str) -> None:
    assert reasons.change(old, new) == expected


def test_subject() -> None:
    assert reasons.subject("macs", "total") == "macs"
    assert reasons.subject("macs", "op:Conv") == "macs of op:Conv"


def test_obstacles() -> None:
    old, new = macs(1), replace(macs(1, rules=2), view=View.STORED)
    assert list(reasons.obstacles("previous v1", old, "v2", old)) == []
    assert list(reasons.obstacles("previous v1", old, "v2", new)) == [
        "previous v1 was counted under rules revision 1, v2 under 2: recost first",
        "previous v1 is the deployed view, v2 the stored view",
    ]


def test_gap() -> None:
    assert reasons.gap("v2", macs(1), "macs", "total") == ""
    assert reasons.gap("v2", macs(1), "macs", "layer:dense") == ""
    assert reasons.gap("v2", macs(1), "macs", "layer:x") == "no layer of v2 is in layer:x"
    no_graph = "v2 has weights but no graph to cost"
    assert reasons.gap("v2", state_dict_cost(1), "macs", "total") == no_graph
    assert reasons.gap("v2", state_dict_cost(1), "params", "total") == ""


def test_removal() -> None:
    whole, part = graph_cost([layer("Conv", "a"), layer("Gemm", "b")]), graph_cost([layer("Conv")])
    assert reasons.removal("previous v1", whole, "v2", part, "op:Gemm") == (
        "removed: op:Gemm is in previous v1, and no layer of v2 is"
    )
    assert reasons.removal("previous v1", whole, "v2", part, "op:Conv") == ""
    assert reasons.removal("previous v1", part, "v2", whole, "op:Gemm") == ""
    assert reasons.removal("previous v1", whole, "v2", part, "total") == ""


def tensors(**shapes: tuple[int, ...] | None) -> list[Tensor]:
    return [Tensor(name, shape, DType.FLOAT32) for name, shape in shapes.items()]


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(tensors(x=(1, 3)), tensors(x=(1, 3)), [], id="the same"),
        pytest.param(
            tensors(x=(1, 3), n=(1,)), tensors(x=(1, 4), n=(1,)), ["input x is 1x4, was 1x3"],
            id="another size",
        ),
        pytest.param(
            tensors(x_1=(1, 3)), tensors(x_2=(1, 4)), ["input x_2 is 1x4, was 1x3"],
            id="under another name",
        ),
        pytest.param(tensors(x=(1, 3)), tensors(y=(2,), z=(3,)), [], id="other inputs"),
        pytest.param(tensors(x=(1, 3)), tensors(x=(1, 3), z=(3,)), [], id="one more"),
        pytest.param(tensors(x=None), tensors(x=(1, 3)), [], id="not known before"),
        pytest.param(tensors(x=(1, 3)), tensors(x=None), [], id="not known now"),
        pytest.param([], tensors(x=(1, 3)), [], id="nothing is known"),
    ],
)  # fmt: skip
def test_resized_inputs(old: list[Tensor], new: list[Tensor], expected: list[str]) -> None:
    assert list(reasons.resized_inputs(old, new)) == expected


def test_lower_bounds() -> None:
    unknown = [layer(op, op, coverage=Coverage.UNKNOWN) for op in ("Nms", "Warp", "Warp")]
    cost = graph_cost([*unknown, layer("Conv")])
    assert list(reasons.lower_bounds("v2", cost, "macs", "total")) == [
        "v2 is a lower bound without Warp x2, Nms x1"
    ]
    assert list(reasons.lower_bounds("v2", cost, "macs", "op:Conv")) == []
    assert list(reasons.lower_bounds("v2", cost, "params", "total")) == []
