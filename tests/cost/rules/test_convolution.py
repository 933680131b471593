import pytest
from builders.graphs import shaped

from costdb.contracts import Counts
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer, Uncountable


def counted(layer: Layer) -> Counts:
    return built_in_rules()[layer.domain, layer.op].count(layer)


@pytest.mark.parametrize(
    ("layer", "macs", "dots", "adds"),
    [
        pytest.param(
            shaped("Conv", (1, 3, 224, 224), (32, 3, 3, 3), (1, 32, 112, 112)),
            10_838_016, 401_408, 0, id="by hand: 112*112*32 outputs x 27",
        ),
        pytest.param(
            shaped("Conv", (1, 3, 224, 224), (32, 3, 3, 3), (32,), (1, 32, 112, 112)),
            10_838_016, 401_408, 401_408, id="a bias is one add per output",
        ),
        pytest.param(
            shaped("Conv", (2, 224, 224, 3), (3, 3, 3, 32), (2, 112, 112, 32), channel_axis=-1),
            21_676_032, 802_816, 0, id="NHWC, batch 2: the same twice",
        ),
        pytest.param(
            shaped("Conv", (1, 32, 112, 112), (32, 1, 3, 3), (1, 32, 112, 112), group=32),
            3_612_672, 401_408, 0, id="MobileNetV1's first depthwise: 112*112*32 x 9",
        ),
        pytest.param(
            shaped("Conv", (1, 64, 56, 56), (128, 16, 3, 3), (1, 128, 56, 56), group=4),
            57_802_752, 401_408, 0, id="four groups: 401,408 x 16*9",
        ),
        pytest.param(
            shaped("Conv", (1, 8, 100), (16, 8, 5), (1, 16, 96)),
            61_440, 1_536, 0, id="1-d: 16*96 x 40",
        ),
        pytest.param(
            shaped("Conv", (1, 3, 16, 112, 112), (64, 3, 3, 3, 3), (1, 64, 16, 112, 112)),
            1_040_449_536, 12_845_056, 0, id="3-d, C3D's first: 64*16*112*112 x 81",
        ),
        pytest.param(
            shaped("Conv", (0, 3, 8, 8), (4, 3, 3, 3), (0, 4, 6, 6)), 0, 0, 0, id="empty batch"
        ),
        pytest.param(
            shaped("ConvTranspose", (1, 3, 2, 2), (3, 1, 2, 2), (1, 1, 4, 4)),
            48, 16, 0, id="sovrasov/flops-counter.pytorch#149: 48",
        ),
        pytest.param(
            shaped("ConvTranspose", (1, 3, 2, 2), (3, 1, 2, 2), (1,), (1, 1, 4, 4)),
            48, 16, 16, id="the same with bias",
        ),
        pytest.param(
            shaped("ConvTranspose", (1, 64, 16, 16), (64, 32, 4, 4), (1, 32, 32, 32)),
            8_388_608, 32_768, 0, id="64 -> 32, k4 s2 p1, on 16x16",
        ),
        pytest.param(
            shaped("ConvTranspose", (1, 1, 2, 2), (1, 1, 1, 1), (1, 1, 7, 7)),
            4, 4, 0, id="stride wider than the kernel: no more dots than MACs",
        ),
    ],
)  # fmt: skip
def test_convolution_counts(layer: Layer, macs: int, dots: int, adds: int) -> None:
    assert counted(layer) == Counts(macs=macs, dots=dots, adds=adds)


@pytest.mark.parametrize(
    ("layer", "accesses"),
    [
        pytest.param(
            shaped("Conv", (1, 3, 224, 224), (32, 3, 3, 3), (32,), (1, 32, 112, 112)),
            43_754_368, id="the article: 43,352,064 + 401,408 + 896",
        ),
        pytest.param(
            shaped("Conv", (1, 256, 28, 28), (512, 256, 3, 3), (512,), (1, 512, 28, 28)),
            926_425_600, id="the article: 924,844,032 + 401,408 + 1,180,160",
        ),
        pytest.param(
            shaped("Conv", (1, 32, 10, 10), (32, 1, 3, 3), (1, 32, 10, 10), group=32),
            32_288, id="depthwise: 3,200 * 9 + 3,200 + 288",
        ),
    ],
)  # fmt: skip
def test_convolution_accesses(layer: Layer, accesses: int) -> None:
    rule = built_in_rules()[layer.domain, layer.op]
    assert rule.accesses is not None
    assert rule.accesses(layer) == accesses


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(shaped("Conv", (1, 3, 8, 8), (1, 4, 6, 6)), id="no weights"),
        pytest.param(shaped("Conv", (1, 3, None, 8), (4, 3, 3, 3), (1, 4, None, 6)), id="open"),
    ],
)
def test_a_convolution_of_unknown_shape_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
