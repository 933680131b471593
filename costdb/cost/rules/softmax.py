"""Softmax and its kin, along rows."""

from costdb.contracts import ZERO, Counts, rule
from costdb.ir import Layer


def _row_length(layer: Layer) -> int:
    """Elements that are normalised together: along `axis`, or `axes` before opset 13."""
    data = layer.input(0)
    if "axes" not in layer.attributes:
        return data.size(layer.integer("axis", -1))
    length = 1
    for axis in layer.integers("axes"):
        length *= data.size(axis)
    return length


def _rows(layer: Layer, per_row: Counts) -> Counts:
    length = _row_length(layer)
    return layer.output.numel // length * per_row if length else ZERO


@rule("Softmax")
def softmax(layer: Layer) -> Counts:
    """Count exp(x) / sum(exp(x)).

    Formula: per row of length n: n exps, n - 1 adds, n divisions.
    Source: https://onnx.ai/onnx/operators/onnx__Softmax.html
    Example: X (1, 1000), Y (1, 1000): flops 2,999.
    """
    length = _row_length(layer)
    return _rows(layer, Counts(specials=length, adds=length - 1, divs=length))


@rule("LogSoftmax")
def log_softmax(layer: Layer) -> Counts:
    """Count x - log(sum(exp(x))).

    Formula: per row of length n: n exps, n - 1 adds, a log, n subtractions.
    Source: https://onnx.ai/onnx/operators/onnx__LogSoftmax.html
    Example: X (1, 1000), Y (1, 1000): flops 3,000.
    """
    length = _row_length(layer)
    return _rows(layer, Counts(specials=length + 1, adds=2 * length - 1))


@rule("Hardmax")
def hardmax(layer: Layer) -> Counts:
    """Count 1 at the first maximum, 0 elsewhere.

    Formula: per row of length n: n - 1 comparisons.
    Source: https://onnx.ai/onnx/operators/onnx__Hardmax.html
    Example: X (2, 1000), Y (2, 1000): flops 1,998.
    """
    return _rows(layer, Counts(compares=_row_length(layer) - 1))
