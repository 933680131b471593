"""SavedModels, checkpoints and training graphs, saved by TensorFlow itself."""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from builders.tensorflow_models import keras, tensorflow

# The training graph's network: a convolution of 3x3x1 to 4 channels, then 10 classes.
SIDE = 8
CHANNELS = 4
CLASSES = 10
WEIGHTS = 9 * CHANNELS + CHANNELS + SIDE * SIDE * CHANNELS * CLASSES + CLASSES
MACS = SIDE * SIDE * CHANNELS * 9 + SIDE * SIDE * CHANNELS * CLASSES


@dataclass(frozen=True, slots=True)
class Training:
    """A training graph, saved.

    Attributes:
        prefix: What the checkpoint's files begin with.
        frozen: The graph of `logits`, frozen by TensorFlow.
        logits: What TensorFlow computes of an image of ones.
    """

    prefix: Path
    frozen: Path
    logits: Any

    def file(self, suffix: str) -> Path:
        """One of the checkpoint's files."""
        return self.prefix.with_name(self.prefix.name + suffix)


def export_keras(model: Any, folder: Path) -> Path:
    """Save a Keras model as a SavedModel, and return the folder."""
    model.export(folder, verbose=False)
    return folder


def save_keras(model: Any, path: Path) -> Path:
    """Save a Keras model as `.keras`, `.h5` or, its weights alone, `.weights.h5`."""
    with warnings.catch_warnings():
        # Keras reads its variables in a way of which numpy 2 warns.
        warnings.simplefilter("ignore", DeprecationWarning)
        save = model.save_weights if path.name.endswith(".weights.h5") else model.save
        save(path)
    return path


def save_functions(
    folder: Path, functions: dict[str, Callable[..., Any]], variables: Sequence[Any], width: int
) -> Path:
    """Save functions of a tensor `x` of some columns and any rows, one signature each.

    Args:
        folder: Where to.
        functions: Signature -> function.
        variables: What they read.
        width: The columns of `x`.

    Returns:
        The folder.
    """
    tf = tensorflow()
    module = tf.Module()
    module.kept = list(variables)
    specification = tf.TensorSpec([None, width], name="x")
    signatures = {
        name: tf.function(function, input_signature=[specification]).get_concrete_function()
        for name, function in functions.items()
    }
    tf.saved_model.save(module, folder, signatures=signatures)
    return folder


def train(folder: Path, *, use_resource: bool) -> Training:
    """Build and save a training graph: Gaussian initialisers, a loss, a summary, Adam.

    Args:
        folder: Where to.
        use_resource: Whether variables are resources, as in TensorFlow 2, or references.
    """
    import numpy as np

    v1 = tensorflow().compat.v1
    with v1.Graph().as_default() as graph, v1.Session() as session:
        _network(v1, use_resource=use_resource)
        session.run(v1.global_variables_initializer())
        prefix = v1.train.Saver().save(session, str(folder / "model.ckpt"))
        logits = session.run("logits:0", {"x:0": np.ones((1, SIDE, SIDE, 1), np.float32)})
        frozen = v1.graph_util.convert_variables_to_constants(
            session, graph.as_graph_def(), ["logits"]
        )
    path = folder / "frozen.pb"
    path.write_bytes(frozen.SerializeToString())
    return Training(Path(prefix), path, logits)


def save_tagged(folder: Path, *tags: Sequence[str]) -> Path:
    """Save a SavedModel of TensorFlow 1 with one graph for each set of tags.

    The graph of the first set multiplies a row of 2 by a matrix of 2x1, the next of 3 by 3x1, and
    so on.
    """
    v1 = tensorflow().compat.v1
    builder = v1.saved_model.Builder(str(folder))
    for number, named in enumerate(tags):
        rows = number + 2
        with v1.Graph().as_default(), v1.Session() as session:
            x = v1.placeholder("float32", [1, rows], name="x")
            weights = v1.get_variable("w", [rows, 1], use_resource=False)
            y = v1.matmul(x, weights, name="y")
            session.run(v1.global_variables_initializer())
            signature = v1.saved_model.predict_signature_def({"row": x}, {"product": y})
            arguments = (session, list(named), {"serving_default": signature})
            if number:
                builder.add_meta_graph(*arguments[1:])
            else:
                builder.add_meta_graph_and_variables(*arguments)
    builder.save()
    return folder


def edit(saved: Path, change: Callable[[Any], None]) -> None:
    """Change the SavedModel message in a folder."""
    from tensorflow.core.protobuf import saved_model_pb2

    tensorflow()
    file = saved / "saved_model.pb"
    message = saved_model_pb2.SavedModel.FromString(file.read_bytes())
    change(message)
    file.write_bytes(message.SerializeToString())


def run_frozen(path: Path, output: str, feeds: dict[str, Any]) -> Any:
    """What a frozen graph computes."""
    v1 = tensorflow().compat.v1
    graph_def = v1.GraphDef.FromString(path.read_bytes())
    with v1.Graph().as_default(), v1.Session() as session:
        v1.import_graph_def(graph_def, name="")
        return session.run(output, feeds)


def lambda_model() -> Any:
    """A Keras model with a layer that is a Python lambda."""
    layers = keras().layers
    return keras().Sequential([layers.Input((4,)), layers.Lambda(lambda x: x * 2), layers.Dense(2)])


def _network(v1: Any, *, use_resource: bool) -> None:
    gaussian = v1.random_normal_initializer()

    def variable(name: str, *shape: int) -> Any:
        return v1.get_variable(name, shape, initializer=gaussian, use_resource=use_resource)

    x = v1.placeholder("float32", [None, SIDE, SIDE, 1], name="x")
    labels = v1.placeholder("int64", [None], name="labels")
    image = v1.nn.conv2d(x, variable("w1", 3, 3, 1, CHANNELS), strides=1, padding="SAME")
    hidden = v1.nn.relu(image + variable("b1", CHANNELS))
    flat = v1.reshape(hidden, [-1, SIDE * SIDE * CHANNELS])
    product = v1.matmul(flat, variable("w2", SIDE * SIDE * CHANNELS, CLASSES))
    logits = v1.nn.bias_add(product, variable("b2", CLASSES), name="logits")
    losses = v1.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    loss = v1.reduce_mean(losses, name="loss")
    v1.summary.scalar("reported", loss)
    v1.train.AdamOptimizer(1e-3).minimize(loss)
