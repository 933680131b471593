"""Attention of ONNX Runtime over caches, packed sequences and pages; fused layers of PyTorch."""

import pytest
from builders.rules import attended, counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.ir import Layer, Role, Uncountable

MS = "com.microsoft"


def turned(elements: int) -> Counts:
    return Counts(muls=2 * elements, adds=elements)


def mean_square(rows: int, length: int) -> Counts:
    """Squares, their mean, epsilon, root and reciprocal, the product, the scale."""
    return rows * Counts(adds=length, muls=3 * length, divs=2, specials=1)


# 8 inputs to 2 heads of 4: three projections of 8, with a bias.
PROJECTED = Counts(macs=24 * 8, dots=24, adds=24)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(
                f"{MS}:DecoderMaskedSelfAttention",
                [(1, 1, 8), (8, 24), (24,), None, (2, 1, 2, 5, 4)], (1, 1, 8), num_heads=2,
            ),
            PROJECTED + attended(2, 1, 6, 4), id="self: five past keys and a new one",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderMaskedSelfAttention",
                [(1, 1, 8), (8, 24), (24,), (1, 16), (2, 1, 2, 16, 4)], (1, 1, 8),
                num_heads=2, past_present_share_buffer=1, do_rotary=1,
            ),
            PROJECTED + attended(2, 1, 16, 4, masks=1) + turned(16),
            id="self: a buffer of sixteen, a mask; queries and keys of 8 turned",
        ),
        pytest.param(
            node(
                f"{MS}:Attention", [(1, 3, 8), (8, 24)], (1, 3, 8),
                num_heads=2, do_rotary=1, rotary_embedding_dim=2,
            ),
            Counts(macs=3 * 24 * 8, dots=72) + attended(2, 3, 3, 4) + turned(3 * 2 * 2 * 2),
            id="rotary: two elements of each head's queries and keys at three positions",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderMaskedMultiHeadAttention",
                [(1, 1, 8), (1, 1, 8), (1, 1, 8), None, None, (1, 2, 5, 4), (1, 2, 5, 4),
                 None, None, None, (24,)],
                (1, 1, 8), num_heads=2,
            ),
            attended(2, 1, 6, 4) + Counts(adds=24), id="multi-head: with its bias",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderMaskedMultiHeadAttention",
                [(1, 1, 24), None, None, (1, 16), (1, 2, 1, 16), (1, 2, 16, 4), (1, 2, 16, 4)],
                (1, 1, 8), num_heads=2, past_present_share_buffer=1,
            ),
            attended(2, 1, 16, 4, masks=2), id="multi-head: packed, a buffer of sixteen, two masks",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderMaskedMultiHeadAttention",
                [(1, 1, 8), (1, 2, 7, 4), (1, 2, 7, 6), None, None, None, None, None, None, None,
                 (28,)],
                (1, 1, 12), num_heads=2,
            ),
            attended(2, 1, 7, 4, value=6) + Counts(adds=8),
            id="multi-head: over seven keys of others; the bias is of the query",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderAttention",
                [(3, 2, 8), (5, 2, 8), (8, 8), (8, 16), (24,), (2, 5)], (3, 2, 8), num_heads=2,
            ),
            Counts(macs=(48 + 160) * 8, dots=208, adds=208) + attended(4, 3, 5, 4, masks=1),
            id="decoder: queries (3, 2, 8), keys and values of (5, 2, 8), a mask",
        ),
        pytest.param(
            node(
                f"{MS}:DecoderAttention",
                [(1, 2, 8), (1, 2, 8), (8, 8), (8, 16), (24,)],
                (1, 2, 8), (2, 2, 9, 4), (2, 2, 9, 4), num_heads=2,
            ),
            Counts(macs=48 * 8, dots=48, adds=48) + attended(4, 1, 9, 4),
            id="decoder: a new cache of nine keys",
        ),
        pytest.param(
            node(
                f"{MS}:PackedAttention", [(7, 8), (8, 24), (24,), (3, 4), (4,), (1, 2, 4, 4)],
                (7, 8), num_heads=2,
            ),
            7 * PROJECTED + attended(6, 4, 4, 4, masks=1), id="packed: 3 sequences of at most 4",
        ),
        pytest.param(
            node(
                f"{MS}:PagedAttention",
                [(5, 8), (5, 4), (5, 4), (9, 16, 1, 4), (9, 16, 1, 4), (3,), (2,), (2, 2)],
                (5, 8), num_heads=2, kv_num_heads=1,
            ),
            attended(2, 5, 32, 4), id="paged: two pages of 16 keys for a sequence",
        ),
        pytest.param(
            node(
                f"{MS}:PagedAttention",
                [(5, 16), None, None, (9, 16, 1, 4), (9, 16, 1, 4), (3,), (2,), (2, 2), None, None,
                 None, None, (4,), (4,)],
                (5, 8), num_heads=2, kv_num_heads=1, do_rotary=1, softcap=2.0,
            ),
            attended(2, 5, 32, 4) + mean_square(15, 4) + turned(60)
            + 320 * Counts(divs=1, specials=1, muls=1),
            id="paged: packed, 15 vectors normed and turned, a softcap",
        ),
        pytest.param(
            node(
                f"{MS}:SparseAttention",
                [(1, 3, 16), None, None, (1, 1, 32, 4), (1, 1, 32, 4)], (1, 3, 8),
                num_heads=2, kv_num_heads=1, do_rotary=1,
            ),
            attended(2, 3, 32, 4) + turned(36), id="sparse: packed, all of a cache of 32",
        ),
        pytest.param(
            node("aten:_flash_attention_forward", [(2, 3, 4, 8)] * 3, (2, 3, 4, 8)),
            attended(8, 3, 3, 8), id="PyTorch: heads behind positions",
        ),
        pytest.param(
            node(
                "aten:_efficient_attention_forward", [(2, 3, 4, 8)] * 3 + [(2, 4, 3, 3)],
                (2, 3, 4, 8),
            ),
            attended(8, 3, 3, 8, masks=1), id="PyTorch: with a bias of the scores",
        ),
        pytest.param(
            node(
                "aten:_flash_attention_forward", [(9, 4, 8)] * 3 + [(3,), (3,)], (9, 4, 8),
                max_q=6, max_k=5,
            ),
            attended(8, 6, 5, 8), id="PyTorch: two sequences in a row, in full",
        ),
        pytest.param(
            node(
                "aten:_efficient_attention_forward", [(9, 4, 8)] * 3 + [(3,), (3,)], (9, 4, 8),
                max_seqlen_q=6, max_seqlen_k=5,
            ),
            attended(8, 6, 5, 8), id="PyTorch: the same, said otherwise",
        ),
    ],
)  # fmt: skip
def test_attention(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        (
            node("aten:_flash_attention_forward", [(9, 4, 8)] * 3, (9, 4, 8), max_q=6, max_k=6),
            "where sequences begin",
        ),
        (
            node("aten:_flash_attention_forward", [(9, 4, 8)] * 3 + [(3,)], (9, 4, 8), max_q=6),
            "how long sequences are",
        ),
        (
            node(f"{MS}:PagedAttention", [(5, 8)], (5, 8), num_heads=2),
            "no kv_num_heads",
        ),
    ],
)
def test_what_a_file_does_not_say(layer: Layer, reason: str) -> None:
    with pytest.raises(Uncountable, match=reason):
        counted(layer)


