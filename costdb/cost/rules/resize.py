"""Resizing by interpolation."""

from costdb.contracts import ZERO, Counts, rule
from costdb.ir import Layer, Uncountable

# Input elements that one output element is made of, per resized axis.
TAPS = {"nearest": 1, "linear": 2, "cubic": 4}


@rule("Resize", "Upsample")
def resize(layer: Layer) -> Counts:
    """Count an interpolation over the d axes whose size changes.

    Formula: per output element a weighted sum of t^d input elements, t^d multiplications and
    t^d - 1 adds, with t = 2 for linear and 4 for cubic; nearest only moves data.
    Source: https://onnx.ai/onnx/operators/onnx__Resize.html
    Example: mode "linear", X (1, 256, 32, 32), Y (1, 256, 64, 64): flops 7,340,032.
    """
    mode = layer.string("mode", "nearest")
    if mode not in TAPS:
        raise Uncountable(f"{layer.op} has an unknown mode {mode!r}")
    before, after = layer.input(0).sizes, layer.output.sizes
    resized = sum(old != new for old, new in zip(before, after, strict=False))
    taps = TAPS[mode] ** resized
    return layer.output.numel * Counts(muls=taps, adds=taps - 1) if taps > 1 else ZERO
