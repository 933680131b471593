"""Real networks, whole: published numbers, to the integer."""

from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models

from costdb import api
from costdb.cost.result import Analysis


def light_zoo() -> Path:
    """The folder of the models that the `onnx` package ships."""
    import onnx

    return Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


@pytest.fixture(scope="module")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Freezes a network of `keras.applications` at 224x224, batch 1; each once."""
    made: dict[str, tuple[Path, int, int]] = {}

    def freeze(name: str) -> tuple[Path, int, int]:
        if name not in made:
            keras = tensorflow_models.keras()
            model = getattr(keras.applications, name)(weights=None)
            path = tmp_path_factory.mktemp("keras") / f"{name}.pb"
            tensorflow_models.freeze(model, path, (1, 224, 224, 3))
            trainable = sum(int(weight.numpy().size) for weight in model.trainable_weights)
            made[name] = (path, model.count_params(), trainable)
            # VGG16 and its constants take gigabytes that the next tests need.
            keras.utils.clear_session()
        return made[name]

    return freeze


@pytest.mark.parametrize(
    ("name", "macs", "count_params"),
    [
        pytest.param("VGG16", 15_470_264_320, 138_357_544, id="VGG16"),
        pytest.param("ResNet50", 3_857_973_248, 25_636_712, id="ResNet50, the v1 network"),
        pytest.param("MobileNetV2", 300_774_272, 3_538_984, id="MobileNetV2"),
    ],
)
def test_keras_applications(name: str, macs: int, count_params: int, frozen: Any) -> None:
    path, counted_by_keras, trainable = frozen(name)
    totals = api.analyze(str(path)).cost.totals
    assert totals.macs == macs
    assert totals.params + totals.buffers == count_params == counted_by_keras
    assert totals.params == trainable
    assert totals.unknown_layers == 0


def batch_norm_layers(analysis: Analysis) -> list[str]:
    return [layer.name for layer in analysis.cost.layers if "_bn_1/" in layer.name]


def test_no_batch_norm_of_resnet50_costs_anything(frozen: Any) -> None:
    analysis = api.analyze(str(frozen("ResNet50")[0]))
    assert len(batch_norm_layers(analysis)) > 53
    costly = [
        layer.name
        for layer in analysis.cost.layers
        if "_bn_1/" in layer.name and layer.counts.operations
    ]
    assert costly == []


@pytest.mark.parametrize(
    ("name", "params", "macs"),
    [
        pytest.param("bvlc_alexnet", 60_965_224, 654_560_384, id="Caffe's AlexNet"),
        pytest.param("densenet121", 8_062_504, 2_834_161_664, id="DenseNet-121"),
        pytest.param("inception_v1", 6_998_552, None, id="GoogLeNet"),
        pytest.param("inception_v2", None, None, id="Inception v2"),
        pytest.param("resnet50", 25_557_032, 4_089_184_256, id="ResNet-50, as torchvision's"),
        pytest.param("shufflenet", None, None, id="ShuffleNet"),
        pytest.param("squeezenet", 1_235_496, 349_151_936, id="SqueezeNet 1.1, as torchvision's"),
        pytest.param("vgg19", 143_667_240, 19_632_062_464, id="VGG-19, as torchvision's"),
        pytest.param("zfnet512", None, None, id="ZFNet-512"),
    ],
)
def test_light_zoo(name: str, params: int | None, macs: int | None) -> None:
    cost = api.analyze(str(light_zoo() / f"light_{name}.onnx")).cost
    assert cost.unknown_ops == {}
    assert cost.totals.params == (params or cost.totals.params) > 0
    assert cost.totals.macs == (macs or cost.totals.macs)
    assert (cost.totals.macs or 0) > 0


def test_every_model_of_the_light_zoo_is_tested() -> None:
    assert len(list(light_zoo().glob("*.onnx"))) == 9
