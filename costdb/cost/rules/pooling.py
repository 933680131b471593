"""Pooling over windows of any number of dimensions, and over the whole plane.

Each output element looks at numel(kernel) elements, padding included.
"""

import math

from costdb.contracts import Counts, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Uncountable


def _window(layer: Layer, attribute: str = "kernel_shape") -> int:
    sides = layer.integers(attribute)
    if any(side < 1 for side in sides):
        raise Uncountable(f"{layer.qualified_op} has a {attribute} of {sides}")
    return math.prod(sides)


@rule("MaxPool")
def max_pool(layer: Layer) -> Counts:
    """Count the largest element of each window.

    Formula: numel(kernel) comparisons per output element.
    Source: the reference article, section 3 (5); https://onnx.ai/onnx/operators/onnx__MaxPool.html
    Example: X (1, 128, 112, 112), kernel_shape (2, 2), Y (1, 128, 56, 56): flops 1,605,632.
    """
    return Counts(compares=layer.output.numel * _window(layer))


RUNTIME_MAX_POOL = renamed(max_pool, "com.microsoft:NhwcMaxPool", "com.microsoft:MaxpoolWithMask")


@rule("fractional_max_pool2d", "fractional_max_pool3d", domain="aten")
def fractional_max_pool(layer: Layer) -> Counts:
    """Count the largest element of each window, windows being drawn at random.

    Formula: as MaxPool: numel(kernel) comparisons per output element.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.FractionalMaxPool2d.html
    Example: X (1, 16, 50, 32), kernel_size [3, 3], samples (1, 16, 2), Y (1, 16, 13, 12):
    flops 22,464.
    """
    return Counts(compares=layer.output.numel * _window(layer, "kernel_size"))


@rule("AveragePool")
def average_pool(layer: Layer) -> Counts:
    """Count the mean of each window.

    Formula: numel(kernel) - 1 adds and a division per output element.
    Source: https://onnx.ai/onnx/operators/onnx__AveragePool.html
    Example: X (1, 2048, 7, 7), kernel_shape (7, 7), Y (1, 2048, 1, 1): flops 100,352.
    """
    size = layer.output.numel
    return Counts(adds=size * (_window(layer) - 1), divs=size)


@rule("LpPool")
def lp_pool(layer: Layer) -> Counts:
    """Count the p-norm of each window.

    Formula: numel(kernel) powers, numel(kernel) - 1 adds and a root per output element.
    Source: https://onnx.ai/onnx/operators/onnx__LpPool.html
    Example: X (1, 8, 4, 4), kernel_shape (2, 2), Y (1, 8, 2, 2): flops 256.
    """
    size = layer.output.numel
    return Counts(specials=size * (_window(layer) + 1), adds=size * (_window(layer) - 1))


def _plane(layer: Layer) -> int:
    size = layer.output.numel
    return layer.input(0).numel // size if size else 0


@rule("GlobalMaxPool")
def global_max_pool(layer: Layer) -> Counts:
    """Count the largest element of each channel.

    Formula: as MaxPool, with the whole plane as window.
    Source: https://onnx.ai/onnx/operators/onnx__GlobalMaxPool.html
    Example: X (1, 512, 7, 7), Y (1, 512, 1, 1): flops 25,088.
    """
    return Counts(compares=layer.output.numel * _plane(layer))


@rule("GlobalAveragePool")
def global_average_pool(layer: Layer) -> Counts:
    """Count the mean of each channel.

    Formula: as AveragePool, with the whole plane as window.
    Source: https://onnx.ai/onnx/operators/onnx__GlobalAveragePool.html
    Example: X (1, 2048, 7, 7), Y (1, 2048, 1, 1): flops 100,352.
    """
    size = layer.output.numel
    return Counts(adds=size * max(_plane(layer) - 1, 0), divs=size)


@rule("GlobalLpPool")
def global_lp_pool(layer: Layer) -> Counts:
    """Count the p-norm of each channel.

    Formula: as LpPool, with the whole plane as window.
    Source: https://onnx.ai/onnx/operators/onnx__GlobalLpPool.html
    Example: X (1, 8, 4, 4), Y (1, 8, 1, 1): flops 256.
    """
    size, plane = layer.output.numel, _plane(layer)
    return Counts(specials=size * (plane + 1), adds=size * max(plane - 1, 0))
