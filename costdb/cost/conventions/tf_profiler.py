"""The convention of TensorFlow's profiler, `tf.compat.v1.profiler`."""

from collections.abc import Callable, Mapping

from costdb.contracts import Counts
from costdb.cost.convention import convention
from costdb.ir import Layer, Uncountable

Statistic = Callable[[Layer, Counts], int]


def _per_input(times: int) -> Statistic:
    return lambda layer, _: times * layer.input(0).numel


def _per_output(times: int) -> Statistic:
    return lambda layer, _: times * layer.output.numel


def _reduction(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel - layer.output.numel


def _twice_the_macs(_: Layer, counts: Counts) -> int:
    return 2 * counts.macs


def _batched_product(layer: Layer, _: Counts) -> int:
    """It takes the last axis for the inner one, whether or not the operand is transposed."""
    return 2 * layer.output.numel * layer.input(0).size(-1)


def _pool(layer: Layer, counts: Counts) -> int:
    return counts.operations if _channels_last(layer) else 0


def _transposed_convolution(layer: Layer, _: Counts) -> int:
    """As if all elements of the output met so many weights, which holds if the strides divide."""
    if not _channels_last(layer):
        return 0
    height, width = layer.integers("strides")
    products = 2 * layer.output.numel * layer.input(1).numel
    return products // (layer.output.size(-1) * height * width)


def _channels_last(layer: Layer) -> bool:
    return layer.integer("channel_axis", -1) == -1


def _bias_add(layer: Layer, _: Counts) -> int:
    # Where channels come first, a reshape of the bias goes before the add.
    return layer.output.numel if layer.op == "Add" else 0


def _sum(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel * (len(layer.inputs) - 1)


def _half_squared_norm(layer: Layer, _: Counts) -> int:
    return 3 * layer.input(0).numel - 1


def _dilation(layer: Layer, _: Counts) -> int:
    window = layer.input(1)
    return 2 * layer.output.numel * window.size(0) * window.size(1)


def _gradient(layer: Layer, _: Counts) -> int:
    raise Uncountable(f"the window of {layer.source_op} is not known")


_STATISTICS: Mapping[str, Statistic] = {
    **dict.fromkeys(
        ("Reciprocal", "Square", "Log", "Neg", "AssignSub", "AssignAdd"), _per_input(1)
    ),
    "Rsqrt": _per_input(2),
    "Softmax": _per_input(5),
    "L2Loss": _half_squared_norm,
    **dict.fromkeys(
        (
            *("Add", "AddV2", "Sub", "Mul", "RealDiv", "Maximum", "Minimum", "Pow"),
            *("GreaterEqual", "Greater", "LessEqual", "Less", "Equal", "NotEqual"),
        ),
        _per_output(1),
    ),
    "SquaredDifference": _per_output(2),
    "RsqrtGrad": _per_output(4),
    "Mean": _per_input(1),
    **dict.fromkeys(("Sum", "ArgMax", "ArgMin", "BiasAddGrad"), _reduction),
    **dict.fromkeys(("Conv2D", "Conv3D", "DepthwiseConv2dNative", "MatMul"), _twice_the_macs),
    **dict.fromkeys(("BatchMatMul", "BatchMatMulV2", "BatchMatMulV3"), _batched_product),
    "Conv2DBackpropInput": _transposed_convolution,
    "Dilation2D": _dilation,
    **dict.fromkeys(("AvgPool", "MaxPool"), _pool),
    "BiasAdd": _bias_add,
    "AddN": _sum,
    **dict.fromkeys(("AvgPoolGrad", "MaxPoolGrad", "Conv2DBackpropFilter"), _gradient),
}


@convention(
    "tf-profiler",
    unit="FLOPs",
    metric="flops",
    framework="tensorflow",
    formula="1 for each element",
    formulas={
        "Conv": "2 for each multiply-accumulate",
        "MatMul": "2 for each multiply-accumulate",
        "ConvTranspose": "2 for each weight and output element, by the strides",
        "Softmax": "5 for each element",
        "MaxPool": "1 for each element of a window",
        "AveragePool": "1 for each element of a window",
        "tf:Rsqrt": "2 for each element",
        "tf:SquaredDifference": "2 for each element",
        "tf:L2Loss": "3 for each element but one",
        "tf:Dilation2D": "2 for each element of a window",
    },
    omits="has no statistics of it, or skips its function",
)
def tf_profiler(layer: Layer, counts: Counts) -> int:
    """Count what TensorFlow has registered statistics for; any other operator is 0.

    Integers count as floating point does, and what runs inside functions does not count. The
    profiler skips layers of a graph whose batch axis is open; here they are counted as bound.

    Source: tensorflow/python/profiler/internal/flops_registry.py and
    tensorflow/python/ops/nn_ops.py of TensorFlow 2.21.
    """
    statistic = _STATISTICS.get(layer.source_op)
    is_in_function = bool(layer.source_module)
    return 0 if statistic is None or is_in_function else statistic(layer, counts)
