"""TensorFlow's graphs by its profiler's convention, against the profiler on the same file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models
from builders.counting_tools import profiler_flops

from costdb import api

pytest.importorskip("tensorflow", reason="it builds and profiles the graphs")

slow = pytest.mark.slow


def counted(path: Path) -> int:
    explanation = api.explain(str(path), convention="tf-profiler").explanation
    assert explanation.uncountable_layers == 0
    assert explanation.costdb_total + explanation.difference == explanation.convention_total
    return explanation.convention_total


def application(name: str, side: int, **options: Any) -> Any:
    build = getattr(models.keras().applications, name)
    return build(input_shape=(side, side, 3), weights=None, **options)


# Keras' networks; images are small where the figure is not a known one.
NETWORKS = [
    pytest.param("MobileNet", 32, id="MobileNet"),
    pytest.param("MobileNetV2", 32, id="MobileNetV2"),
    pytest.param("MobileNetV3Small", 32, id="MobileNetV3Small"),
    pytest.param("EfficientNetB0", 32, id="EfficientNetB0", marks=slow),
    pytest.param("ResNet50V2", 32, id="ResNet50V2", marks=slow),
    pytest.param("DenseNet121", 32, id="DenseNet121", marks=slow),
    pytest.param("Xception", 71, id="Xception", marks=slow),
    pytest.param("InceptionV3", 75, id="InceptionV3", marks=slow),
    pytest.param("NASNetMobile", 32, id="NASNetMobile", marks=slow),
    # Its depthwise convolutions are grouped ones, which Keras leaves in functions.
    pytest.param("ConvNeXtTiny", 32, id="ConvNeXtTiny", marks=slow),
]


@pytest.mark.parametrize(("name", "side"), NETWORKS)
def test_a_network_of_keras(tmp_path: Path, name: str, side: int) -> None:
    model = application(name, side, classes=10)
    path = models.freeze(model, tmp_path / "model.pb", (1, side, side, 3))
    assert counted(path) == profiler_flops(path)


def test_resnet_50(tmp_path: Path) -> None:
    path = models.freeze(application("ResNet50", 224), tmp_path / "model.pb", (1, 224, 224, 3))
    assert counted(path) == profiler_flops(path) == 7_755_299_312


def transformer() -> Any:
    keras = models.keras()
    layers = keras.layers
    given = layers.Input((16, 32))
    normed = layers.LayerNormalization()(given)
    attended = layers.Add()([given, layers.MultiHeadAttention(4, 8)(normed, normed)])
    hidden = models.dense(64, activation="gelu")(layers.LayerNormalization()(attended))
    return keras.Model(given, layers.Add()([attended, models.dense(32)(hidden)]))


SMALL: dict[str, tuple[Callable[[], Any], tuple[int, ...]]] = {
    "convolution, batch norm, pools and a dense layer": (
        lambda: models.sequential(
            (16, 16, 3),
            *models.conv_bn_relu(8),
            models.max_pool(),
            *models.conv_relu_bn(16),
            models.average_pool(),
            models.keras().layers.Flatten(),
            models.dense(10),
            models.sigmoid(),
        ),
        (2, 16, 16, 3),
    ),
    "a transformer": (transformer, (1, 16, 32)),
    "a transposed convolution": (
        lambda: models.sequential((8, 8, 4), models.transposed_convolution(6)),
        (1, 8, 8, 4),
    ),
    "a grouped convolution, in a function that the profiler skips": (
        lambda: models.sequential((8, 8, 16), models.convolution(32, groups=4)),
        (1, 8, 8, 16),
    ),
    "a convolution of volumes": (
        lambda: models.sequential((4, 8, 8, 2), models.keras().layers.Conv3D(6, 3)),
        (1, 4, 8, 8, 2),
    ),
}


@pytest.mark.parametrize(("build", "shape"), SMALL.values(), ids=SMALL)
def test_a_small_network(tmp_path: Path, build: Callable[[], Any], shape: tuple[int, ...]) -> None:
    path = models.freeze(build(), tmp_path / "model.pb", shape)
    assert counted(path) == profiler_flops(path)


# Functions of TensorFlow and a tensor of 2x6x6x4: the operators that have statistics, and some
# that have none.
OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "Reciprocal": lambda tf, x: tf.math.reciprocal(x),
    "Square": lambda tf, x: tf.square(x),
    "Rsqrt": lambda tf, x: tf.math.rsqrt(x),
    "Log": lambda tf, x: tf.math.log(x),
    "Neg": lambda _, x: -x,
    "Softmax": lambda tf, x: tf.nn.softmax(x),
    "L2Loss": lambda tf, x: tf.nn.l2_loss(x),
    "AddV2": lambda _, x: x + x[:1],
    "Sub": lambda _, x: x - x[:1],
    "Mul": lambda _, x: x * x[:1],
    "RealDiv": lambda _, x: x / x[:1],
    "Maximum": lambda tf, x: tf.maximum(x, 0.5),
    "Minimum": lambda tf, x: tf.minimum(x, 0.5),
    "Pow": lambda _, x: x**3.5,
    "SquaredDifference": lambda tf, x: tf.math.squared_difference(x, x[:1]),
    "comparisons": lambda tf, x: tf.stack([x >= 0.1, x > 0.2, x <= 0.3, x < 0.4]),
    "Equal": lambda tf, x: tf.raw_ops.Equal(x=x, y=x[:1]),
    "NotEqual": lambda tf, x: tf.raw_ops.NotEqual(x=x, y=x[:1]),
    "Mean": lambda tf, x: tf.reduce_mean(x, axis=[1, 2]),
    "Sum": lambda tf, x: tf.reduce_sum(x, axis=[1, 2]),
    "ArgMax": lambda tf, x: tf.argmax(x, axis=-1),
    "ArgMin": lambda tf, x: tf.argmin(x, axis=-1),
    "AddN": lambda tf, x: tf.add_n([x, x + 1.0, x + 2.0]),
    "AvgPool": lambda tf, x: tf.nn.avg_pool2d(x, 3, 2, "SAME"),
    "MaxPool": lambda tf, x: tf.nn.max_pool2d(x, 2, 2, "VALID"),
    "MaxPool with channels first": lambda tf, x: tf.raw_ops.MaxPool(
        input=x, ksize=[1, 1, 2, 2], strides=[1, 1, 2, 2], padding="VALID", data_format="NCHW"
    ),
    "BiasAdd with channels first": lambda tf, x: tf.nn.bias_add(
        x, tf.ones([6]), data_format="NCHW"
    ),
    "Conv2DBackpropInput": lambda tf, x: tf.nn.conv2d_transpose(
        x, tf.ones([3, 3, 5, 4]), [2, 12, 12, 5], 2
    ),
    "Conv2DBackpropInput with channels first": lambda tf, x: tf.nn.conv2d_transpose(
        x, tf.ones([3, 3, 5, 6]), [2, 5, 12, 8], 2, data_format="NCHW"
    ),
    "Conv2D with channels first": lambda tf, x: tf.nn.conv2d(
        x, tf.ones([3, 3, 6, 5]), 1, "SAME", data_format="NCHW"
    ),
    "DepthwiseConv2dNative": lambda tf, x: tf.nn.depthwise_conv2d(
        x, tf.ones([3, 3, 4, 2]), [1, 1, 1, 1], "SAME"
    ),
    "Dilation2D": lambda tf, x: tf.nn.dilation2d(
        x, tf.ones([3, 3, 4]), [1, 1, 1, 1], "SAME", "NHWC", [1, 1, 1, 1]
    ),
    "MatMul": lambda tf, x: tf.matmul(tf.reshape(x, [12, 24]), tf.ones([12, 5]), transpose_a=True),
    "BatchMatMul": lambda tf, x: tf.matmul(x, tf.ones([2, 6, 4, 3])),
    "BatchMatMul transposed": lambda tf, x: tf.raw_ops.BatchMatMulV2(
        x=x, y=x[..., :3], adj_x=True, adj_y=False
    ),
    "none: Relu, Sigmoid, Tanh, Exp, Erf": lambda tf, x: tf.nn.relu(
        tf.sigmoid(tf.tanh(tf.exp(tf.math.erf(x))))
    ),
    "none: FusedBatchNormV3": lambda tf, x: tf.compat.v1.nn.fused_batch_norm(
        x, tf.ones([4]), tf.ones([4]), tf.ones([4]), tf.ones([4]), is_training=False
    )[0],
    "integers": lambda tf, x: tf.cast(x, "int32") * 3 + 1,
}


@pytest.mark.parametrize("build", OPERATORS.values(), ids=OPERATORS)
def test_an_operator(tmp_path: Path, build: Callable[[Any, Any], Any]) -> None:
    tf = models.tensorflow()
    path = models.freeze(lambda x: build(tf, x), tmp_path / "model.pb", (2, 6, 6, 4))
    assert counted(path) == profiler_flops(path)


def test_the_gradient_of_a_pool_is_not_counted_and_said_so(tmp_path: Path) -> None:
    tf = models.tensorflow()

    def gradient(x: Any) -> Any:
        pooled = tf.nn.max_pool2d(x, 2, 2, "VALID")
        return tf.raw_ops.MaxPoolGrad(
            orig_input=x,
            orig_output=pooled,
            grad=pooled,
            ksize=[1, 2, 2, 1],
            strides=[1, 2, 2, 1],
            padding="VALID",
        )

    path = models.freeze(gradient, tmp_path / "model.pb", (1, 4, 4, 1))
    explanation = api.explain(str(path), convention="tf-profiler").explanation
    assert explanation.uncountable_layers == 1
    # 4 windows of 4; the profiler counts those of the gradient again, and 4 elements more.
    assert explanation.convention_total == 16
    assert profiler_flops(path) == 16 + 16 + 4
