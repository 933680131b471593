"""Small ONNX models, built on the spot.

Every weight is random and different from all others of its model, so that no tool merges two of
them. Input `x` and output `y` are called so everywhere.
"""

import math
import os
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from costdb.protowire import encode_varint

SEED = 20240607

OPSET = 17

Size = int | str | None


def onnx() -> Any:
    """The onnx package."""
    import onnx as module

    return module


def node(op: str, inputs: Sequence[str], outputs: Sequence[str], **attributes: Any) -> Any:
    """A NodeProto; `name` and `domain` are given among the attributes."""
    return onnx().helper.make_node(op, list(inputs), list(outputs), **attributes)


def value(name: str, shape: Sequence[Size] | None, dtype: str = "FLOAT") -> Any:
    """A ValueInfoProto; a size may be a name or None, a shape None where not even the rank is said.

    Args:
        name: The value's name.
        shape: Its sizes.
        dtype: A name of TensorProto.DataType.
    """
    element_type = getattr(onnx().TensorProto, dtype)
    return onnx().helper.make_tensor_value_info(name, element_type, shape)


def weight(name: str, shape: Sequence[int], dtype: str = "float32") -> Any:
    """A TensorProto of random numbers above 0 that its name decides."""
    import numpy as np

    random = np.random.default_rng(SEED + zlib.crc32(name.encode()))
    numbers = random.uniform(0.1, 1.0, tuple(shape))
    return onnx().numpy_helper.from_array(numbers.astype(dtype), name)


def constant(name: str, numbers: object, dtype: str = "int64") -> Any:
    """A TensorProto of given numbers."""
    import numpy as np

    return onnx().numpy_helper.from_array(np.array(numbers, dtype), name)


def graph(
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[str | Any],
    stored: Sequence[Any] = (),
    name: str = "graph",
) -> Any:
    """A GraphProto; of an output given by its name the file says that it is of floats, no shape."""
    typed = [value(output, None) if isinstance(output, str) else output for output in outputs]
    return onnx().helper.make_graph(list(nodes), name, list(inputs), typed, list(stored))


def model(
    proto: Any,
    opset: int = OPSET,
    domains: Mapping[str, int] | None = None,
    functions: Sequence[Any] = (),
) -> Any:
    """A ModelProto of a graph; `domains` are imported beside ONNX's own."""
    imports = {"": opset, **(domains or {})}
    return onnx().helper.make_model(
        proto,
        opset_imports=[onnx().helper.make_opsetid(*item) for item in imports.items()],
        functions=list(functions),
    )


def save(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[str | Any],
    stored: Sequence[Any] = (),
    *,
    opset: int = OPSET,
    domains: Mapping[str, int] | None = None,
) -> Path:
    """Write a model of some nodes. Returns the path."""
    proto = model(graph(nodes, inputs, outputs, stored), opset, domains)
    path.write_bytes(proto.SerializeToString())
    return path


def save_sparse(
    path: Path,
    nodes: Sequence[Any],
    inputs: Sequence[Any],
    outputs: Sequence[str | Any],
    weights: Mapping[str, Sequence[int]],
) -> Path:
    """Write a model whose weights are holes in the file: large to read, nothing to store.

    Args:
        path: Where to.
        nodes: See `graph`.
        inputs: See `graph`.
        outputs: See `graph`.
        weights: Name -> shape, of float32.

    Returns:
        The path.
    """
    proto = model(graph(nodes, inputs, outputs))
    structure = proto.graph.SerializeToString()
    proto.ClearField("graph")
    # Field 9 of a TensorProto is its raw data; fields 5 of a GraphProto are tensors, field 7 of a
    # ModelProto is the graph, and what stands behind that comes behind it in real files as well.
    tensors = [
        (
            onnx().TensorProto(name=name, dims=shape, data_type=1).SerializeToString(),
            math.prod(shape),
        )
        for name, shape in weights.items()
    ]
    heads = [(head + _header(9, 4 * count), 4 * count) for head, count in tensors]
    heads = [(_header(5, len(head) + size) + head, size) for head, size in heads]
    length = len(structure) + sum(len(head) + size for head, size in heads)
    with path.open("wb") as file:
        file.write(b"\x08\x08" + _header(7, length) + structure)
        for head, size in heads:
            file.write(head)
            file.seek(size, os.SEEK_CUR)
        proto.ClearField("ir_version")
        file.write(proto.SerializeToString())
    return path


def _header(number: int, length: int) -> bytes:
    """What stands before a length-delimited field."""
    return encode_varint(number << 3 | 2) + encode_varint(length)


def save_conv(
    path: Path,
    input_shape: Sequence[Size],
    weight_shape: Sequence[int],
    *,
    bias: bool = True,
    stride: int = 1,
    pads: int = 0,
    groups: int = 1,
) -> Path:
    """Write a convolution; stride and padding are the same on all sides."""
    conv = _conv("y", weight_shape, bias=bias, stride=stride, pads=pads, groups=groups)
    stored = _convolution_weights(weight_shape, bias=bias)
    return save(path, [conv], [value("x", input_shape)], ["y"], stored)


def save_depthwise(
    path: Path,
    input_shape: Sequence[Size],
    kernel: int,
    *,
    channels: int,
    bias: bool = True,
    stride: int = 1,
    pads: int = 0,
) -> Path:
    """Write a depthwise convolution: one square kernel for each channel."""
    return save_conv(
        path,
        input_shape,
        (channels, 1, kernel, kernel),
        bias=bias,
        stride=stride,
        pads=pads,
        groups=channels,
    )


