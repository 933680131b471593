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
            shaped("Gemm", (1, 4096), (4096, 4096), (4096,), (1, 4096)),
            Counts(macs=16_777_216, dots=4096, adds=4096), id="dense 4096 -> 4096 with bias",
        ),
        pytest.param(
            shaped("Gemm", (30, 20), (30, 10), (20, 10), transA=1),
            Counts(macs=6_000, dots=200), id="A transposed: 20x30 by 30x10",
        ),
        pytest.param(
            shaped("Gemm", (2, 3), (3, 4), (4,), (2, 4), alpha=0.5, beta=2.0),
            Counts(macs=24, dots=8, adds=8, muls=12), id="alpha scales Y, beta scales C",
        ),
        pytest.param(
            shaped("Gemm", (8, 197, 768), (3072, 768), (3072,), (8, 197, 3072), transB=1),
            Counts(macs=3_718_250_496, dots=4_841_472, adds=4_841_472),
            id="linear over leading axes: 8*197*3072 x 768",
        ),
        pytest.param(
            shaped("MatMul", (2, 1, 4, 5), (1, 3, 5, 6), (2, 3, 4, 6)),
            Counts(macs=720, dots=144), id="both sides broadcast: 6 x 4*6 x 5",
        ),
        pytest.param(shaped("MatMul", (7,), (7,), ()), Counts(macs=7, dots=1), id="1-d by 1-d"),
        pytest.param(
            shaped("MatMul", (7,), (7, 3), (3,)), Counts(macs=21, dots=3), id="1-d by 2-d"
        ),
        pytest.param(
            shaped("MatMul", (2, 5, 4), (2, 5, 6), (2, 4, 6), transA=1),
            Counts(macs=240, dots=48), id="A transposed: 2 x 4*6 x 5",
        ),
        pytest.param(
            shaped("MatMul", (4, 0), (0, 3), (4, 3)), Counts(), id="nothing to add up"
        ),
        pytest.param(
            shaped(
                "Einsum", (8, 12, 64, 32), (8, 12, 64, 32), (8, 12, 64, 64),
                equation="bhqd,bhkd->bhqk",
            ),
            Counts(macs=12_582_912, dots=393_216), id="attention scores",
        ),
        pytest.param(
            shaped("Einsum", (2, 3, 4, 5), (5, 6), (2, 3, 4, 6), equation="...i,ij->...j"),
            Counts(macs=720, dots=144), id="ellipsis",
        ),
        pytest.param(
            shaped("Einsum", (3, 4), (4, 5), (3, 5), equation="ij, jk"),
            Counts(macs=60, dots=15), id="implicit output",
        ),
        pytest.param(
            shaped("Einsum", (3, 4), (3,), equation="ij->i"), Counts(adds=9), id="row sums"
        ),
        pytest.param(
            shaped("Einsum", (3, 4), (4, 3), equation="ij->ji"), Counts(), id="transposition"
        ),
        pytest.param(
            shaped("Einsum", (2, 3), (3, 4), (4, 5), (2, 5), equation="ab,bc,cd->ad"),
            Counts(macs=120, dots=10, muls=120), id="three operands: 2*3*4*5 terms, 2 muls each",
        ),
        pytest.param(
            shaped("Einsum", (1, 4), (3, 4), (3,), equation="ij,ij->i"),
            Counts(macs=12, dots=3), id="a size of 1 broadcasts",
        ),
    ],
)  # fmt: skip
def test_matrix_product_counts(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "layer",
    [
        shaped("Einsum", (3, 4), (4, 3), equation="ij,jk->ik"),
        shaped("Einsum", (3, 4, 5), (4, 5), (3, 5), equation="ij,jk->ik"),
        shaped("MatMul", (), (), ()),
    ],
    ids=["operand missing", "rank does not fit", "scalars"],
)
def test_what_does_not_fit_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)


@pytest.mark.parametrize(
    ("layer", "accesses"),
    [
        pytest.param(
            shaped("Gemm", (1, 4096), (4096, 1000), (1000,), (1, 1000)),
            8_194_000, id="1*4096*1000 + 4,096,000 + 1,000 + 1,000 - a row is read per column",
        ),
        pytest.param(
            shaped("MatMul", (3, 4), (4, 5), (3, 5)), 95, id="3*4*5 + 4*5 + 3*5",
        ),
    ],
)  # fmt: skip
def test_matrix_product_accesses(layer: Layer, accesses: int) -> None:
    rule = built_in_rules()[layer.domain, layer.op]
    assert rule.accesses is not None
    assert rule.accesses(layer) == accesses
