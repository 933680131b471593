"""Whole Keras models: every shape known, parameters and MACs as Keras and paper have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.cost.engine import cost
from costdb.ir import Graph, Role

Load = Callable[..., Graph]


def plain_network() -> Any:
    layers = models.keras().layers
    return models.sequential(
        (16, 16, 3),
        *models.conv_bn_relu(8),
        models.max_pool(),
        *models.conv_relu_bn(16),
        models.average_pool(),
        layers.Flatten(),
        models.dense(10),
        models.sigmoid(),
    )


def residual_network() -> Any:
    keras = models.keras()
    layers = keras.layers
    given = layers.Input((16, 16, 3))
    stem = layers.ReLU()(models.batch_norm()(models.convolution(8)(given)))
    branch = layers.ReLU()(models.batch_norm()(models.convolution(8)(stem)))
    branch = models.batch_norm()(models.convolution(8)(branch))
    joined = layers.ReLU()(layers.Add()([stem, branch]))
    model = keras.Model(given, models.dense(5)(layers.GlobalAveragePooling2D()(joined)))
    models.randomize(model)
    return model


def inverted_residual_network() -> Any:
    """The block of MobileNet V2 and, with its squeeze and excitation, of EfficientNet."""
    keras = models.keras()
    layers = keras.layers
    given = layers.Input((16, 16, 8))
    expanded = layers.ReLU(6)(models.batch_norm()(models.convolution(48, 1)(given)))
    deep = models.batch_norm()(models.depthwise(use_bias=False)(expanded))
    deep = layers.Activation("swish")(deep)
    squeezed = layers.Reshape((1, 1, 48))(layers.GlobalAveragePooling2D()(deep))
    squeezed = models.convolution(2, 1, activation="swish")(squeezed)
    gate = models.convolution(48, 1, activation="sigmoid")(squeezed)
    projected = models.convolution(8, 1)(layers.Multiply()([deep, gate]))
    model = keras.Model(given, layers.Add()([given, projected]))
    models.randomize(model)
    return model


def transformer_block() -> Any:
    keras = models.keras()
    layers = keras.layers
    given = layers.Input((16, 32))
    normed = layers.LayerNormalization()(given)
    attended = layers.Add()([given, layers.MultiHeadAttention(4, 8)(normed, normed)])
    hidden = models.dense(64, activation="gelu")(layers.LayerNormalization()(attended))
    model = keras.Model(given, layers.Add()([attended, models.dense(32)(hidden)]))
    models.randomize(model)
    return model


def transposed_network() -> Any:
    return models.sequential((8, 8, 4), models.transposed_convolution(6))


def grouped_network() -> Any:
    return models.sequential((8, 8, 16), models.convolution(32, groups=4))


NETWORKS = [
    pytest.param(
        plain_network,
        # 256 x 27 x 8, then 64 x 72 x 16, then 256 -> 10
        256 * 27 * 8 + 64 * 72 * 16 + 256 * 10,
        id="convolutions, pools and a dense layer",
    ),
    pytest.param(
        residual_network,
        256 * 27 * 8 + 2 * 256 * 72 * 8 + 8 * 5,
        id="a residual block",
    ),
    pytest.param(
        inverted_residual_network,
        256 * 8 * 48 + 256 * 9 * 48 + 48 * 2 + 2 * 48 + 256 * 48 * 8,
        id="an inverted residual with squeeze and excitation",
    ),
    pytest.param(
        transformer_block,
        # four projections 32 -> 32, scores and mixing of 4 heads, the two dense layers
        4 * 16 * 32 * 32 + 2 * 4 * 16 * 16 * 8 + 2 * 16 * 32 * 64,
        id="a transformer block",
    ),
    pytest.param(transposed_network, 64 * 4 * 16 * 6, id="a transposed convolution"),
    pytest.param(grouped_network, 64 * 9 * 4 * 32, id="a convolution in four groups"),
]


@pytest.mark.parametrize(("build", "macs"), NETWORKS)
def test_a_frozen_network(tmp_path: Path, load: Load, build: Callable[[], Any], macs: int) -> None:
    model = build()
    path = models.freeze(model, tmp_path / "model.pb", (None, *model.input_shape[1:]))
    graph = load(path)
    unknown = [t.name for t in graph.tensors() if t.shape is None or None in t.shape]
    assert unknown == []
    stored = [
        t for t in graph.tensors() if t.role is Role.STORED and t.dtype and t.dtype.is_floating
    ]
    assert sum(t.numel for t in stored if t.numel > 1) == model.count_params()
    assert cost(graph).totals.macs == macs
    assert graph.notes == ("input 'x': the open dimension of axis 0 is taken as 1",)


def test_a_bound_batch_multiplies_the_work(tmp_path: Path, load: Load) -> None:
    path = models.freeze(plain_network(), tmp_path / "model.pb", (None, 16, 16, 3))
    once, four_times = load(path), load(path, inputs=["x=4x16x16x3"])
    assert four_times.notes == ()
    assert four_times.inputs[0].shape == (4, 16, 16, 3)
    assert four_times.outputs[0].shape == (4, 10)
    assert cost(four_times).totals.macs == 4 * (cost(once).totals.macs or 0)


def test_the_graph_says_what_it_is(tmp_path: Path, load: Load) -> None:
    graph = load(models.freeze(plain_network(), tmp_path / "model.pb", (1, 16, 16, 3)))
    assert (graph.file_format, graph.framework) == ("tensorflow-graphdef", "tensorflow")
    assert [(tensor.name, tensor.role) for tensor in graph.inputs] == [("x", Role.INPUT)]
    assert [(tensor.name, tensor.role) for tensor in graph.outputs] == [("Identity", Role.OUTPUT)]


def test_by_the_reference_article(tmp_path: Path, load: Load) -> None:
    """224x224x3, 3x3, stride 2, 32 kernels: 27 weights meet each of 112x112x32 outputs."""
    model = models.sequential((224, 224, 3), models.convolution(32, strides=2))
    graph = load(models.freeze(model, tmp_path / "model.pb", (1, 224, 224, 3)))
    convolution = next(layer for layer in graph.layers if layer.op == "Conv")
    assert convolution.output.sizes == (1, 112, 112, 32)
    assert convolution.input(1).sizes == (3, 3, 3, 32)
    assert cost(graph).totals.macs == 10_838_016
