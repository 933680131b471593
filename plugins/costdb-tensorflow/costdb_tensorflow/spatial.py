"""Operators that know a layout: convolutions, pooling, batch and local response normalisation.

TensorFlow keeps channels last (NHWC) unless `data_format` says that they are first (NCHW). A filter
is stored as its spatial sizes, then the channels that it reads and those that it writes.
"""

from collections.abc import Sequence

from costdb.plugins import Layer, Tensor
from costdb_tensorflow.operation import Attributes, Operation


def channel_axis(operation: Operation) -> int:
    """The axis of channels, in the inputs and in the output."""
    layout = operation.text("data_format")
    return 1 if layout.startswith("NC") or layout == "CHANNELS_FIRST" else -1


def convolution(operation: Operation) -> tuple[Layer, ...]:
    """A convolution: data, filter."""
    data, weights = operation.input(0), operation.input(1)
    return (
        operation.layer(
            "Conv", (data, weights), operation.outputs, convolution_attributes(operation)
        ),
    )


def convolution_attributes(operation: Operation) -> Attributes:
    """ONNX's attributes of a convolution whose inputs start with data and filter."""
    axis = channel_axis(operation)
    data, weights = operation.input(0), operation.input(1)
    group = _quotient(_size(data, axis), _size(weights, -2))
    return _window_attributes(operation, weights) | {"channel_axis": axis, "group": group}


def depthwise_attributes(operation: Operation) -> Attributes:
    """ONNX's attributes of a depthwise convolution: a group for each channel that it reads."""
    weights = operation.input(1)
    return _window_attributes(operation, weights) | {
        "channel_axis": channel_axis(operation),
        "group": _size(weights, -2) or 1,
    }


def depthwise_convolution(operation: Operation) -> tuple[Layer, ...]:
    """A depthwise convolution: data, filter."""
    inputs = (operation.input(0), operation.input(1))
    attributes = depthwise_attributes(operation)
    return (operation.layer("Conv", inputs, operation.outputs, attributes),)


def transposed_convolution(operation: Operation) -> tuple[Layer, ...]:
    """The gradient of a convolution for its input, which is a transposed one.

    TensorFlow gives it the size of the result, the filter and the data.
    """
    weights, data = operation.input(1), operation.input(2)
    axis = channel_axis(operation)
    group = _quotient(_size(data, axis), _size(weights, -1))
    return _transposed(operation, data, weights, group)


def transposed_depthwise_convolution(operation: Operation) -> tuple[Layer, ...]:
    """The gradient of a depthwise convolution for its input."""
    weights, data = operation.input(1), operation.input(2)
    return _transposed(operation, data, weights, _size(weights, -2) or 1)


def _transposed(
    operation: Operation, data: Tensor, weights: Tensor, group: int
) -> tuple[Layer, ...]:
    attributes = _window_attributes(operation, weights) | {
        "channel_axis": channel_axis(operation),
        "group": group,
    }
    return (operation.layer("ConvTranspose", (data, weights), operation.outputs, attributes),)


def max_pool(operation: Operation) -> tuple[Layer, ...]:
    """The largest element of each window."""
    return _pool(operation, "MaxPool")


def average_pool(operation: Operation) -> tuple[Layer, ...]:
    """The mean of each window."""
    return _pool(operation, "AveragePool")


def _pool(operation: Operation, op: str) -> tuple[Layer, ...]:
    # MaxPoolV2 takes the window's sizes as inputs.
    window = operation.integers("ksize") or operation.constants.get(1, ())
    strides = operation.integers("strides") or operation.constants.get(2, ())
    attributes: Attributes = {
        "channel_axis": channel_axis(operation),
        "kernel_shape": _window(operation, window),
        "strides": _spatial(operation, strides),
        **_padding(operation),
    }
    return (operation.layer(op, (operation.input(0),), operation.outputs, attributes),)


def batch_normalization(operation: Operation) -> tuple[Layer, ...]:
    """A batch norm at inference: data, scale, offset, mean, variance. In training it is unmapped.

    The outputs after the first are statistics for the gradient.
    """
    if operation.flag("is_training"):
        return (operation.unmapped(),)
    inputs = operation.inputs[:5]
    attributes = normalization_attributes(operation)
    return (operation.layer("BatchNormalization", inputs, operation.outputs, attributes),)


def normalization_attributes(operation: Operation) -> Attributes:
    """ONNX's attributes of a batch norm."""
    return {"channel_axis": channel_axis(operation), "epsilon": operation.number("epsilon")}


def local_response_normalization(operation: Operation) -> tuple[Layer, ...]:
    """A normalisation over the channels within a radius."""
    size = 2 * operation.integer("depth_radius") + 1
    attributes: Attributes = {
        "alpha": operation.number("alpha") * size,  # ONNX divides alpha by the size
        "beta": operation.number("beta"),
        "bias": operation.number("bias"),
        "channel_axis": -1,
        "size": size,
    }
    return (operation.layer("LRN", operation.inputs, operation.outputs, attributes),)


def _window_attributes(operation: Operation, weights: Tensor) -> Attributes:
    """Window, strides, dilations and padding of a convolution, along the spatial axes."""
    attributes: Attributes = {
        "strides": _spatial(operation, operation.integers("strides")),
        "dilations": _spatial(operation, operation.integers("dilations")),
        **_padding(operation),
    }
    sizes = weights.shape[:-2] if weights.shape is not None else ()
    known = tuple(size for size in sizes if size is not None)
    if known and len(known) == len(sizes):
        attributes["kernel_shape"] = known
    return attributes


def _spatial(operation: Operation, values: Sequence[int]) -> tuple[int, ...]:
    """The part of a list for every axis that is for the spatial ones."""
    return tuple(values[2:] if channel_axis(operation) == 1 else values[1:-1])


def _window(operation: Operation, sizes: Sequence[int]) -> tuple[int, ...]:
    """A window's spatial sizes; all of them where it spans samples or channels, too."""
    spatial = _spatial(operation, sizes)
    rest = sorted(sizes) != sorted((*spatial, 1, 1))
    return tuple(sizes) if rest else spatial


def _padding(operation: Operation) -> Attributes:
    padding = operation.text("padding")
    if padding != "EXPLICIT":
        return {"auto_pad": "SAME_UPPER" if padding == "SAME" else padding}
    pairs = operation.integers("explicit_paddings")
    before, after = pairs[0::2], pairs[1::2]
    return {"pads": _spatial(operation, before) + _spatial(operation, after)}


def _size(tensor: Tensor, axis: int) -> int | None:
    """A size of a tensor; None where it is unknown."""
    if tensor.shape is None or not -len(tensor.shape) <= axis < len(tensor.shape):
        return None
    return tensor.shape[axis]


def _quotient(whole: int | None, part: int | None) -> int:
    """How many groups of channels there are; 1 where it cannot be told."""
    return whole // part if whole and part else 1
