"""Variances and deviations, and the batch norm that computes them."""

from costdb.contracts import ZERO, Counts, rule
from costdb.cost.rules.normalization import centred
from costdb.ir import Layer


def variance(length: int) -> Counts:
    """Mean and mean square of the differences over one row."""
    if length == 0:
        return ZERO
    return Counts(adds=3 * length - 2, muls=length, divs=2)


@rule("var", "std", "var_mean", "std_mean", domain="aten")
def variance_or_deviation(layer: Layer) -> Counts:
    """Count variances, or deviations, of the elements that go into one of Y.

    Formula: per n elements: n - 1 adds and a division for the mean, n subtractions, n squares,
    n - 1 adds and a division for the variance, a square root for the deviation.
    Source: https://pytorch.org/docs/stable/generated/torch.var.html
    Example: X (8, 64), Y (8,): flops 2,048.
    """
    rows = layer.output.numel
    root = Counts(specials=1) if layer.op.startswith("std") else ZERO
    return rows * (variance(layer.input(0).numel // rows) + root) if rows else ZERO


@rule("batch_norm", domain="aten")
def batch_norm_in_training(layer: Layer) -> Counts:
    """Count a batch norm by the statistics of the batch, scale and bias included.

    Formula: as LayerNormalization, with a row for each channel; the running statistics are not
    counted.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.BatchNorm2d.html
    Example: X (8, 16, 4, 4), scale (16,), bias (16,), Y (8, 16, 4, 4): flops 14,384.
    """
    data = layer.input(0)
    channels = data.size(1)
    row = centred(channels, data.numel // channels if channels else 0)
    return row + data.numel * Counts(muls=1, adds=1)
