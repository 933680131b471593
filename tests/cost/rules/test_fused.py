"""What ONNX Runtime merges: products with activations, norms with sums, activations with biases."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role, Uncountable

MS = "com.microsoft"
GELU = Counts(muls=2, divs=1, specials=1, adds=1)
# 0.5 x (1 + tanh(a x + b x x x)): six multiplications, two adds.
FAST_GELU = Counts(muls=6, adds=2, specials=1)
SWISH = Counts(adds=2, specials=1, divs=1, muls=1)


def norm_of_rows(rows: int, length: int) -> Counts:
    """Mean, differences, their squares' mean, root and reciprocal, products."""
    return rows * Counts(adds=3 * length - 1, muls=2 * length, divs=3, specials=1)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:FusedConv", [(1, 3, 8, 8), (4, 3, 3, 3)], (1, 4, 6, 6)),
            Counts(macs=3_888, dots=144), id="FusedConv with nothing fused",
        ),
        pytest.param(
            node(
                f"{MS}:FusedConv", [(1, 3, 8, 8), (4, 3, 3, 3), (4,), (1, 4, 6, 6)],
                (1, 4, 6, 6), activation="Relu",
            ),
            Counts(macs=3_888, dots=144, adds=288, compares=144), id="with bias, sum and ReLU",
        ),
        pytest.param(
            node(
                f"{MS}:NhwcFusedConv", [(1, 8, 8, 3), (4, 3, 3, 3)], (1, 6, 6, 4),
                channel_axis=-1, activation="Clip",
            ),
            Counts(macs=3_888, dots=144, compares=288), id="channels last, clipped",
        ),
        pytest.param(
            node(f"{MS}:FusedGemm", [(2, 3), (3, 4), (4,)], (2, 4), activation="LeakyRelu"),
            Counts(macs=24, dots=8, adds=8, compares=8, muls=8), id="FusedGemm",
        ),
        pytest.param(
            node(f"{MS}:FusedMatMul", [(2, 3, 4), (2, 5, 4)], (2, 3, 5), transB=1, alpha=0.125),
            Counts(macs=120, dots=30, muls=30), id="FusedMatMul, scaled",
        ),
        pytest.param(
            node(f"{MS}:TransposeMatMul", [(2, 4, 3), (2, 4, 5)], (2, 3, 5), transA=1),
            Counts(macs=120, dots=30), id="A transposed",
        ),
        pytest.param(
            node(
                f"{MS}:FusedMatMul", [(4, 2, 3), (2, 4, 5)], (2, 3, 5), transA=1, transBatchA=1
            ),
            Counts(macs=120, dots=30), id="A transposed, its rows on the first axis",
        ),
        pytest.param(
            node(f"{MS}:GemmFastGelu", [(2, 3), (3, 4), (4,)], (2, 4)),
            Counts(macs=24, dots=8, adds=8) + 8 * FAST_GELU, id="GemmFastGelu",
        ),
        pytest.param(
            node(f"{MS}:SkipLayerNormalization", [(2, 3, 4), (2, 3, 4), (4,)], (2, 3, 4)),
            norm_of_rows(6, 4) + Counts(adds=24, muls=24), id="x + skip, scaled",
        ),
        pytest.param(
            node(
                f"{MS}:SkipLayerNormalization", [(2, 3, 4), (2, 3, 4), (4,), (4,), (4,)], (2, 3, 4)
            ),
            norm_of_rows(6, 4) + Counts(adds=72, muls=24), id="x + skip + bias, scaled and shifted",
        ),
        pytest.param(
            node(f"{MS}:SkipLayerNormalization", [(2, 0), (2, 0), (0,)], (2, 0)),
            Counts(), id="rows of nothing",
        ),
        pytest.param(
            node(
                f"{MS}:SkipSimplifiedLayerNormalization", [(6, 4), (6, 4), (4,), (4,)], (6, 4)
            ),
            6 * Counts(adds=4, muls=12, divs=2, specials=1) + Counts(adds=48),
            id="RMS of x + skip + bias",
        ),
        pytest.param(
            node("SimplifiedLayerNormalization", [(6, 4), (4,)], (6, 4)),
            6 * Counts(adds=4, muls=12, divs=2, specials=1), id="RMS under ORT's name",
        ),
        pytest.param(
            node(
                f"{MS}:EmbedLayerNormalization",
                [(2, 3), None, (9, 4), (5, 4), None, (4,), (4,), (2, 3)],
                (2, 3, 4),
            ),
            norm_of_rows(6, 4) + Counts(adds=48, muls=24, compares=6),
            id="words + positions, with a mask",
        ),
        pytest.param(
            node(
                f"{MS}:EmbedLayerNormalization",
                [(2, 3), (2, 3), (9, 4), (5, 4), (2, 4), (4,), (4,)],
                (2, 3, 4),
            ),
            norm_of_rows(6, 4) + Counts(adds=72, muls=24), id="words + positions + segments",
        ),
        pytest.param(
            node(f"{MS}:GroupNorm", [(2, 3, 3, 4), (4,), (4,)], (2, 3, 3, 4), groups=2),
            norm_of_rows(4, 18) + Counts(adds=72, muls=72), id="GroupNorm: four groups of 18",
        ),
        pytest.param(
            node(
                f"{MS}:SkipGroupNorm", [(2, 3, 3, 4), (4,), (4,), (2, 1, 1, 4), (4,)],
                (2, 3, 3, 4), groups=2, activation=1,
            ),
            norm_of_rows(4, 18) + Counts(adds=216, muls=72) + 72 * SWISH,
            id="SkipGroupNorm with bias and Swish",
        ),
        pytest.param(
            node(f"{MS}:GroupNorm", [(0, 3, 3, 4), (4,), (4,)], (0, 3, 3, 4), groups=2),
            Counts(), id="no sample",
        ),
        pytest.param(
            node(f"{MS}:Gelu", [(8,)], (8,)), 8 * GELU, id="Gelu"
        ),
        pytest.param(
            node(f"{MS}:FastGelu", [(8,)], (8,)), 8 * FAST_GELU, id="FastGelu"
        ),
        pytest.param(
            node(f"{MS}:FastGelu", [(2, 8), (8,)], (2, 8)),
            16 * (FAST_GELU + Counts(adds=1)), id="FastGelu with a bias",
        ),
        pytest.param(
            node(f"{MS}:BiasGelu", [(2, 8), (8,)], (2, 8)),
            16 * (GELU + Counts(adds=1)), id="BiasGelu",
        ),
        pytest.param(
            node(f"{MS}:BiasSplitGelu", [(1, 2, 8), (8,)], (1, 2, 4)),
            8 * (GELU + Counts(adds=2, muls=1)), id="BiasSplitGelu: 16 biases, 8 results",
        ),
        pytest.param(
            node(f"{MS}:QuickGelu", [(8,)], (8,)),
            8 * Counts(adds=2, specials=1, divs=1, muls=2), id="QuickGelu",
        ),
        pytest.param(
            node(f"{MS}:BiasAdd", [(1, 2, 8), (8,), (1, 2, 8)], (1, 2, 8)),
            Counts(adds=32), id="BiasAdd: the bias and the residual",
        ),
        pytest.param(
            node(f"{MS}:BiasSoftmax", [(2, 3, 4), (1, 3, 4)], (2, 3, 4)),
            Counts(adds=24) + 2 * Counts(specials=12, adds=11, divs=12), id="over two axes",
        ),
        pytest.param(
            node(f"{MS}:BiasSoftmax", [(2, 3, 4), (1, 1, 4)], (2, 3, 4), axis=-1),
            Counts(adds=24) + 6 * Counts(specials=4, adds=3, divs=4), id="over the last axis",
        ),
        pytest.param(
            node(f"{MS}:BiasSoftmax", [(2, 0), (2, 0)], (2, 0)), Counts(), id="softmax of nothing"
        ),
        pytest.param(
            node(f"{MS}:BiasDropout", [(2, 8), (8,)], (2, 8)), Counts(adds=16), id="BiasDropout"
        ),
        pytest.param(
            node(f"{MS}:BiasDropout", [(2, 8), (8,), (2, 8)], (2, 8)),
            Counts(adds=32), id="BiasDropout with a residual",
        ),
        pytest.param(
            node(f"{MS}:NhwcMaxPool", [(1, 4, 4, 8)], (1, 2, 2, 8), kernel_shape=(2, 2)),
            Counts(compares=128), id="NhwcMaxPool",
        ),
        pytest.param(
            node(f"{MS}:Range", [(), (), ()], (8,)), Counts(muls=8, adds=8), id="Range"
        ),
        pytest.param(
            node("SwiGLU", [(8,), (8,)], (8,)),
            8 * Counts(adds=2, specials=1, divs=1, muls=2), id="ONNX's SwiGLU",
        ),
        pytest.param(
            node("SwiGLU", [(8,), (8,)], (8,), alpha=1.702),
            8 * Counts(adds=2, specials=1, divs=1, muls=3), id="SwiGLU with an alpha",
        ),
    ],
)  # fmt: skip
def test_counts(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "accesses"),
    [
        pytest.param(
            node(f"{MS}:FusedConv", [(1, 3, 8, 8), (4, 3, 3, 3)], (1, 4, 6, 6)),
            192 * 36 + 144 + 108, id="as a convolution",
        ),
        pytest.param(
            node(f"{MS}:FusedGemm", [(2, 3), (3, 4), (4,)], (2, 4)), 24 + 16 + 8, id="as a Gemm"
        ),
        pytest.param(
            node(f"{MS}:GemmFastGelu", [(2, 3), (3, 4)], (2, 4)), 24 + 12 + 8, id="as a product"
        ),
        pytest.param(
            node(f"{MS}:FusedMatMul", [(2, 4, 3), (2, 4, 5)], (2, 3, 5), transA=1),
            120 + 40 + 30, id="A read once for each column",
        ),
    ],
)  # fmt: skip
def test_accesses(layer: Layer, accesses: int) -> None:
    rule = rule_of(layer)
    assert rule.accesses is not None
    assert rule.accesses(layer) == accesses


def test_scale_and_bias_of_a_merged_norm_are_parameters() -> None:
    rule = rule_of(node(f"{MS}:SkipLayerNormalization", [], ()))
    assert rule.weights == {2: Role.PARAMETER, 3: Role.PARAMETER, 4: Role.PARAMETER}


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(
            node(f"{MS}:FusedGemm", [(2, 3), (3, 4)], (2, 4), activation="magic"),
            id="unknown activation",
        ),
        pytest.param(
            node(f"{MS}:GroupNorm", [(2, 3, 3, 4), (4,), (4,)], (2, 3, 3, 4)), id="no groups"
        ),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
