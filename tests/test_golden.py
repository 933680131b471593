"""The article's numbers, to the integer, from an `.onnx` and from a `.pb`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from builders import onnx_models, tensorflow_models

from costdb import api

Save = Callable[[Path], Path]


def keras(input_shape: tuple[int, ...], *layers: Callable[[], Any]) -> Save:
    """Saves a Keras model of layers in a row as a frozen `.pb`."""

    def save(path: Path) -> Path:
        model = tensorflow_models.sequential(input_shape, *(make() for make in layers))
        return tensorflow_models.freeze(model, path, (1, *input_shape))

    return save


def onnx(save: Callable[..., Path], *arguments: Any, **options: Any) -> Save:
    """Saves a model of `builders.onnx_models` as `.onnx`."""
    return lambda path: save(path, *arguments, **options)


def tf_conv(filters: int, **options: Any) -> Callable[[], Any]:
    return lambda: tensorflow_models.convolution(filters, **options)


def fused_batch_norm(path: Path) -> Path:
    """Convolution, ReLU, FusedBatchNormV3: as TensorFlow 1 and Keras 2 freeze it."""
    tf = tensorflow_models.tensorflow()
    weights = tf.constant(tf.random.normal((3, 3, 3, 8)))
    parts = [tf.constant(tf.random.uniform((8,), 0.5, 1.5)) for _ in range(4)]

    def frozen(x: Any) -> Any:
        convolved = tf.nn.relu(tf.nn.conv2d(x, weights, 1, "SAME"))
        return tf.compat.v1.nn.fused_batch_norm(convolved, *parts, is_training=False)[0]

    return tensorflow_models.freeze(frozen, path, (1, 16, 16, 3))


CONV_SIZE = 16 * 16 * 8
CONV_FLOPS = (2 * 27 - 1) * CONV_SIZE

GOLDEN: Mapping[str, tuple[Save, Save, Mapping[str, int]]] = {
    "dense 4096 -> 4096: weights (I+1)*J, with bias 2*I*J FLOPs": (
        onnx(onnx_models.save_gemm, 1, 4096, 4096),
        keras((4096,), lambda: tensorflow_models.dense(4096)),
        {"macs": 4096 * 4096, "flops": 2 * 4096 * 4096, "params": 16_781_312},
    ),
    "dense without bias: (2I-1)*J FLOPs": (
        onnx(onnx_models.save_gemm, 1, 100, 10, bias=False),
        keras((100,), lambda: tensorflow_models.dense(10, use_bias=False)),
        {"macs": 1000, "flops": 199 * 10, "params": 1000},
    ),
    "a dot product of length n: n MACs, 2n-1 FLOPs": (
        onnx(onnx_models.save_matmul, (1, 50), (50, 1)),
        keras((50,), lambda: tensorflow_models.dense(1, use_bias=False)),
        {"macs": 50, "flops": 99},
    ),
    "ReLU on J: J FLOPs": (
        onnx(onnx_models.save_relu, (1, 1000)),
        keras((1000,), tensorflow_models.relu),
        {"macs": 0, "flops": 1000, "params": 0},
    ),
    "sigmoid on J: 4J FLOPs": (
        onnx(onnx_models.save_sigmoid, (1, 1000)),
        keras((1000,), tensorflow_models.sigmoid),
        {"macs": 0, "flops": 4000, "params": 0},
    ),
    "3x3, 32 -> 48, on 64x64: weights (K*K*Cin+1)*Cout, MACs K*K*Cin*Hout*Wout*Cout": (
        onnx(onnx_models.save_conv, (1, 32, 64, 64), (48, 32, 3, 3), pads=1),
        keras((64, 64, 32), tf_conv(48)),
        {"params": 13_872, "macs": 9 * 32 * 64 * 64 * 48},
    ),
    "224x224x3, 3x3, 32 kernels, stride 2: memory accesses 43,352,064 + 401,408 + 896": (
        onnx(onnx_models.save_conv, (1, 3, 224, 224), (32, 3, 3, 3), stride=2, pads=1),
        keras((224, 224, 3), tf_conv(32, strides=2)),
        {"memory_accesses": 43_754_368, "params": 896, "macs": 10_838_016},
    ),
    "28x28x256, 3x3, 512 kernels: memory accesses 924,844,032 + 401,408 + 1,180,160": (
        onnx(onnx_models.save_conv, (1, 256, 28, 28), (512, 256, 3, 3), pads=1),
        keras((28, 28, 256), tf_conv(512)),
        {"memory_accesses": 926_425_600, "params": 1_180_160},
    ),
    "max pooling 2x2, stride 2, on 112x112x128": (
        onnx(onnx_models.save_max_pool, (1, 128, 112, 112), 2, stride=2),
        keras((112, 112, 128), tensorflow_models.max_pool),
        {"flops": 1_605_632, "macs": 0},
    ),
    "average pooling 2x2, stride 2, on 112x112x128: adds and the divide": (
        onnx(onnx_models.save_average_pool, (1, 128, 112, 112), 2, stride=2),
        keras((112, 112, 128), tensorflow_models.average_pool),
        {"flops": 1_605_632},
    ),
    "Conv-BN-ReLU: nothing for the BN, an add for the bias it leaves; 4 values a channel": (
        onnx(onnx_models.save_conv_bn_relu, (1, 3, 16, 16), (8, 3, 3, 3), pads=1),
        keras((16, 16, 3), *(lambda n=n: tensorflow_models.conv_bn_relu(8)[n] for n in range(3))),
        {"flops": CONV_FLOPS + CONV_SIZE + CONV_SIZE, "params": 216 + 16, "buffers": 16},
    ),
    "Conv-ReLU-BN: subtract, divide, multiply, add per element": (
        onnx(onnx_models.save_conv_relu_bn, (1, 3, 16, 16), (8, 3, 3, 3), pads=1, bias=False),
        fused_batch_norm,
        {"flops": CONV_FLOPS + CONV_SIZE + 4 * CONV_SIZE, "params": 216 + 16, "buffers": 16},
    ),
}


@pytest.mark.parametrize("suffix", [".onnx", ".pb"])
@pytest.mark.parametrize("case", GOLDEN)
def test_the_articles_numbers(case: str, suffix: str, tmp_path: Path) -> None:
    save_onnx, save_pb, expected = GOLDEN[case]
    save = save_onnx if suffix == ".onnx" else save_pb
    analysis = api.analyze(str(save(tmp_path / f"model{suffix}")))
    assert {metric: analysis.cost.totals[metric] for metric in expected} == dict(expected)
    assert analysis.cost.totals.unknown_layers == 0


def test_the_batch_norm_that_keras_writes_out_is_a_scale_and_a_shift_behind_a_relu(
    tmp_path: Path,
) -> None:
    model = tensorflow_models.sequential((16, 16, 3), *tensorflow_models.conv_relu_bn(8))
    path = tensorflow_models.freeze(model, tmp_path / "model.pb", (1, 16, 16, 3))
    totals = api.analyze(str(path)).cost.totals
    assert totals.flops == CONV_FLOPS + CONV_SIZE + 2 * CONV_SIZE
    assert (totals.params, totals.buffers) == (216 + 16, 16)
