"""Small TensorFlow models, built and frozen on the spot.

Weights and batch-norm statistics are random and distinct, so that no exporter merges two of them.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SEED = 20240607


def tensorflow() -> Any:
    """TensorFlow, imported with little said on stderr."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow as tf

    return tf


def keras() -> Any:
    """Keras on TensorFlow."""
    tensorflow()
    import keras as module

    return module


def freeze(
    model: Any,
    path: Path,
    input_shape: Sequence[int | None],
    dtype: str = "float32",
    *,
    lowered: bool = True,
) -> Path:
    """Write a frozen GraphDef of a Keras model or of a function of one tensor, its input `x`.

    Args:
        model: What to freeze; a Keras model runs as at inference.
        path: Where to write it.
        input_shape: With the batch axis; None for an open size.
        dtype: The input's.
        lowered: Whether loops and branches become those of TensorFlow 1, or stay While and If.

    Returns:
        The path.
    """
    tf = tensorflow()
    from tensorflow.python.framework.convert_to_constants import (
        convert_variables_to_constants_v2,
    )

    is_keras = isinstance(model, keras().Model)
    traced = tf.function(lambda x: model(x, training=False) if is_keras else model(x))
    concrete = traced.get_concrete_function(tf.TensorSpec(input_shape, dtype, name="x"))
    frozen = convert_variables_to_constants_v2(concrete, lower_control_flow=lowered)
    graph_def = frozen.graph.as_graph_def()
    path.write_bytes(graph_def.SerializeToString())
    return path


def write_graph(build: Callable[[Any], None], path: Path) -> Path:
    """Write the GraphDef that a function builds node by node from `tf.compat.v1`.

    Loops and branches are those of TensorFlow 1.
    """
    v1 = tensorflow().compat.v1
    graph = v1.Graph()
    v1.disable_control_flow_v2()
    try:
        with graph.as_default():
            build(v1)
    finally:
        v1.enable_control_flow_v2()
    path.write_bytes(graph.as_graph_def().SerializeToString())
    return path


def sequential(input_shape: Sequence[int | None], *layers: Any) -> Any:
    """A Keras model of layers in a row, its weights random.

    Args:
        input_shape: Without the batch axis.
        layers: Keras layers.
    """
    model = keras().Sequential([keras().layers.Input(tuple(input_shape)), *layers])
    randomize(model)
    return model


def randomize(model: Any) -> None:
    """Give every weight of a Keras model values of its own, variances positive ones."""
    import numpy as np

    generator = np.random.default_rng(SEED)
    model.set_weights(
        [generator.uniform(0.5, 1.5, weight.shape).astype(weight.dtype) for weight in model.weights]
    )


def convolution(filters: int = 8, kernel: int = 3, **options: Any) -> Any:
    """A Keras convolution, 'same' padding unless told otherwise."""
    return keras().layers.Conv2D(filters, kernel, **{"padding": "same", **options})


def dense(units: int = 10, **options: Any) -> Any:
    """A Keras fully connected layer."""
    return keras().layers.Dense(units, **options)


def relu() -> Any:
    """A Keras ReLU."""
    return keras().layers.ReLU()


def sigmoid() -> Any:
    """A Keras sigmoid."""
    return keras().layers.Activation("sigmoid")


def max_pool(size: int = 2) -> Any:
    """A Keras max pooling of square windows that do not overlap."""
    return keras().layers.MaxPooling2D(size)


def average_pool(size: int = 2) -> Any:
    """A Keras average pooling of square windows that do not overlap."""
    return keras().layers.AveragePooling2D(size)


def batch_norm() -> Any:
    """A Keras batch normalisation."""
    return keras().layers.BatchNormalization()


def depthwise(kernel: int = 3, **options: Any) -> Any:
    """A Keras depthwise convolution."""
    return keras().layers.DepthwiseConv2D(kernel, **{"padding": "same", **options})


def transposed_convolution(filters: int = 8, kernel: int = 4, **options: Any) -> Any:
    """A Keras transposed convolution that doubles the image's sides."""
    defaults = {"padding": "same", "strides": 2}
    return keras().layers.Conv2DTranspose(filters, kernel, **{**defaults, **options})


def conv_bn_relu(filters: int = 8) -> list[Any]:
    """Convolution without bias, batch norm, ReLU: the batch norm folds."""
    return [convolution(filters, use_bias=False), batch_norm(), relu()]


def conv_relu_bn(filters: int = 8) -> list[Any]:
    """Convolution without bias, ReLU, batch norm: the batch norm does not fold."""
    return [convolution(filters, use_bias=False), relu(), batch_norm()]


def node(name: str, op: str, *inputs: str, **attributes: Any) -> Any:
    """A NodeDef.

    Args:
        name: Its name.
        op: Its operator.
        inputs: As GraphDef files spell them: `x`, `x:1`, `^x`.
        attributes: Python values; a numpy array becomes a tensor, a dtype or a shape what it is.
    """
    tf = tensorflow()
    made = tf.compat.v1.NodeDef(name=name, op=op, input=inputs)
    for key, value in attributes.items():
        _set_attribute(made.attr[key], value)
    return made


def write_nodes(path: Path, *nodes: Any, producer: int | None = None) -> Path:
    """Write a GraphDef of nodes as they are.

    Args:
        path: Where to write it.
        nodes: NodeDefs.
        producer: The graph's version; TensorFlow's own if not given.
    """
    tf = tensorflow()
    graph_def = tf.compat.v1.GraphDef(node=nodes)
    graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION if producer is None else producer
    path.write_bytes(graph_def.SerializeToString())
    return path


def placeholder(name: str, shape: Sequence[int | None] | None, dtype: str = "float32") -> Any:
    """A NodeDef of an input."""
    tf = tensorflow()
    return node(name, "Placeholder", dtype=tf.as_dtype(dtype), shape=tf.TensorShape(shape))


def constant(name: str, value: Any) -> Any:
    """A NodeDef of a stored tensor, made of a numpy array."""
    return node(name, "Const", dtype=tensorflow().as_dtype(value.dtype), value=value)


def _set_attribute(target: Any, value: Any) -> None:
    """Write a Python value into an AttrValue."""
    tf = tensorflow()
    if isinstance(value, list):
        for item in value:
            kind, stored = _stored(item)
            getattr(target.list, kind).append(stored)
    elif isinstance(value, tf.TensorShape):
        target.shape.CopyFrom(value.as_proto())
    elif isinstance(value, bool | int | float | str | tf.DType):
        kind, stored = _stored(value)
        setattr(target, kind, stored)
    else:
        target.tensor.CopyFrom(tf.make_tensor_proto(value))


def _stored(value: Any) -> tuple[str, Any]:
    """The field of an AttrValue that holds a scalar, and what it holds."""
    if isinstance(value, bool):
        return "b", value
    if isinstance(value, int):
        return "i", value
    if isinstance(value, float):
        return "f", value
    if isinstance(value, str):
        return "s", value.encode()
    return "type", value.as_datatype_enum
