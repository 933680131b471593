"""Attention of ONNX and of ONNX Runtime, rotary embeddings, linear attention."""

import pytest
from builders.rules import attended, counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role, Uncountable

MS = "com.microsoft"


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("Attention", [(1, 12, 64, 64)] * 3, (1, 12, 64, 64)),
            attended(12, 64, 64, 64), id="pytorch/pytorch#195460: 6,291,456 MACs",
        ),
        pytest.param(
            node(
                "Attention", [(2, 3, 32), (2, 5, 16), (2, 5, 12)], (2, 3, 24),
                q_num_heads=4, kv_num_heads=2,
            ),
            attended(8, 3, 5, 8, value=6), id="3-D, grouped: 8 heads, 3 x 5 scores, values of 6",
        ),
        pytest.param(
            node(
                "Attention",
                [(1, 2, 1, 8), (1, 2, 1, 8), (1, 2, 1, 8), (1, 10), (1, 2, 9, 8), (1, 2, 9, 8)],
                (1, 2, 1, 8), (1, 2, 10, 8), (1, 2, 10, 8),
            ),
            attended(2, 1, 10, 8, masks=1), id="one new key and nine past ones, with a mask",
        ),
        pytest.param(
            node("Attention", [(1, 2, 3, 8)] * 3, (1, 2, 3, 8), softcap=50.0),
            attended(2, 3, 3, 8) + 18 * Counts(divs=1, specials=1, muls=1),
            id="a softcap divides, takes tanh and multiplies each of 18 scores",
        ),
        pytest.param(
            node("ai.onnx.preview:FlexAttention", [(1, 12, 64, 64)] * 3, (1, 12, 64, 64)),
            attended(12, 64, 64, 64), id="FlexAttention without graphs of its own",
        ),
    ],
)  # fmt: skip
def test_onnx_attention(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{MS}:MultiHeadAttention", [(1, 3, 16)] * 3, (1, 3, 16), num_heads=2),
            attended(2, 3, 3, 8), id="MHA, heads merged",
        ),
        pytest.param(
            node(
                f"{MS}:MultiHeadAttention",
                [(1, 3, 16), (1, 5, 16), (1, 5, 12), (44,), (1, 5), (1, 1, 3, 5)],
                (1, 3, 12), num_heads=2,
            ),
            attended(2, 3, 5, 8, masks=2, value=6) + Counts(adds=48 + 80 + 60),
            id="MHA with bias: 3*16 + 5*16 + 5*12 adds, and two masks",
        ),
        pytest.param(
            node(f"{MS}:MultiHeadAttention", [(1, 3, 2, 3, 8)], (1, 3, 16), num_heads=2),
            attended(2, 3, 3, 8), id="MHA, queries, keys and values packed",
        ),
        pytest.param(
            node(
                f"{MS}:MultiHeadAttention", [(1, 3, 16), (1, 5, 2, 2, 8)], (1, 3, 16), num_heads=2
            ),
            attended(2, 3, 5, 8), id="MHA, keys and values packed",
        ),
        pytest.param(
            node(
                f"{MS}:MultiHeadAttention", [(1, 3, 16), (1, 2, 5, 8), (1, 2, 5, 6)],
                (1, 3, 12), num_heads=2,
            ),
            attended(2, 3, 5, 8, value=6), id="MHA, keys of another layer, heads apart",
        ),
        pytest.param(
            node(
                f"{MS}:MultiHeadAttention",
                [(1, 1, 16), (1, 1, 16), (1, 1, 16), None, None, None, (1, 2, 7, 8), (1, 2, 7, 8)],
                (1, 1, 16), (1, 2, 8, 8), (1, 2, 8, 8), num_heads=2,
            ),
            attended(2, 1, 8, 8), id="MHA, seven past keys",
        ),
        pytest.param(
            node(
                f"{MS}:GroupQueryAttention",
                [(1, 1, 32), (1, 1, 16), (1, 1, 16), (1, 2, 9, 8), (1, 2, 9, 8), (1,), ()],
                (1, 1, 32), num_heads=4, kv_num_heads=2,
            ),
            attended(4, 1, 10, 8), id="GQA, nine past keys and no present output",
        ),
        pytest.param(
            node(
                f"{MS}:GroupQueryAttention",
                [(1, 1, 32), (1, 1, 16), (1, 1, 16), (1, 2, 9, 8), (1, 2, 9, 8), (1,), ()],
                (1, 1, 32), (1, 2, 9, 8), (1, 2, 9, 8), num_heads=4, kv_num_heads=2,
            ),
            attended(4, 1, 9, 8), id="GQA, a cache of nine places that is written in place",
        ),
        pytest.param(
            node(
                f"{MS}:GroupQueryAttention", [(1, 3, 64), None, None, None, None, (1,), ()],
                (1, 3, 32), num_heads=4, kv_num_heads=2, do_rotary=1,
            ),
            attended(4, 3, 3, 8) + 3 * 48 * Counts(muls=2, adds=1),
            id="GQA, packed, and 3 * (4 + 2) * 8 elements of queries and keys are turned",
        ),
        pytest.param(
            node(
                f"{MS}:Attention", [(2, 3, 10), (10, 48), (48,), (2, 3)], (2, 3, 16), num_heads=2
            ),
            attended(4, 3, 3, 8, masks=1) + Counts(macs=2_880, dots=288, adds=288),
            id="Attention: 2*3 rows by 10 x 48 with bias, then 2 heads of 8",
        ),
        pytest.param(
            node(
                f"{MS}:Attention",
                [(1, 1, 10), (10, 44), None, None, (2, 1, 2, 4, 8)],
                (1, 1, 12), num_heads=2, qkv_hidden_sizes=(16, 16, 12),
            ),
            attended(2, 1, 5, 8, value=6) + Counts(macs=440, dots=44),
            id="Attention without bias, values of 6, four past keys",
        ),
        pytest.param(
            node(
                f"{MS}:PackedMultiHeadAttention",
                [(5, 16), (5, 16), (5, 12), (44,), (2, 3), (3,), (1, 1, 3, 3)],
                (5, 12), num_heads=2,
            ),
            attended(4, 3, 3, 8, masks=1, value=6) + Counts(adds=5 * 44),
            id="packed MHA: two sequences of at most 3, five tokens with a bias",
        ),
        pytest.param(
            node(
                f"{MS}:PackedMultiHeadAttention", [(5, 2, 3, 8), None, None, None, (2, 3), (3,)],
                (5, 16), num_heads=2,
            ),
            attended(4, 3, 3, 8), id="packed MHA, queries, keys and values in one",
        ),
    ],
)  # fmt: skip
def test_runtime_attention(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "turned"),
    [
        pytest.param(
            node("RotaryEmbedding", [(1, 4, 3, 8), (3, 4), (3, 4)], (1, 4, 3, 8)),
            96, id="4-D, whole heads",
        ),
        pytest.param(
            node(
                "RotaryEmbedding", [(1, 4, 3, 8), (3, 2), (3, 2)], (1, 4, 3, 8),
                rotary_embedding_dim=4,
            ),
            48, id="4-D, half of each head",
        ),
        pytest.param(
            node(
                f"{MS}:RotaryEmbedding", [(1, 3, 32), (1, 3), (9, 1), (9, 1)], (1, 3, 32),
                rotary_embedding_dim=2, num_heads=4,
            ),
            24, id="3-D, a quarter of each head",
        ),
    ],
)  # fmt: skip
def test_rotation_takes_two_multiplications_and_an_add_per_element(
    layer: Layer, turned: int
) -> None:
    assert counted(layer) == Counts(muls=2 * turned, adds=turned)


