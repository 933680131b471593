"""Windows and filters that go with Fourier transforms."""

from costdb.contracts import Counts, Coverage, rule
from costdb.cost.rules.elementwise import per_element
from costdb.ir import Layer

HANN = per_element(
    Counts(muls=2, divs=1, specials=1), "sin(pi * i / n) ^ 2", "HannWindow", "aten:hann_window"
)
HAMMING = per_element(
    Counts(muls=2, divs=1, specials=1, adds=1),
    "0.54 - 0.46 * cos(2 * pi * i / n)",
    "HammingWindow",
    "aten:hamming_window",
)
BLACKMAN = per_element(
    Counts(muls=4, divs=2, specials=2, adds=2),
    "0.42 - 0.5 * cos(2 * pi * i / n) + 0.08 * cos(4 * pi * i / n)",
    "BlackmanWindow",
    "aten:blackman_window",
)


@rule("MelWeightMatrix", coverage=Coverage.BOUNDED)
def mel_weight_matrix(layer: Layer) -> Counts:
    """Count triangular filters over a spectrum, each element taken as if it lay on a slope.

    Formula: a subtraction and a division per element of Y; for each of the bins + 2 edges, from the
    mel scale to hertz to a place in the spectrum, 2 adds, 4 multiplications, 2 divisions, an exp
    and a comparison.
    Source: https://onnx.ai/onnx/operators/onnx__MelWeightMatrix.html
    Example: bins (), length (), rate (), low (), high (), Y (257, 80): flops 41,940.
    """
    edge = Counts(adds=2, muls=4, divs=2, specials=1, compares=1)
    return layer.output.numel * Counts(adds=1, divs=1) + (layer.output.size(1) + 2) * edge
