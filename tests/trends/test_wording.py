"""What happened to layers, in words."""

from dataclasses import replace

import pytest
from builders.costs import conv, layer, relu

from costdb.cost.result import LayerCost
from costdb.ir import DType, Shape
from costdb.trends.alignment import Change, Pair
from costdb.trends.wording import describe, resized


def new(entry: LayerCost) -> Pair:
    return Pair(Change.ADDED, None, entry)


def removed(entry: LayerCost) -> Pair:
    return Pair(Change.REMOVED, entry, None)


def changed(old: LayerCost, now: LayerCost) -> Pair:
    return Pair(Change.CHANGED, old, now)


def channels_last(kernel: int, channels: tuple[int, int], *, size: int = 56) -> LayerCost:
    """A convolution as TensorFlow stores it."""
    before, after = channels
    return layer(
        "Conv", "c", inputs=[(1, size, size, before), (kernel, kernel, before, after)],
        outputs=[(1, size, size, after)], params=kernel * kernel * before * after,
    )  # fmt: skip


def gemm(outputs: int, *, inputs: int = 32, bias: bool = False) -> LayerCost:
    shapes: list[Shape] = [(1, inputs), (inputs, outputs)]
    return layer(
        "Gemm", "g", inputs=[*shapes, (outputs,)] if bias else shapes, outputs=[(1, outputs)],
        params=(inputs + bias) * outputs,
    )  # fmt: skip


CONV, RELU, MATMUL = conv("c", (8, 8), 56), relu("r", 8, 56), layer("MatMul", "m")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        pytest.param([], "", id="nothing"),
        pytest.param([new(CONV)] * 8, "8 new Conv", id="new"),
        pytest.param([removed(MATMUL)] * 2, "2 removed MatMul", id="removed"),
        pytest.param(
            [removed(MATMUL), new(CONV), new(CONV)], "2 new Conv, 1 removed MatMul",
            id="what made the largest change first",
        ),
        pytest.param(
            [new(layer(op)) for op in ("A", "A", "B", "C", "D", "E")],
            "2 new A, 1 new B, 1 new C, 2 more", id="many kinds",
        ),
        pytest.param(
            [changed(RELU, replace(RELU, op="Gelu"))] * 2, "2 Relu replaced by Gelu",
            id="another operator",
        ),
        pytest.param([changed(RELU, replace(RELU, folded=True))], "Relu folded now", id="folded"),
        pytest.param(
            [changed(replace(RELU, folded=True), RELU)], "Relu no longer folded", id="unfolded"
        ),
        pytest.param(
            [changed(CONV, conv("c", (8, 8), 56, kernel=5))], "Conv changed 3x3 -> 5x5",
            id="a kernel",
        ),
        pytest.param(
            [changed(channels_last(3, (8, 8)), channels_last(5, (8, 8)))] * 3,
            "3 Conv changed 3x3 -> 5x5", id="kernels in TensorFlow's layout",
        ),
        pytest.param(
            [changed(channels_last(1, (8, 8)), channels_last(3, (8, 8)))],
            "Conv changed 1x1 -> 3x3", id="a kernel of the batch's size",
        ),
        pytest.param(
            [changed(CONV, conv("c", (16, 16), 56))], "Conv changed 8x8x3x3 -> 16x16x3x3",
            id="channels",
        ),
        pytest.param(
            [changed(channels_last(3, (8, 8)), channels_last(3, (16, 16)))],
            "Conv changed 3x3x8x8 -> 3x3x16x16", id="channels in TensorFlow's layout",
        ),
        pytest.param(
            [changed(gemm(10), gemm(20))], "Gemm changed 32x10 -> 32x20", id="a matrix"
        ),
        pytest.param(
            [changed(gemm(10), gemm(10, inputs=64))], "Gemm changed 32x10 -> 64x10",
            id="a matrix that reads more",
        ),
        pytest.param(
            [changed(gemm(10), gemm(20)), changed(gemm(10), gemm(30))], "2 Gemm changed",
            id="each in another way",
        ),
        pytest.param([changed(gemm(10), gemm(10, bias=True))], "Gemm changed", id="a bias"),
        pytest.param(
            [changed(RELU, replace(RELU, dtype=DType.FLOAT16))],
            "Relu changed float32 -> float16", id="a dtype",
        ),
        pytest.param(
            [changed(RELU, replace(RELU, dtype=None))], "Relu changed float32 -> ?",
            id="a dtype that is not known",
        ),
        pytest.param(
            [changed(RELU, relu("r", 8, 28))], "Relu changed 56x56 -> 28x28", id="activations"
        ),
        pytest.param(
            [changed(layer("Sum", inputs=[(4,), None]), layer("Sum", inputs=[(4,), (2, 3)]))],
            "Sum changed ? -> 2x3", id="an input of unknown rank",
        ),
        pytest.param(
            [changed(MATMUL, replace(MATMUL, traffic_bytes=3))], "MatMul changed",
            id="nothing that its shapes show",
        ),
    ],
)  # fmt: skip
def test_describe(pairs: list[Pair], expected: str) -> None:
    assert describe([(pair, 1) for pair in pairs]) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param((1, 8, 56, 56), (1, 8, 64, 64), "56x56 -> 64x64", id="two axes"),
        pytest.param((1, 128), (1, 256), "1x128 -> 1x256", id="one axis"),
        pytest.param((1, 128), (128,), "1x128 -> 128", id="another rank"),
        pytest.param((None, 3), (1, 4), "?x3 -> 1x4", id="an unknown size"),
        pytest.param(None, (), "? -> scalar", id="an unknown rank"),
        pytest.param((), None, "scalar -> ?", id="a rank that is unknown now"),
    ],
)
def test_resized(old: Shape | None, new: Shape | None, expected: str) -> None:
    assert resized(old, new) == expected