def test_rotation_tables_are_constants() -> None:
    own = node("RotaryEmbedding", [(1, 4, 3, 8)], (1, 4, 3, 8))
    runtime = node(f"{MS}:RotaryEmbedding", [(1, 4, 3, 8)], (1, 4, 3, 8))
    assert rule_of(own).weights == {1: Role.CONSTANT, 2: Role.CONSTANT}
    assert rule_of(runtime).weights == {2: Role.CONSTANT, 3: Role.CONSTANT}


def recurrent(update_rule: str) -> Layer:
    """Two tokens, two query heads, one key head; keys of 3, values of 5."""
    return node(
        "LinearAttention",
        [(1, 2, 6), (1, 2, 3), (1, 2, 5), None, (1, 2, 3), (1, 2, 1)],
        (1, 2, 10),
        update_rule=update_rule,
        q_num_heads=2,
        kv_num_heads=1,
    )


# Per token: k v' and its sum with the state, 15 each; per query head 3 by the scale, 5 dot
# products of length 3.
LINEAR = 2 * (Counts(muls=15, adds=15) + 2 * Counts(muls=3, macs=15, dots=5))
GATE = 2 * Counts(muls=15, specials=3)
DELTA = 2 * Counts(macs=15, dots=5, adds=5, muls=3)


@pytest.mark.parametrize(
    ("update_rule", "counts"),
    [
        pytest.param("linear", LINEAR, id="linear"),
        pytest.param("gated", LINEAR + GATE, id="gated: three decays, 15 products"),
        pytest.param("delta", LINEAR + DELTA, id="delta: five predictions of length 3"),
        pytest.param("gated_delta", LINEAR + GATE + DELTA, id="gated delta: both"),
    ],
)
def test_linear_attention(update_rule: str, counts: Counts) -> None:
    assert counted(recurrent(update_rule)) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("CausalConvWithState", [(1, 8, 10), (8, 1, 4)], (1, 8, 10)),
            Counts(macs=320, dots=80), id="80 dot products of length 4",
        ),
        pytest.param(
            node(
                "CausalConvWithState", [(1, 8, 10), (8, 1, 4), (8,)], (1, 8, 10), activation="silu"
            ),
            Counts(macs=320, dots=80, adds=80)
            + 80 * Counts(adds=2, specials=1, divs=1, muls=1),
            id="with a bias and SiLU, x * sigmoid(x)",
        ),
    ],
)  # fmt: skip
def test_causal_convolution(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(node("Attention", [(2, 3, 32)] * 3, (2, 3, 32)), id="3-D, no heads"),
        pytest.param(
            node(f"{MS}:Attention", [(1, 1, 8), (8, 24)], (1, 1, 8), num_heads=0), id="0 heads"
        ),
        pytest.param(
            node(
                f"{MS}:Attention",
                [(1, 1, 8), (8, 24)],
                (1, 1, 8),
                num_heads=2,
                qkv_hidden_sizes=(8, 8, 4),
            ),
            id="sizes that do not add up",
        ),
        pytest.param(recurrent("magic"), id="unknown update rule"),
        pytest.param(
            node("RotaryEmbedding", [(1, 4, 3, 8)], (1, 4, 3, 8), rotary_embedding_dim=-2),
            id="less than no element turned",
        ),
        pytest.param(
            node("RotaryEmbedding", [(1, 4, 3, 0)], (1, 4, 3, 0), rotary_embedding_dim=2),
            id="more elements turned than there are",
        ),
        pytest.param(
            node("CausalConvWithState", [(1, 8, 10), (8, 1, 4)], (1, 8, 10), activation="magic"),
            id="unknown activation",
        ),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
