"""Norms, softmax, pooling, reductions, resizing, attention and movement, each by its formula."""

import pytest
from builders.graphs import shaped

from costdb.contracts import Counts
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer, Uncountable


def counted(layer: Layer) -> Counts:
    return built_in_rules()[layer.domain, layer.op].count(layer)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            shaped("BatchNormalization", (1, 2, 3), (2,), (2,), (2,), (2,), (1, 2, 3)),
            Counts(adds=12, divs=6, muls=6),
            id="the article: subtract, divide, multiply, add per element",
        ),
        pytest.param(
            shaped("LayerNormalization", (2, 3, 4), (4,), (4,), (2, 3, 4)),
            6 * Counts(adds=11, muls=8, divs=3, specials=1) + Counts(adds=24, muls=24),
            id="six rows of four",
        ),
        pytest.param(
            shaped("LayerNormalization", (2, 3, 4), (3, 4), (2, 3, 4), axis=1),
            2 * Counts(adds=35, muls=24, divs=3, specials=1) + Counts(muls=24),
            id="two rows of twelve, no bias",
        ),
        pytest.param(
            shaped("LayerNormalization", (2, 0), (0,), (2, 0)), Counts(), id="rows of nothing"
        ),
        pytest.param(
            shaped("RMSNormalization", (2, 4), (4,), (2, 4)),
            2 * Counts(adds=4, muls=8, divs=2, specials=1) + Counts(muls=8), id="RMS",
        ),
        pytest.param(
            shaped("RMSNormalization", (2, 0), (0,), (2, 0)), Counts(), id="RMS of nothing"
        ),
        pytest.param(
            shaped("InstanceNormalization", (1, 2, 5), (2,), (2,), (1, 2, 5)),
            2 * Counts(adds=14, muls=10, divs=3, specials=1) + Counts(adds=10, muls=10),
            id="a row for each channel",
        ),
        pytest.param(
            shaped("InstanceNormalization", (0, 2, 5), (2,), (2,), (0, 2, 5)), Counts(), id="no row"
        ),
        pytest.param(
            shaped("GroupNormalization", (1, 4, 5), (4,), (4,), (1, 4, 5), num_groups=2),
            2 * Counts(adds=29, muls=20, divs=3, specials=1) + Counts(adds=20, muls=20),
            id="a row for each group",
        ),
        pytest.param(
            shaped("GroupNormalization", (0, 4, 5), (4,), (4,), (0, 4, 5), num_groups=2),
            Counts(), id="no group",
        ),
        pytest.param(
            shaped("MeanVarianceNormalization", (2, 3, 4), (2, 3, 4), axes=(2,)),
            6 * Counts(adds=11, muls=8, divs=3, specials=1), id="given axes",
        ),
        pytest.param(
            shaped("MeanVarianceNormalization", (2, 0), (2, 0), axes=(1,)), Counts(), id="nothing"
        ),
        pytest.param(
            shaped("LRN", (1, 8, 2, 2), (1, 8, 2, 2), size=5),
            Counts(muls=64, adds=160, specials=32, divs=32), id="a window of five channels",
        ),
        pytest.param(
            shaped("LpNormalization", (2, 8), (2, 8), p=1),
            2 * Counts(compares=8, adds=7, divs=8), id="L1",
        ),
        pytest.param(shaped("LpNormalization", (2, 0), (2, 0)), Counts(), id="L2 of nothing"),
        pytest.param(
            shaped("Softmax", (2, 10), (2, 10)),
            2 * Counts(specials=10, adds=9, divs=10), id="exp, sum, divide",
        ),
        pytest.param(
            shaped("Softmax", (1, 10, 1, 1), (1, 10, 1, 1), axes=(1, 2, 3)),
            Counts(specials=10, adds=9, divs=10), id="before opset 13: all axes from the first",
        ),
        pytest.param(shaped("Softmax", (2, 0), (2, 0)), Counts(), id="softmax of nothing"),
        pytest.param(
            shaped("LogSoftmax", (2, 10), (2, 10)),
            2 * Counts(specials=11, adds=19), id="exp, sum, log, subtract",
        ),
        pytest.param(shaped("Hardmax", (2, 10), (2, 10)), Counts(compares=18), id="compare"),
        pytest.param(
            shaped("MaxPool", (1, 128, 112, 112), (1, 128, 56, 56), kernel_shape=(2, 2)),
            Counts(compares=1_605_632), id="the article: 112*112*128",
        ),
        pytest.param(
            shaped("MaxPool", (1, 2, 8, 8, 8), (1, 2, 4, 4, 4), kernel_shape=(3, 3, 3)),
            Counts(compares=3_456), id="3-d: 128 windows of 27",
        ),
        pytest.param(
            shaped("AveragePool", (1, 8, 4, 4), (1, 8, 2, 2), kernel_shape=(2, 2)),
            Counts(adds=96, divs=32), id="three adds and a divide for each of 32",
        ),
        pytest.param(
            shaped("LpPool", (1, 8, 4, 4), (1, 8, 2, 2), kernel_shape=(2, 2)),
            Counts(specials=160, adds=96), id="four powers and a root for each of 32",
        ),
        pytest.param(
            shaped("GlobalMaxPool", (1, 8, 4, 4), (1, 8, 1, 1)), Counts(compares=128), id="8 x 16"
        ),
        pytest.param(
            shaped("GlobalAveragePool", (1, 8, 4, 4), (1, 8, 1, 1)),
            Counts(adds=120, divs=8), id="15 adds and a divide for each of 8",
        ),
        pytest.param(
            shaped("GlobalAveragePool", (0, 8, 4, 4), (0, 8, 1, 1)), Counts(), id="no plane"
        ),
        pytest.param(
            shaped("ReduceSum", (4, 8), (4, 1)), Counts(adds=28), id="in - out"
        ),
        pytest.param(
            shaped("ReduceMean", (4, 8), (4,)), Counts(adds=28, divs=4), id="in - out, and out"
        ),
        pytest.param(
            shaped("ReduceL2", (4, 8), (4,)), Counts(muls=32, adds=28, specials=4), id="L2"
        ),
        pytest.param(
            shaped("ReduceLogSumExp", (4, 8), (4,)), Counts(specials=36, adds=28), id="LogSumExp"
        ),
        pytest.param(shaped("ReduceMax", (4, 0), (4,)), Counts(), id="maximum of nothing"),
        pytest.param(shaped("ArgMax", (4, 8), (4,)), Counts(compares=28), id="ArgMax"),
        pytest.param(
            shaped("Resize", (1, 2, 4, 4), (1, 2, 8, 8), mode="nearest"), Counts(), id="nearest"
        ),
        pytest.param(
            shaped("Resize", (1, 2, 4, 4), (1, 2, 8, 8), mode="linear"),
            128 * Counts(muls=4, adds=3), id="bilinear: 7 per output",
        ),
        pytest.param(
            shaped("Resize", (1, 2, 4, 4), (1, 2, 4, 8), mode="cubic"),
            64 * Counts(muls=4, adds=3), id="cubic along one axis",
        ),
        pytest.param(
            shaped("Upsample", (1, 2, 4, 4), (1, 2, 4, 4), mode="linear"), Counts(), id="same size"
        ),
        pytest.param(
            shaped(
                "scaled_dot_product_attention", *[(1, 12, 64, 64)] * 4, domain="aten"
            ),
            Counts(
                macs=6_291_456, dots=98_304, muls=49_152, specials=49_152, adds=48_384, divs=49_152
            ),
            id="pytorch/pytorch#195460: 6,291,456 MACs",
        ),
        pytest.param(
            shaped(
                "scaled_dot_product_attention",
                (2, 4, 3, 8), (2, 4, 5, 8), (2, 4, 5, 6), (3, 5), (2, 4, 3, 6), domain="aten",
            ),
            Counts(
                macs=1_680, dots=264, muls=120, specials=120, adds=120 + 96, divs=120
            ),
            id="cross attention with a mask: 8 heads, 3 x 5 scores of 8, values of 6",
        ),
        pytest.param(shaped("Transpose", (4, 8), (8, 4)), Counts(), id="movement is zero"),
        pytest.param(shaped("NonZero", (4, 8), (2, 32)), Counts(compares=32), id="NonZero"),
        pytest.param(shaped("CumSum", (4, 8), (), (4, 8)), Counts(adds=32), id="CumSum"),
        pytest.param(shaped("Range", (), (), (), (8,)), Counts(muls=8, adds=8), id="Range"),
    ],
)  # fmt: skip
def test_counts(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(shaped("MaxPool", (1, 8, 4), (1, 8, 2)), id="no kernel"),
        pytest.param(
            shaped("AveragePool", (1, 8, 4), (1, 8, 2), kernel_shape=(-2,)), id="negative kernel"
        ),
        pytest.param(shaped("GroupNormalization", (1, 4), (4,), (4,), (1, 4)), id="no groups"),
        pytest.param(shaped("Resize", (1, 4), (1, 8), mode="magic"), id="unknown mode"),
        pytest.param(shaped("Softmax", (4,), (4,), axis=3), id="axis out of range"),
        pytest.param(shaped("Relu", (None,), (None,)), id="open shape"),
        pytest.param(shaped("Gemm", (1, 2), (2, 3), (1, 3), transA="yes"), id="text for a number"),
        pytest.param(shaped("Gemm", (1, 2), (2, 3), (1, 3), alpha="x"), id="text for a factor"),
        pytest.param(shaped("Gelu", (1,), (1,), approximate=1), id="number for text"),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