def save_conv_transpose(
    path: Path,
    input_shape: Sequence[Size],
    weight_shape: Sequence[int],
    *,
    bias: bool = True,
    stride: int = 1,
    pads: int = 0,
) -> Path:
    """Write a transposed convolution; weights are (in channels, out channels, kernel...)."""
    rank = len(weight_shape) - 2
    conv = node(
        "ConvTranspose",
        ["x", "weight", "bias"] if bias else ["x", "weight"],
        ["y"],
        name="conv_transpose",
        strides=[stride] * rank,
        pads=[pads] * 2 * rank,
    )
    stored = [weight("weight", weight_shape)]
    if bias:
        stored.append(weight("bias", (weight_shape[1],)))
    return save(path, [conv], [value("x", input_shape)], ["y"], stored)


def save_conv_bn_relu(
    path: Path,
    input_shape: Sequence[Size],
    weight_shape: Sequence[int],
    *,
    bias: bool = False,
    stride: int = 1,
    pads: int = 0,
) -> Path:
    """Write a convolution, a batch norm that folds into it, and a ReLU."""
    nodes = [
        _conv("convolved", weight_shape, bias=bias, stride=stride, pads=pads),
        _batch_norm("convolved", "normalised"),
        node("Relu", ["normalised"], ["y"], name="relu"),
    ]
    stored = _convolution_weights(weight_shape, bias=bias) + _statistics(weight_shape[0])
    return save(path, nodes, [value("x", input_shape)], ["y"], stored)


def save_conv_relu_bn(
    path: Path,
    input_shape: Sequence[Size],
    weight_shape: Sequence[int],
    *,
    bias: bool = True,
    stride: int = 1,
    pads: int = 0,
) -> Path:
    """Write a convolution, a ReLU, and a batch norm that does not fold."""
    nodes = [
        _conv("convolved", weight_shape, bias=bias, stride=stride, pads=pads),
        node("Relu", ["convolved"], ["rectified"], name="relu"),
        _batch_norm("rectified", "y"),
    ]
    stored = _convolution_weights(weight_shape, bias=bias) + _statistics(weight_shape[0])
    return save(path, nodes, [value("x", input_shape)], ["y"], stored)


def save_gemm(
    path: Path, rows: Size, in_features: int, out_features: int, *, bias: bool = True
) -> Path:
    """Write a dense layer as a Gemm."""
    inputs = ["x", "weight", "bias"] if bias else ["x", "weight"]
    stored = [weight("weight", (in_features, out_features))]
    if bias:
        stored.append(weight("bias", (out_features,)))
    gemm = node("Gemm", inputs, ["y"], name="gemm")
    return save(path, [gemm], [value("x", (rows, in_features))], ["y"], stored)


def save_matmul(path: Path, input_shape: Sequence[Size], weight_shape: Sequence[int]) -> Path:
    """Write a product with a stored matrix."""
    matmul = node("MatMul", ["x", "weight"], ["y"], name="matmul")
    stored = [weight("weight", weight_shape)]
    return save(path, [matmul], [value("x", input_shape)], ["y"], stored)


def save_relu(path: Path, shape: Sequence[Size]) -> Path:
    """Write a ReLU."""
    return _save_unary(path, "Relu", shape)


def save_sigmoid(path: Path, shape: Sequence[Size]) -> Path:
    """Write a sigmoid."""
    return _save_unary(path, "Sigmoid", shape)


def save_max_pool(path: Path, shape: Sequence[Size], kernel: int, *, stride: int = 1) -> Path:
    """Write a max pooling over square windows."""
    return _save_unary(
        path, "MaxPool", shape, kernel_shape=[kernel, kernel], strides=[stride, stride]
    )


def save_average_pool(path: Path, shape: Sequence[Size], kernel: int, *, stride: int = 1) -> Path:
    """Write an average pooling over square windows."""
    return _save_unary(
        path, "AveragePool", shape, kernel_shape=[kernel, kernel], strides=[stride, stride]
    )


def _save_unary(path: Path, op: str, shape: Sequence[Size], **attributes: Any) -> Path:
    layer = node(op, ["x"], ["y"], name=op.lower(), **attributes)
    return save(path, [layer], [value("x", shape)], ["y"])


def _conv(
    output: str,
    weight_shape: Sequence[int],
    *,
    bias: bool,
    stride: int,
    pads: int,
    groups: int = 1,
) -> Any:
    rank = len(weight_shape) - 2
    return node(
        "Conv",
        ["x", "weight", "bias"] if bias else ["x", "weight"],
        [output],
        name="conv",
        group=groups,
        strides=[stride] * rank,
        pads=[pads] * 2 * rank,
    )


def _convolution_weights(weight_shape: Sequence[int], *, bias: bool) -> list[Any]:
    stored = [weight("weight", weight_shape)]
    return [*stored, weight("bias", (weight_shape[0],))] if bias else stored


def _batch_norm(data: str, output: str) -> Any:
    return node(
        "BatchNormalization",
        [data, "scale", "offset", "mean", "variance"],
        [output],
        name="batch_norm",
    )


def _statistics(channels: int) -> list[Any]:
    return [weight(name, (channels,)) for name in ("scale", "offset", "mean", "variance")]
