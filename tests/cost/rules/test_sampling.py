"""Grids, boxes and deformable kernels: bilinear samples counted by hand."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts, Coverage
from costdb.ir import Layer, Role, Uncountable

# A bilinear sample: four weighted elements.
BILINEAR = Counts(muls=4, adds=3)
# Its weights: two coordinates rounded down, two fractions, two complements, four products.
WEIGHTS = Counts(compares=2, adds=4, muls=4)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 2)], (1, 3, 5, 5), mode="linear"),
            50 * Counts(adds=2, muls=1, divs=1) + 25 * WEIGHTS + 75 * BILINEAR,
            id="25 places, 50 coordinates, 75 values",
        ),
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 2)], (1, 3, 5, 5), align_corners=1),
            50 * Counts(adds=1, muls=1, divs=1) + 25 * WEIGHTS + 75 * BILINEAR,
            id="corners aligned: an add less",
        ),
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 2)], (1, 3, 5, 5), mode="nearest"),
            50 * Counts(adds=2, muls=1, divs=1, compares=1), id="nearest: rounded",
        ),
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 2)], (1, 3, 5, 5), mode="bicubic"),
            50 * Counts(adds=2 + 14, muls=1 + 12, divs=1, compares=1)
            + Counts(muls=25 * 16)
            + 75 * Counts(muls=16, adds=15),
            id="cubic: sixteen elements",
        ),
        pytest.param(
            node("com.microsoft:GridSample", [(1, 1, 4, 4, 4), (1, 1, 1, 1, 3)], (1, 1, 1, 1, 1)),
            3 * Counts(adds=2, muls=1, divs=1)
            + Counts(compares=3, adds=6, muls=16)
            + Counts(muls=8, adds=7),
            id="trilinear: eight elements, two products for each weight",
        ),
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 0, 0, 2)], (1, 3, 0, 0)), Counts(), id="no place"
        ),
        pytest.param(
            node("AffineGrid", [(2, 3, 4), (5,)], (2, 4, 4, 4, 3)),
            Counts(macs=1_536, dots=384), id="3-D: 384 coordinates of length 4",
        ),
        pytest.param(
            node(
                "RoiAlign", [(1, 8, 16, 16), (2, 4), (2,)], (2, 8, 3, 3), sampling_ratio=1
            ),
            2 * Counts(muls=4, adds=6, divs=2)
            + 18 * (2 * Counts(adds=3, muls=2, divs=1) + WEIGHTS)
            + 144 * (BILINEAR + Counts(divs=1)),
            id="one sample a bin: two boxes of nine bins, 144 values",
        ),
        pytest.param(
            node("RoiAlign", [(1, 8, 16, 16), (2, 4), (2,)], (2, 8, 3, 3), mode="max"),
            2 * Counts(muls=4, adds=6, divs=2)
            + 72 * (2 * Counts(adds=3, muls=2, divs=1) + WEIGHTS)
            + 576 * BILINEAR
            + 144 * Counts(compares=3),
            id="as many samples as data say, taken as 2 x 2; their maximum",
        ),
        pytest.param(
            node("tf:CropAndResize", [(1, 16, 16, 8), (2, 4), (2,), (2,)], (2, 3, 3, 8)),
            18 * (Counts(muls=2, adds=2) + WEIGHTS) + 144 * BILINEAR, id="CropAndResize",
        ),
        pytest.param(
            node("MaxRoiPool", [(1, 8, 16, 15), (2, 5)], (2, 8, 3, 3)),
            Counts(compares=144 * 6 * 5), id="bins of 6 x 5 where a box is the image",
        ),
        pytest.param(
            node("torchvision:roi_pool", [(1, 8, 16, 15), (2, 5)], (2, 8, 3, 3)),
            Counts(compares=144 * 6 * 5), id="the same by torchvision",
        ),
        pytest.param(
            node("DeformConv", [(1, 4, 6, 6), (8, 4, 3, 3), (1, 18, 4, 4)], (1, 8, 4, 4)),
            Counts(macs=4_608, dots=128)
            + Counts(adds=288)
            + 144 * WEIGHTS
            + 576 * BILINEAR,
            id="128 outputs x 36; 144 shifted places, 576 samples",
        ),
        pytest.param(
            node(
                "DeformConv",
                [(1, 4, 6, 6), (8, 4, 3, 3), (1, 36, 4, 4), (8,), (1, 18, 4, 4)],
                (1, 8, 4, 4),
                offset_group=2,
            ),
            Counts(macs=4_608, dots=128, adds=128)
            + Counts(adds=576, muls=576)
            + 288 * WEIGHTS
            + 576 * BILINEAR,
            id="two groups of offsets, a bias and a mask",
        ),
    ],
)  # fmt: skip
def test_samples(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


def test_the_accesses_of_a_deformable_convolution() -> None:
    layer = node("DeformConv", [(1, 4, 6, 6), (8, 4, 3, 3), (1, 18, 4, 4)], (1, 8, 4, 4))
    accesses = rule_of(layer).accesses
    assert accesses is not None
    # Each of 144 elements for 9 * 8 weights, 128 outputs, 288 weights, 288 offsets.
    assert accesses(layer) == 10_368 + 128 + 288 + 288


def test_the_weights_of_a_deformable_convolution() -> None:
    layer = node("DeformConv", [(1, 4, 6, 6)], (1, 8, 4, 4))
    assert rule_of(layer).weights == {1: Role.PARAMETER, 3: Role.PARAMETER}


# An overlap: 4 edges, 2 sides against 0 and the threshold are compared; two sides, the union.
OVERLAP = Counts(compares=7, adds=4, muls=1, divs=1)
AREA = Counts(adds=2, muls=1)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("NonMaxSuppression", [(1, 8, 4), (1, 2, 8)], (6, 3)),
            2 * (Counts(compares=8 + 8 * 3) + 8 * AREA + 18 * OVERLAP),
            id="three of eight boxes in each of two classes: 7 + 6 + 5 pairs",
        ),
        pytest.param(
            node("NonMaxSuppression", [(8, 4), (8,)], (8,)),
            Counts(compares=8 + 8 * 3) + 8 * AREA + 28 * OVERLAP,
            id="torchvision.nms, all eight kept: 28 pairs",
        ),
        pytest.param(
            node("tf:NonMaxSuppressionV3", [(1, 4), (1,), (), (), ()], (1,)),
            Counts(compares=1) + AREA, id="a single box",
        ),
        pytest.param(
            node("NonMaxSuppression", [(1, 0, 4), (1, 2, 0)], (0, 3)), Counts(), id="no box"
        ),
        pytest.param(
            node("NonMaxSuppression", [(1, 8, 4), (1, 0, 8)], (0, 3)), Counts(), id="no class"
        ),
    ],
)  # fmt: skip
def test_suppressed_boxes(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts
    assert rule_of(layer).coverage is Coverage.BOUNDED


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 2)], (1, 3, 5, 5), mode="magic"),
            id="unknown interpolation",
        ),
        pytest.param(
            node("GridSample", [(1, 3, 8, 8), (1, 5, 5, 10**9)], (1, 3, 5, 5)),
            id="more coordinates than axes",
        ),
        pytest.param(node("GridSample", [(1, 3), (1, 0)], (1, 3)), id="no axis"),
        pytest.param(node("DeformConv", [(1, 4), (8,), (1, 18)], (1, 8)), id="no kernel"),
        pytest.param(node("MaxRoiPool", [(1, 8), (2, 5)], (2, 8)), id="no image"),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
