"""Fourier transforms: n / 2 * log2(n) butterflies of 10 operations, 5 n log2(n) in all."""

from pathlib import Path

import pytest
from builders import onnx_models
from builders.rules import counted, node, rule_of

from costdb import api
from costdb.contracts import Counts, Coverage
from costdb.ir import Layer, Uncountable

BUTTERFLY = Counts(muls=4, adds=6)


def transforms(rows: int, butterflies: int) -> Counts:
    return rows * butterflies * BUTTERFLY


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("DFT", [(1, 1024, 2)], (1, 1024, 2)),
            transforms(1, 5_120), id="complex: 512 * 10 butterflies, 51,200 operations",
        ),
        pytest.param(
            node("DFT", [(3, 8, 1)], (3, 5, 2), onesided=1), transforms(3, 6), id="real: half"
        ),
        pytest.param(
            node("DFT", [(3, 8, 2)], (3, 8, 2), inverse=1),
            transforms(3, 12) + Counts(divs=48), id="inverse: every part is divided",
        ),
        pytest.param(
            node("DFT", [(3, 5, 2)], (3, 8, 1), inverse=1, onesided=1),
            transforms(3, 6) + Counts(divs=24), id="half a spectrum to 8 real numbers",
        ),
        pytest.param(
            node("DFT", [(3, 5, 1)], (3, 16, 2), dft_length=16), transforms(3, 16), id="padded"
        ),
        pytest.param(
            node("DFT", [(2, 8, 8, 2)], (2, 8, 8, 2), axis=1), transforms(16, 12), id="first axis"
        ),
        pytest.param(
            node("DFT", [(1, 6, 2)], (1, 6, 2)), transforms(1, 9), id="6: as if log2(6) were 3"
        ),
        pytest.param(node("DFT", [(4, 1, 2)], (4, 1, 2)), Counts(), id="of length 1"),
        pytest.param(node("DFT", [(4, 0, 2)], (4, 0, 2)), Counts(), id="of nothing"),
        pytest.param(
            node("STFT", [(2, 20, 1), (), (8,)], (2, 4, 5, 2)),
            transforms(8, 6) + Counts(muls=64), id="eight frames of eight, windowed",
        ),
        pytest.param(
            node("STFT", [(2, 20, 2), (), None, ()], (2, 4, 8, 2), frame_length=8),
            transforms(8, 12), id="complex frames without a window",
        ),
        pytest.param(
            node("STFT", [(2, 8, 1), ()], (2, 1, 5, 2)), transforms(2, 6), id="one frame"
        ),
        pytest.param(
            node("com.microsoft:Rfft", [(3, 8)], (3, 5, 2)), transforms(3, 6), id="ORT's Rfft"
        ),
        pytest.param(
            node("com.microsoft:Irfft", [(3, 5, 2)], (3, 8), normalized=1),
            transforms(3, 6) + Counts(divs=24), id="ORT's Irfft, normalised",
        ),
        pytest.param(node("com.microsoft:Rfft", [(3, 0)], (3, 0, 2)), Counts(), id="of no sample"),
        pytest.param(
            node("aten:_fft_c2c", [(2, 8, 4)], (2, 8, 4), dim=(1, 2), normalization=0),
            transforms(8, 12) + transforms(16, 4), id="two axes: 8 columns of 8, 16 rows of 4",
        ),
        pytest.param(
            node("aten:_fft_r2c", [(2, 4, 8)], (2, 4, 5), dim=(1, 2), normalization=1),
            transforms(8, 6) + transforms(10, 4) + Counts(muls=80),
            id="8 real rows of 8, then 10 columns of 4; 40 complex numbers scaled",
        ),
        pytest.param(
            node("aten:_fft_c2r", [(2, 4, 5)], (2, 4, 8), dim=(1, 2), normalization=2),
            transforms(8, 6) + transforms(10, 4) + Counts(muls=64),
            id="the reverse; 64 real numbers scaled",
        ),
        pytest.param(
            node("aten:_fft_c2c", [(2, 0)], (2, 0), dim=(1,)), Counts(), id="an empty axis"
        ),
        pytest.param(node("aten:fft_fft", [(2, 8)], (2, 8)), transforms(2, 12), id="the last axis"),
        pytest.param(
            node("aten:fft_ifft", [(8, 2)], (8, 2), dim=0),
            transforms(2, 12) + Counts(muls=32), id="a named axis, inverse: scaled",
        ),
        pytest.param(
            node("aten:fft_ifft", [(8, 2)], (8, 2), dim=0, norm="forward"),
            transforms(2, 12), id="inverse, scaled in the other direction",
        ),
        pytest.param(
            node("aten:fft_rfft2", [(2, 4, 8)], (2, 4, 5)),
            transforms(8, 6) + transforms(10, 4), id="the last two axes",
        ),
        pytest.param(
            node("aten:fft_irfft2", [(2, 4, 5)], (2, 4, 8)),
            transforms(8, 6) + transforms(10, 4) + Counts(muls=64), id="and back",
        ),
        pytest.param(
            node("aten:fft_fftn", [(2, 4, 8)], (2, 4, 8), norm="ortho"),
            transforms(8, 12) + transforms(16, 4) + transforms(32, 1) + Counts(muls=128),
            id="all three axes, scaled by the root",
        ),
        pytest.param(
            node("aten:fft_rfftn", [(2, 4, 8)], (2, 4, 5), dim=(1, 2)),
            transforms(8, 6) + transforms(10, 4), id="named axes",
        ),
        pytest.param(
            node("aten:stft", [(2, 20), (8,)], (2, 5, 4), n_fft=8),
            transforms(8, 6) + Counts(muls=64), id="eight frames, complex numbers",
        ),
        pytest.param(
            node("aten:stft", [(2, 20)], (2, 8, 4, 2), n_fft=8, return_complex=0, onesided=0),
            transforms(8, 6), id="eight frames, whole spectra as pairs, no window",
        ),
        pytest.param(
            node("aten:istft", [(2, 5, 4), (8,)], (2, 20), n_fft=8),
            transforms(8, 6)
            + 8 * Counts(divs=8, muls=8, adds=8)
            + 4 * Counts(muls=8, adds=8)
            + Counts(divs=40),
            id="back: scaled, windowed, summed; the window's squares; divided by them",
        ),
        pytest.param(
            node("aten:istft", [(0, 5)], (20,), n_fft=8),
            5 * Counts(muls=8, adds=8) + Counts(divs=20), id="no bin, no window",
        ),
        pytest.param(node("tf:FFT", [(2, 8)], (2, 8)), transforms(2, 12), id="FFT"),
        pytest.param(
            node("tf:IFFT2D", [(2, 4, 8)], (2, 4, 8)),
            transforms(8, 12) + transforms(16, 4), id="IFFT2D",
        ),
        pytest.param(node("tf:RFFT", [(3, 8), (1,)], (3, 5)), transforms(3, 6), id="RFFT"),
        pytest.param(
            node("tf:IRFFT2D", [(2, 4, 5), (2,)], (2, 4, 8)),
            transforms(8, 6) + transforms(10, 4), id="IRFFT2D",
        ),
    ],
)  # fmt: skip
def test_transforms(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts
    assert rule_of(layer).coverage is Coverage.ESTIMATED


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("HannWindow", [()], (16,)), 16 * Counts(muls=2, divs=1, specials=1), id="Hann"
        ),
        pytest.param(
            node("HammingWindow", [()], (16,)),
            16 * Counts(muls=2, divs=1, specials=1, adds=1), id="Hamming",
        ),
        pytest.param(
            node("BlackmanWindow", [()], (16,)),
            16 * Counts(muls=4, divs=2, specials=2, adds=2), id="Blackman",
        ),
        pytest.param(
            node("aten:hann_window", [], (16,)),
            16 * Counts(muls=2, divs=1, specials=1), id="Hann by PyTorch",
        ),
        pytest.param(
            node("MelWeightMatrix", [()] * 5, (9, 4)),
            36 * Counts(adds=1, divs=1)
            + 6 * Counts(adds=2, muls=4, divs=2, specials=1, compares=1),
            id="four filters over nine bins: 36 slopes, six edges",
        ),
    ],
)  # fmt: skip
def test_windows(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(node("aten:_fft_c2c", [(2, 8)], (2, 8), dim=(5,)), id="no such axis"),
        pytest.param(node("aten:fft_fft", [(2, 8)], (2, 8), dim="last"), id="an axis in words"),
        pytest.param(node("aten:stft", [(2, 20)], (2, 5, 4), n_fft=-2), id="frames of nothing"),
        pytest.param(node("tf:FFT2D", [(8,)], (8,)), id="two axes of one"),
    ],
)
def test_what_does_not_fit_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)


@pytest.mark.parametrize(
    ("opset", "operations"),
    [
        # (1, 8, 4, 2): four transforms of length 8, or eight of length 4: 5 n log2(n) each.
        pytest.param(17, 4 * 5 * 8 * 3, id="opset 17: the first axis of the signal by default"),
        pytest.param(20, 8 * 5 * 4 * 2, id="opset 20: the last one by default"),
    ],
)
def test_the_default_axis_is_that_of_the_opset(opset: int, operations: int, tmp_path: Path) -> None:
    path = onnx_models.save(
        tmp_path / "dft.onnx",
        [onnx_models.node("DFT", ["x"], ["y"])],
        [onnx_models.value("x", (1, 8, 4, 2))],
        ["y"],
        opset=opset,
    )
    assert api.analyze(str(path)).cost.totals.flops == operations
