"""Matrices by elimination, products of vectors, distances and variances."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.ir import Layer

# A 3 x 3 matrix: three quotients below the diagonal; 4 + 1 products and differences.
ELIMINATION = Counts(divs=3, muls=5, adds=5)
# A triangle of 3 x 3 for one right side: three products and differences.
TRIANGLE = Counts(muls=3, adds=3)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("Det", [(2, 3, 3)], (2,)), 2 * (ELIMINATION + Counts(muls=2)), id="determinants"
        ),
        pytest.param(
            node("aten:_linalg_det", [(3, 3)], ()), ELIMINATION + Counts(muls=2), id="by PyTorch"
        ),
        pytest.param(node("Det", [(2, 0, 0)], (2,)), Counts(), id="of nothing"),
        pytest.param(
            node("com.microsoft:Inverse", [(3, 3)], (3, 3)),
            Counts(divs=9, muls=18, adds=18), id="inverse",
        ),
        pytest.param(
            node("tf:MatrixInverse", [(2, 3, 3)], (2, 3, 3)),
            2 * Counts(divs=9, muls=18, adds=18), id="inverses",
        ),
        pytest.param(
            node("aten:linalg_cholesky_ex", [(3, 3)], (3, 3)),
            Counts(specials=3, divs=3, muls=4, adds=4), id="Cholesky",
        ),
        pytest.param(
            node("tf:MatrixTriangularSolve", [(2, 3, 3), (2, 3, 4)], (2, 3, 4)),
            8 * TRIANGLE + Counts(divs=24), id="a triangle for four right sides",
        ),
        pytest.param(
            node("aten:linalg_solve_triangular", [(0, 0), (0, 4)], (0, 4)), Counts(), id="nothing"
        ),
        pytest.param(
            node("aten:linalg_solve", [(2, 3, 3), (2, 3, 4)], (2, 3, 4)),
            2 * ELIMINATION + 16 * TRIANGLE + Counts(divs=24), id="a system: both triangles",
        ),
        pytest.param(
            node("aten:linalg_lu_factor", [(3, 3)], (3, 3), (3,)), ELIMINATION, id="triangles"
        ),
    ],
)  # fmt: skip
def test_matrices(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts
    assert rule_of(layer).coverage is Coverage.ESTIMATED


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("aten:inner", [(2, 4), (3, 4)], (2, 3)), Counts(macs=24, dots=6), id="inner"
        ),
        pytest.param(
            node("aten:linalg_vecdot", [(4, 2), (4, 2)], (2,), dim=0),
            Counts(macs=8, dots=2), id="along the first axis",
        ),
        pytest.param(
            node("aten:addbmm", [(2, 3), (5, 2, 4), (5, 4, 3)], (2, 3)),
            Counts(macs=120, dots=6, adds=6), id="sums of five products",
        ),
        pytest.param(
            node("aten:addbmm", [(2, 3), (5, 2, 4), (5, 4, 3)], (2, 3), alpha=2.0, beta=0.5),
            Counts(macs=120, dots=6, adds=6, muls=12), id="scaled",
        ),
        pytest.param(
            node("aten:bilinear", [(2, 3), (2, 4), (5, 3, 4)], (2, 5)),
            Counts(macs=40 * 3 + 10 * 4, dots=50), id="x W: 2*5*4 of length 3; y: 10 of length 4",
        ),
        pytest.param(
            node("aten:bilinear", [(2, 3), (2, 4), (5, 3, 4), (5,)], (2, 5)),
            Counts(macs=160, dots=50, adds=10), id="with a bias",
        ),
        pytest.param(
            node("aten:_grouped_mm", [(6, 4), (3, 4, 5), (3,)], (6, 5)),
            Counts(macs=120, dots=30), id="each row by the matrix of its group",
        ),
        pytest.param(
            node("aten:_grouped_mm", [(6, 12), (12, 5), (3,)], (3, 6, 5)),
            Counts(macs=360, dots=90), id="grouped columns by grouped rows: 12 / 3 each",
        ),
        pytest.param(
            node("aten:_grouped_mm", [(6, 12), (12, 5), (0,)], (0, 6, 5)), Counts(), id="no group"
        ),
    ],
)  # fmt: skip
def test_products_of_vectors(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


PAIRS = [(1, 3, 4), (1, 5, 4)]


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("aten:_cdist_forward", PAIRS, (1, 3, 5)),
            15 * Counts(adds=7, muls=4, specials=1), id="Euclid: root of four squares",
        ),
        pytest.param(
            node("aten:cdist", PAIRS, (1, 3, 5), p=1.0),
            15 * Counts(adds=7, compares=4), id="p = 1: magnitudes",
        ),
        pytest.param(
            node("aten:cdist", PAIRS, (1, 3, 5), p=float("inf")),
            15 * Counts(adds=4, compares=7), id="the largest of four magnitudes",
        ),
        pytest.param(
            node("aten:cdist", PAIRS, (1, 3, 5), p=3.0),
            15 * Counts(adds=7, compares=4, specials=5), id="p = 3: powers and a root",
        ),
        pytest.param(
            node("aten:_pdist_forward", [(4, 4)], (6,)),
            6 * Counts(adds=7, muls=4, specials=1), id="six pairs of four vectors",
        ),
        pytest.param(node("aten:cdist", [(3, 0), (5, 0)], (3, 5)), Counts(), id="no coordinate"),
        pytest.param(
            node("aten:pairwise_distance", [(3, 4), (3, 4)], (3,)),
            3 * Counts(adds=11, muls=4, specials=1), id="three pairs, epsilon added",
        ),
        pytest.param(
            node("aten:dist", [(3, 4), (3, 4)], ()),
            Counts(adds=23, muls=12, specials=1), id="two tensors as vectors",
        ),
        pytest.param(
            node("com.microsoft:CDist", [(3, 4), (5, 4)], (3, 5)),
            15 * Counts(adds=7, muls=4), id="squares",
        ),
        pytest.param(
            node("com.microsoft:CDist", [(3, 4), (5, 4)], (3, 5), metric="euclidean"),
            15 * Counts(adds=7, muls=4, specials=1), id="their roots",
        ),
        pytest.param(
            node("com.microsoft:CDist", [(3, 0), (5, 0)], (3, 5)), Counts(), id="no coordinate, ORT"
        ),
        pytest.param(
            node("aten:cosine_similarity", [(3, 4), (3, 4)], (3,), dim=1),
            3 * Counts(muls=13, adds=9, specials=2, compares=2, divs=1), id="cosines",
        ),
        pytest.param(
            node("aten:cosine_similarity", [(3, 0), (3, 0)], (3,)), Counts(), id="of nothing"
        ),
    ],
)  # fmt: skip
def test_distances(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("aten:var", [(3, 4)], (3,)),
            3 * Counts(adds=3 + 4 + 3, muls=4, divs=2), id="variances of rows of four",
        ),
        pytest.param(
            node("aten:std_mean", [(3, 4)], (3,), (3,)),
            3 * Counts(adds=10, muls=4, divs=2, specials=1), id="deviations and means",
        ),
        pytest.param(node("aten:var", [(3, 0)], (3,)), Counts(), id="of nothing"),
        pytest.param(node("aten:var", [(0, 4)], (0,)), Counts(), id="no row"),
        pytest.param(
            node("aten:batch_norm", [(2, 3, 4), (3,), (3,)], (2, 3, 4)),
            3 * Counts(adds=23, muls=16, divs=3, specials=1) + Counts(adds=24, muls=24),
            id="a batch norm in training: channels of eight",
        ),
        pytest.param(node("aten:batch_norm", [(2, 0, 4)], (2, 0, 4)), Counts(), id="no channel"),
        pytest.param(
            node("aten:_weight_norm", [(3, 4), (3, 1)], (3, 4)),
            3 * Counts(muls=8, adds=3, specials=1, divs=1), id="weight norm",
        ),
        pytest.param(
            node("aten:_weight_norm", [(3, 0), (3, 1)], (3, 0)), Counts(), id="norm of no weight"
        ),
        pytest.param(node("aten:_weight_norm", [(0, 4), (0, 1)], (0, 4)), Counts(), id="no norm"),
        pytest.param(
            node("aten:linalg_vector_norm", [(3, 4)], (3,), ord=3),
            Counts(compares=12, specials=15, adds=9), id="3-norm",
        ),
        pytest.param(
            node("aten:linalg_vector_norm", [(3, 4)], (3,), ord=float("inf")),
            Counts(compares=12 + 9), id="largest magnitude",
        ),
        pytest.param(
            node("aten:linalg_norm", [(3, 4)], (3,)),
            Counts(muls=12, adds=9, specials=3), id="2-norm by default",
        ),
        pytest.param(
            node("aten:linalg_norm", [(3, 4)], (3,), ord=1),
            Counts(compares=12, adds=9), id="1-norm",
        ),
        pytest.param(node("aten:trace", [(3, 4)], ()), Counts(adds=2), id="trace"),
        pytest.param(node("aten:aminmax", [(3, 4)], (3,), (3,)), Counts(compares=18), id="both"),
        pytest.param(
            node("aten:count_nonzero", [(3, 4)], (3,)), Counts(compares=12, adds=9), id="nonzero"
        ),
        pytest.param(node("CumProd", [(3, 4), ()], (3, 4)), Counts(muls=12), id="products"),
        pytest.param(node("tf:Cumprod", [(3, 4), ()], (3, 4)), Counts(muls=12), id="TensorFlow's"),
        pytest.param(
            node("aten:cummax", [(3, 4)], (3, 4), (3, 4)), Counts(compares=12), id="maxima"
        ),
        pytest.param(
            node("aten:logcumsumexp", [(3, 4)], (3, 4)),
            Counts(specials=24, adds=12), id="logs of sums of exps",
        ),
        pytest.param(
            node("GlobalLpPool", [(1, 2, 3, 3)], (1, 2, 1, 1)),
            Counts(specials=20, adds=16), id="p-norms of two planes of nine",
        ),
    ],
)  # fmt: skip
def test_statistics(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts
