"""Sorting, searching and scattering."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.ir import Layer, Uncountable


@pytest.mark.parametrize(
    ("layer", "compares"),
    [
        pytest.param(node("TopK", [(2, 1000), (1,)], (2, 5)), 6_000, id="5 of 1000: a heap of 3"),
        pytest.param(node("TopK", [(8, 3), (1,)], (1, 3), axis=0), 24, id="the best one of 8"),
        pytest.param(node("TopK", [(), (1,)], ()), 1, id="a scalar"),
        pytest.param(node("TopK", [(4, 0), (1,)], (4, 0)), 0, id="nothing"),
        pytest.param(node("aten:sort", [(4, 1000)], (4, 1000), (4, 1000)), 40_000, id="rows"),
        pytest.param(node("aten:sort", [(4, 1000)], (4, 1000), dim=0), 8_000, id="columns"),
        pytest.param(node("aten:msort", [(4, 1000)], (4, 1000)), 8_000, id="the first axis"),
        pytest.param(node("aten:sort", [(5, 1)], (5, 1)), 0, id="rows of one"),
        pytest.param(node("aten:argsort", [(1, 8)], (1, 8)), 24, id="8 log2(8)"),
        pytest.param(node("aten:median", [(4, 8)], (4,), (4,), dim=1), 96, id="median of rows"),
        pytest.param(node("aten:median", [(4, 8)], ()), 160, id="median of all: 32 log2(32)"),
        pytest.param(node("aten:quantile", [(4, 8)], ()), 160, id="quantile of all"),
        pytest.param(node("Unique", [(4, 8)], (32,)), 191, id="flattened: 32 * 5 + 31"),
        pytest.param(
            node("Unique", [(8, 3)], (8, 3), axis=0), 93, id="slices of 3: (8 * 3 + 7) * 3"
        ),
        pytest.param(
            node("aten:unique_dim", [(8, 3)], (8, 3), dim=0), 93, id="the same by PyTorch"
        ),
        pytest.param(node("aten:_unique2", [(8,)], (8,)), 31, id="8 * 3 + 7"),
        pytest.param(node("tf:UniqueV2", [(8,), (0,)], (8,), (8,)), 31, id="by TensorFlow"),
        pytest.param(node("com.microsoft:Unique", [(8,)], (8,), (8,), (8,)), 31, id="by ORT"),
        pytest.param(node("Unique", [(0,)], (0,)), 0, id="unique of nothing"),
        pytest.param(node("aten:searchsorted", [(4, 7), (4, 5)], (4, 5)), 60, id="20 in rows of 7"),
        pytest.param(node("tf:UpperBound", [(4, 7), (4, 5)], (4, 5)), 60, id="by TensorFlow"),
        pytest.param(node("aten:bucketize", [(4, 5), (15,)], (4, 5)), 80, id="16 buckets"),
        pytest.param(node("aten:isin", [(4, 5), (8,)], (4, 5)), 24 + 80, id="8 sorted, 20 sought"),
    ],
)
def test_comparisons_of_an_order(layer: Layer, compares: int) -> None:
    assert counted(layer) == Counts(compares=compares)
    assert rule_of(layer).coverage is Coverage.ESTIMATED


@pytest.mark.parametrize(
    ("layer", "compares"),
    [
        pytest.param(node("aten:unique_consecutive", [(8,)], (8,)), 7, id="neighbours"),
        pytest.param(node("aten:unique_consecutive", [(8, 3)], (8, 3), dim=0), 21, id="slices"),
        pytest.param(node("aten:unique_consecutive", [(0,)], (0,)), 0, id="nothing"),
    ],
)
def test_neighbours_that_differ(layer: Layer, compares: int) -> None:
    assert counted(layer) == Counts(compares=compares)
    assert rule_of(layer).coverage is Coverage.EXACT


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("ScatterElements", [(8, 4), (2, 4), (2, 4)], (8, 4)), Counts(), id="written"
        ),
        pytest.param(
            node("ScatterND", [(8, 4), (2, 1)], (8, 4)), Counts(), id="filled with a number"
        ),
        pytest.param(
            node("ScatterND", [(8, 4), (2, 1), (2, 4)], (8, 4), reduction="add"),
            Counts(adds=8), id="added",
        ),
        pytest.param(
            node("ScatterElements", [(8, 4), (2, 4), (2, 4)], (8, 4), reduction="mul"),
            Counts(muls=8), id="multiplied",
        ),
        pytest.param(
            node("ScatterElements", [(8, 4), (2, 4), (2, 4)], (8, 4), reduction="max"),
            Counts(compares=8), id="the larger one",
        ),
        pytest.param(
            node("ScatterND", [(8, 4), (3,), (3,), (3,)], (8, 4), reduction="add"),
            Counts(adds=3), id="PyTorch's index_put: a tensor for each axis",
        ),
        pytest.param(
            node("tf:TensorScatterAdd", [(8, 4), (2, 1), (2, 4)], (8, 4)),
            Counts(adds=8), id="TensorScatterAdd",
        ),
        pytest.param(
            node("tf:TensorScatterMin", [(8, 4), (2, 1), (2, 4)], (8, 4)),
            Counts(compares=8), id="TensorScatterMin",
        ),
        pytest.param(
            node("tf:ScatterNd", [(2, 1), (2, 4), (2,)], (8, 4)), Counts(adds=8), id="ScatterNd"
        ),
        pytest.param(
            node("tf:ResourceScatterAdd", [None, (2,), (2, 4)], (8, 4)),
            Counts(adds=8), id="ResourceScatterAdd",
        ),
        pytest.param(
            node("tf:SegmentSum", [(6, 4), (6,)], (2, 4)), Counts(adds=24), id="SegmentSum"
        ),
        pytest.param(
            node("tf:UnsortedSegmentProd", [(6, 4), (6,), ()], (2, 4)),
            Counts(muls=24), id="UnsortedSegmentProd",
        ),
        pytest.param(
            node("tf:SegmentMax", [(6, 4), (6,)], (2, 4)), Counts(compares=24), id="SegmentMax"
        ),
        pytest.param(
            node("tf:SegmentMean", [(6, 4), (6,)], (2, 4)),
            Counts(adds=24, divs=8), id="SegmentMean",
        ),
        pytest.param(
            node("tf:SparseSegmentSum", [(50, 4), (6,), (6,)], (2, 4)),
            Counts(adds=24), id="SparseSegmentSum",
        ),
        pytest.param(
            node("tf:SparseSegmentMean", [(50, 4), (6,), (6,)], (2, 4)),
            Counts(adds=24, divs=8), id="SparseSegmentMean",
        ),
        pytest.param(
            node("tf:SparseSegmentSqrtN", [(50, 4), (6,), (6,)], (2, 4)),
            Counts(adds=24, divs=8, specials=2), id="SparseSegmentSqrtN",
        ),
        pytest.param(
            node("aten:embedding_bag", [(50, 4), (6,), (2,)], (2, 4)),
            Counts(adds=16), id="bags of six rows in all, summed",
        ),
        pytest.param(
            node("aten:_embedding_bag", [(50, 4), (6,), (2,)], (2, 4), mode=1),
            Counts(adds=16, divs=8), id="averaged",
        ),
        pytest.param(
            node("aten:_embedding_bag", [(50, 4), (6,), (2,)], (2, 4), mode=2),
            Counts(compares=16), id="their maximum",
        ),
        pytest.param(
            node("aten:_embedding_bag", [(50, 4), (6,), (2,), (6,)], (2, 4)),
            Counts(adds=16, muls=24), id="weighted",
        ),
        pytest.param(
            node("aten:_embedding_bag", [(0, 4), (0,), (2,)], (2, 4)), Counts(), id="empty bags"
        ),
        pytest.param(
            node("aten:scatter_reduce", [(8, 4), (2, 4), (2, 4)], (8, 4)),
            Counts(adds=8, divs=32), id="averaged with what is there",
        ),
        pytest.param(node("aten:bincount", [(10,)], (4,)), Counts(adds=10), id="bincount"),
        pytest.param(
            node("aten:histc", [(10,)], (4,)),
            10 * Counts(adds=2, muls=1, divs=1, compares=2), id="histogram",
        ),
        pytest.param(
            node("Col2Im", [(1, 12, 9), (2,), (2,)], (1, 3, 4, 4)),
            Counts(adds=60), id="Col2Im: 108 elements onto 48",
        ),
        pytest.param(
            node("aten:col2im", [(1, 12, 4)], (1, 3, 5, 5)), Counts(), id="col2im without overlap"
        ),
    ],
)  # fmt: skip
def test_scattered(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


def test_an_unknown_reduction_is_uncountable() -> None:
    with pytest.raises(Uncountable):
        counted(node("ScatterND", [(8, 4), (2, 1), (2, 4)], (8, 4), reduction="magic"))
