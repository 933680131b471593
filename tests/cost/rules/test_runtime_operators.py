"""ONNX Runtime's own operators with the inputs that they may do without."""

import pytest
from builders.rules import attended, counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role

MS = "com.microsoft"
SIGMOID = Counts(adds=2, specials=1, divs=1)
SILU = SIGMOID + Counts(muls=1)
GELU = Counts(muls=2, divs=1, specials=1, adds=1)
# x / scale, rounded, saturated; a sum of products, scaled, rounded, saturated.
QUANTIZE = Counts(divs=1, compares=3)
REQUANTIZE = Counts(muls=1, compares=3)


def norm(rows: int, length: int) -> Counts:
    """A layer norm with scale and shift."""
    return rows * Counts(adds=4 * length - 1, muls=3 * length, divs=3, specials=1)


def mean_square(rows: int, length: int) -> Counts:
    """Squares, their mean, epsilon, root and reciprocal, the product, the scale."""
    return rows * Counts(adds=length, muls=3 * length, divs=2, specials=1)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:QOrderedMatMul", [(1, 3, 8), (), (8, 4), (), ()], (1, 3, 4)),
            Counts(macs=96, dots=12) + 12 * REQUANTIZE, id="a product",
        ),
        pytest.param(
            node(
                f"{MS}:QOrderedMatMul",
                [(1, 3, 8), (), (8, 4), (), (), (4,), (1, 3, 4), ()], (1, 3, 4),
            ),
            Counts(macs=96, dots=12, adds=24, muls=12) + 12 * REQUANTIZE,
            id="with a bias, and beta C",
        ),
        pytest.param(
            node(f"{MS}:QOrderedLayerNormalization", [(3, 8), (), (8,), (8,), ()], (3, 8)),
            norm(3, 8) + 24 * (QUANTIZE + Counts(muls=1)), id="a norm",
        ),
        pytest.param(
            node(f"{MS}:QOrderedGelu", [(3, 8), (), ()], (3, 8)),
            24 * (GELU + QUANTIZE + Counts(muls=1)), id="Gelu",
        ),
        pytest.param(
            node(f"{MS}:QuantizeWithOrder", [(3, 8), ()], (3, 8)), 24 * QUANTIZE, id="to integers"
        ),
        pytest.param(
            node(f"{MS}:DequantizeWithOrder", [(3, 8), ()], (3, 8)), Counts(muls=24),
            id="to floats",
        ),
        pytest.param(
            node(
                f"{MS}:QOrderedAttention",
                [(1, 3, 8), *[()] * 4, *[(8, 8)] * 3, *[()] * 3, *[(8,)] * 3, (), (), (), (1, 3)],
                (1, 3, 8), num_heads=2,
            ),
            Counts(macs=72 * 8, dots=72, adds=72) + attended(2, 3, 3, 4, masks=1)
            + (72 + 18 + 24) * REQUANTIZE + 18 * QUANTIZE,
            id="attention with a mask: 72 projections, 18 scores, 24 outputs",
        ),
    ],
)  # fmt: skip
def test_ordered_integers(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:MatMulBlockQuantizedFp4Weight", [(2, 64), (8, 32), (8, 4), ()], (2, 8)),
            Counts(macs=1024, dots=16), id="4-bit floats",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulBlockQuantizedFp4Weight",
                [(2, 64), (8, 32), (8, 4), (), None, (8,)], (2, 8),
            ),
            Counts(macs=1024, dots=16, adds=16), id="4-bit floats with a bias",
        ),
        pytest.param(
            node(f"{MS}:MatMulBlockQuantizedFp8Weight", [(2, 64), (8, 64), (8, 4)], (2, 8)),
            Counts(macs=1024, dots=16), id="8-bit floats",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulBlockQuantizedFp8Weight",
                [(2, 64), (8, 64), (8, 4), (), (8,)], (2, 8),
            ),
            Counts(macs=1024, dots=16, adds=16, divs=128, muls=128),
            id="8-bit floats on both sides, with a bias",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBitsMlp",
                [(2, 64), None, None, (8, 2, 16), (16,), None, (8, 2, 16), (16,)], (2, 8),
                activation="silu",
            ),
            Counts(macs=2048, dots=32) + 16 * (SILU + Counts(muls=1)), id="a gated layer",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBitsMlp",
                [(2, 64), (2, 64), (64,), (8, 2, 16), (16,), (8,), (8, 2, 16), (16,), (8,)],
                (2, 8), activation="silu",
            ),
            Counts(macs=2048, dots=32, adds=32 + 128) + mean_square(2, 64)
            + 16 * (SILU + Counts(muls=1)),
            id="a gated layer behind a sum and a norm, with biases",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBitsQkv",
                [(2, 64), None, (64,), (8, 2, 16), (16,), (8,), (4, 2, 16), (8,), None,
                 (4, 2, 16), (8,), None],
                (2, 8), (2, 4), (2, 4),
            ),
            Counts(macs=32 * 64, dots=32, adds=16) + mean_square(2, 64),
            id="queries with a bias, keys and values without",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBitsQLoRA",
                [(2, 64), (8, 2, 16), (8, 2), (4, 2, 16), (4, 2), (8, 1, 16), (8, 1)], (2, 8),
            ),
            Counts(macs=1024 + 512 + 64, dots=16 + 8 + 16, adds=16), id="of rank 4 beside",
        ),
        pytest.param(
            node(
                f"{MS}:MatMulNBitsQLoRA",
                [(2, 64), (8, 2, 16), (8, 2), (0, 2, 16), (4, 2), (8, 0, 16), (8, 1)], (2, 8),
            ),
            Counts(macs=1024, dots=16), id="an adapter that is empty",
        ),
        pytest.param(
            node(
                f"{MS}:GemmFloat8", [(2, 64), (64, 8), (8,), (), (), ()], (2, 8),
                activation="RELU",
            ),
            Counts(macs=1024, dots=16, adds=16, muls=48, compares=16),
            id="8-bit floats with three scales and ReLU",
        ),
        pytest.param(
            node(
                f"{MS}:FusedMatMulActivation", [(2, 64), (64, 8)], (2, 8),
                alpha=0.5, activation="Relu",
            ),
            Counts(macs=1024, dots=16, muls=16, compares=16), id="scaled, then ReLU",
        ),
        pytest.param(
            node(
                f"{MS}:ConvTransposeWithDynamicPads",
                [(1, 3, 2, 2), (3, 1, 2, 2), (4,), (1,)], (1, 1, 4, 4),
            ),
            Counts(macs=48, dots=16, adds=16), id="a transposed convolution with a bias",
        ),
    ],
)  # fmt: skip
def test_products(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:SwiGLU", [(2, 8), (2, 8)], (2, 8)), 16 * (SILU + Counts(muls=1)),
            id="a gate",
        ),
        pytest.param(
            node(
                f"{MS}:SwiGLU", [(2, 16)], (2, 8),
                activation_alpha=1.702, activation_beta=1.0, limit=7.0,
            ),
            16 * (SILU + Counts(muls=2, adds=1, compares=3)), id="scaled, shifted and clamped",
        ),
        pytest.param(
            node(f"{MS}:ScaledSiLU", [(2, 8)], (2, 8)), 16 * (SILU + Counts(muls=1)), id="scaled"
        ),
        pytest.param(
            node(f"{MS}:GatedAdd", [(2, 8), (2, 8), (2, 1)], (2, 8)), Counts(muls=16, adds=16),
            id="a gate that is given",
        ),
        pytest.param(
            node(f"{MS}:GatedAdd", [(2, 8), (2, 8), (2, 4), (4, 1)], (2, 8)),
            Counts(muls=16, adds=16, macs=8, dots=2) + 2 * SIGMOID, id="a gate that is projected",
        ),
        pytest.param(
            node(f"{MS}:ComplexMul", [(3, 2), (3, 2)], (3, 2)), Counts(muls=12, adds=6),
            id="three complex products: four products and two sums each",
        ),
        pytest.param(
            node(f"{MS}:IsAllFinite", [(2, 8), (3,)], ()), Counts(compares=19), id="all finite"
        ),
        pytest.param(
            node(f"{MS}:DynamicTimeWarping", [(3, 4)], (2, 5)), Counts(compares=24, adds=12),
            id="a path",
        ),
        pytest.param(
            node(f"{MS}:RelativePositionBias", [(32, 8), (), ()], (1, 8, 3, 3)),
            9 * Counts(adds=3, divs=2, muls=1, specials=1, compares=4), id="distances",
        ),
        pytest.param(
            node(
                f"{MS}:RelativePositionBias", [(32, 8), (), ()], (1, 8, 3, 3), is_bidirectional=1
            ),
            9 * Counts(adds=4, divs=2, muls=2, specials=1, compares=4), id="with their signs",
        ),
        pytest.param(
            node(
                f"{MS}:GatedRelativePositionBias",
                [(1, 3, 8), (8,), (1, 2, 3, 3), (4, 8), (8,), (1, 2, 1, 1)], (1, 2, 3, 3),
            ),
            Counts(adds=24, muls=18, macs=192, dots=48)
            + 6 * (Counts(adds=8 + 6) + 2 * (SIGMOID + Counts(muls=1, adds=1))),
            id="six gates of heads of 4",
        ),
        pytest.param(
            node(f"{MS}:MRotaryEmbedding", [(1, 2, 3, 8), (3, 1, 3), (9, 4), (9, 4)], (1, 2, 3, 8)),
            Counts(muls=96, adds=48), id="turned in sections",
        ),
        pytest.param(
            node(f"{MS}:GemmaRotaryEmbedding", [(1, 3, 8), *[(1, 2, 3, 8)] * 4], (1, 2, 3, 8)),
            Counts(specials=48, muls=192, adds=96), id="queries and keys turned",
        ),
        pytest.param(
            node(f"{MS}:GatedRMSNorm", [(2, 8), (4,), (2, 8)], (2, 8), activation="sigmoid"),
            mean_square(4, 4) + 16 * (SIGMOID + Counts(muls=1)), id="four groups of 4",
        ),
        pytest.param(
            node(f"{MS}:LinearAttentionGate", [(1, 2, 3), (3,), (3,)], (1, 2, 3)),
            6 * Counts(adds=2, specials=2, muls=1), id="decay alone",
        ),
        pytest.param(
            node(f"{MS}:CausalConvWithState", [(1, 4, 6, 6), (4, 1, 3, 3), (4,)], (1, 4, 6, 6)),
            Counts(macs=144 * 9, dots=144, adds=144), id="over two axes",
        ),
        pytest.param(
            node(
                f"{MS}:VarlenCausalConvWithState", [(7, 4), (4, 1, 3), (3,), (4,)], (7, 4),
                activation="silu",
            ),
            Counts(macs=84, dots=28, adds=28) + 28 * SILU, id="of tokens, with bias and SiLU",
        ),
        pytest.param(
            node(
                f"{MS}:LinearAttention", [(1, 5, 8), (1, 5, 8), (1, 5, 12)], (1, 5, 12),
                q_num_heads=2, kv_num_heads=4, update_rule="linear",
            ),
            # States of 4 x 3 at four heads, which outnumber those of the queries.
            5 * 4 * Counts(muls=12 + 4, adds=12, macs=12, dots=3), id="more keys than queries",
        ),
        pytest.param(
            node(f"{MS}:MaxpoolWithMask", [(1, 2, 4, 4), (1, 2, 4, 4)], (1, 2, 2, 2),
                 kernel_shape=(2, 2)),
            Counts(compares=32), id="masked maxima",
        ),
        pytest.param(
            node(f"{MS}:BitmaskBiasDropout", [(2, 8), (8,), (2, 8)], (2, 8)), Counts(adds=32),
            id="a bias and a residual",
        ),
        pytest.param(
            node(
                f"{MS}:QEmbedLayerNormalization",
                [(1, 3), None, (50, 8), (9, 8), None, (8,), (8,)], (1, 3, 8),
            ),
            Counts(adds=24) + norm(3, 8) + (48 + 16) * Counts(adds=1, muls=1),
            id="words and positions, dequantised",
        ),
        pytest.param(
            node("aten:fractional_max_pool3d", [(1, 2, 9, 9, 9), (1, 2, 3)], (1, 2, 3, 3, 3),
                 kernel_size=(2, 2, 2)),
            Counts(compares=54 * 8), id="random windows",
        ),
        pytest.param(
            node("aten:nansum", [(3, 4)], (3,)), Counts(compares=12, adds=9), id="without NaN"
        ),
        pytest.param(
            node("aten:_ctc_loss", [(4, 2, 20), (2, 3)], (2,), (2, 4, 7)),
            # Four steps of two samples, seven states each.
            56 * Counts(compares=2, adds=7, specials=4), id="alignments of three labels",
        ),
        pytest.param(
            node("aten:_ctc_loss", [(4, 2, 20), (6,)], (2,), (2, 4, 7)),
            56 * Counts(compares=2, adds=7, specials=4), id="labels in a row",
        ),
        pytest.param(
            node("aten:_ctc_loss", [(4, 20), (3,)], (), (4, 7)),
            28 * Counts(compares=2, adds=7, specials=4), id="one sample",
        ),
    ],
)  # fmt: skip
def test_the_rest(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("op", "weights"),
    [
        ("MatMulNBitsMlp", {2, 3, 5, 6, 8}),
        ("MatMulNBitsQkv", {2, 3, 5, 6, 8, 9, 11}),
        ("MatMulNBitsQLoRA", {1, 3, 5}),
        ("MatMulBlockQuantizedFp8Weight", {1, 4}),
        ("QOrderedAttention", {5, 6, 7, 11, 12, 13}),
        ("QOrderedMatMul", {2, 5}),
        ("QEmbedLayerNormalization", {2, 3, 4, 5, 6}),
        ("VarlenCausalConvWithState", {1, 3}),
    ],
)
def test_parameters(op: str, weights: set[int]) -> None:
    slots = rule_of(node(f"{MS}:{op}", [], ())).weights
    assert {place for place, role in slots.items() if role is Role.PARAMETER} == weights
