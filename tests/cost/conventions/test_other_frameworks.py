"""The conventions of PyTorch's tools on files of other frameworks, which name no modules."""

import pytest
from builders.graphs import shaped

from costdb.cost.conventions import convention_named
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer

# 8 channels of 7x7 in, and pooled.
PLANE, POOLED = 8 * 49, 8

CASES = [
    # Layer, fvcore's number, thop's number
    pytest.param(
        shaped("Conv", (1, 3, 9, 9), (4, 3, 3, 3), (1, 4, 7, 7)),
        4 * 49 * 27,
        4 * 49 * 27,
        id="convolution: multiply-accumulates",
    ),
    pytest.param(
        shaped("Gemm", (2, 8), (4, 8), (4,), (2, 4), transB=1), 64, 64, id="dense: 2 x 8 x 4"
    ),
    pytest.param(
        shaped("BatchNormalization", (1, 8, 7, 7), (8,), (8,), (8,), (8,), (1, 8, 7, 7)),
        2 * PLANE,
        4 * PLANE,
        id="batch norm: 2 and 4 for each element",
    ),
    pytest.param(
        shaped("LayerNormalization", (2, 5), (5,), (2, 5)), 5 * 10, 4 * 10, id="layer norm"
    ),
    pytest.param(
        shaped("GlobalAveragePool", (1, 8, 7, 7), (1, 8, 1, 1)),
        PLANE,
        PLANE + POOLED,
        id="global pool: each element, and a divide for each channel",
    ),
    pytest.param(
        shaped("AveragePool", (1, 8, 8, 8), (1, 8, 4, 4), kernel_shape=(2, 2)),
        0,
        8 * 16 * 4 + 8 * 16,
        id="pool: fvcore has no handler",
    ),
    pytest.param(
        shaped("Softmax", (2, 10), (2, 10)), 0, 2 * 29, id="softmax: 3n - 1 for a row of n"
    ),
    pytest.param(
        shaped("Resize", (1, 2, 4, 4), (1, 2, 8, 8), mode="linear"),
        4 * 128,
        11 * 128,
        id="bilinear resizing",
    ),
    pytest.param(
        shaped("Resize", (1, 2, 4, 4), (1, 2, 8, 8), mode="cubic"),
        0,
        259 * 128,
        id="bicubic resizing",
    ),
    pytest.param(shaped("Relu", (1, 8, 7, 7), (1, 8, 7, 7)), 0, 0, id="relu: nothing"),
]


@pytest.mark.parametrize(("layer", "fvcore", "thop"), CASES)
def test_a_layer_of_another_framework(layer: Layer, fvcore: int, thop: int) -> None:
    counts = built_in_rules()["", layer.op].count(layer)
    assert convention_named("fvcore").count(layer, counts) == fvcore
    assert convention_named("thop").count(layer, counts) == thop