@pytest.mark.parametrize(
    "op", ["DecoderAttention", "PackedAttention", "PagedAttention", "SparseAttention"]
)
def test_where_data_decide_it_is_a_bound(op: str) -> None:
    assert rule_of(node(f"{MS}:{op}", [], ())).coverage is Coverage.BOUNDED


@pytest.mark.parametrize(
    ("op", "weights"),
    [
        ("DecoderMaskedSelfAttention", {1, 2}),
        ("DecoderMaskedMultiHeadAttention", {10}),
        ("DecoderAttention", {2, 3, 4}),
        ("PackedAttention", {1, 2}),
        ("PagedAttention", {12, 13}),
    ],
)
def test_weights_are_parameters(op: str, weights: set[int]) -> None:
    slots = rule_of(node(f"{MS}:{op}", [], ())).weights
    assert {place for place, role in slots.items() if role is Role.PARAMETER} == weights


def normed(rows: int, length: int) -> Counts:
    """A layer norm with scale and shift."""
    return rows * Counts(adds=4 * length - 1, muls=3 * length, divs=3, specials=1)


def encoder(*, use_gelu: int = 0) -> Layer:
    """3 tokens of 8, 2 heads, 16 hidden elements."""
    weights = [(24, 8), (24,), (8, 8), (8,), (8,), (8,), (8,), (8,), (16, 8), (16,), (8, 16), (8,)]
    return node(
        "aten:_transformer_encoder_layer_fwd", [(1, 3, 8), *weights], (1, 3, 8),
        num_heads=2, use_gelu=use_gelu,
    )  # fmt: skip


ENCODER = (
    # Four projections of 24 elements, and attention of two heads.
    Counts(macs=96 * 8, dots=96, adds=96)
    + attended(2, 3, 3, 4)
    # 8 -> 16 -> 8 for each of three tokens, with biases.
    + 3 * Counts(macs=2 * 128, dots=24, adds=24)
    + 2 * normed(3, 8)
    + Counts(adds=48)
)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(encoder(), ENCODER + Counts(compares=48), id="with ReLU"),
        pytest.param(
            encoder(use_gelu=1), ENCODER + 48 * Counts(muls=2, divs=1, specials=1, adds=1),
            id="with Gelu",
        ),
        pytest.param(
            node(
                "aten:_native_multi_head_attention",
                [(1, 3, 8), (1, 5, 8), (1, 5, 8), (24, 8), (24,), (8, 8), (8,), (3, 5)],
                (1, 3, 8), num_head=2,
            ),
            Counts(macs=128 * 8, dots=128, adds=128) + attended(2, 3, 5, 4, masks=1),
            id="queries and outputs of three tokens, keys and values of five, a mask",
        ),
    ],
)  # fmt: skip
def test_fused_layers_of_pytorch(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts
