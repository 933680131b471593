"""The networks inside the onnx package: opset 9, weights made by ConstantOfShape."""

from collections.abc import Callable
from pathlib import Path

import pytest

from costdb.cost.engine import cost
from costdb.ir import Graph

Load = Callable[..., Graph]

NETWORKS = (
    "bvlc_alexnet",
    "densenet121",
    "inception_v1",
    "inception_v2",
    "resnet50",
    "shufflenet",
    "squeezenet",
    "vgg19",
    "zfnet512",
)


@pytest.mark.parametrize("network", NETWORKS)
def test_every_shape_and_dtype_is_known(load: Load, light_zoo: Path, network: str) -> None:
    graph = load(light_zoo / f"light_{network}.onnx")
    unknown = [
        tensor.name
        for tensor in graph.tensors()
        if tensor.shape is None or None in tensor.shape or tensor.dtype is None
    ]
    assert unknown == []
    assert [tensor.shape for tensor in graph.inputs] == [(1, 3, 224, 224)]
    assert not graph.notes


@pytest.mark.parametrize(
    ("network", "weights"),
    [
        # https://pytorch.org/vision/main/models/vgg.html: 143,667,240 parameters.
        pytest.param("vgg19", 143_667_240, id="vgg19: torchvision"),
        # 96*3*11*11 + 96 and so on: Krizhevsky et al. 2012, grouped, with biases.
        pytest.param("bvlc_alexnet", 60_965_224, id="alexnet: Caffe model zoo, 60,965,224"),
    ],
)
def test_built_weights_have_the_networks_shapes(
    load: Load, light_zoo: Path, network: str, weights: int
) -> None:
    graph = load(light_zoo / f"light_{network}.onnx")
    assert cost(graph).totals.params == weights


@pytest.mark.parametrize(
    ("network", "macs"),
    [
        # Convolutions 19,508,428,800 and dense layers 123,633,664.
        pytest.param("vgg19", 19_632_062_464, id="vgg19: torchvision's 19.632 G"),
    ],
)
def test_macs_are_the_networks(load: Load, light_zoo: Path, network: str, macs: int) -> None:
    assert cost(load(light_zoo / f"light_{network}.onnx")).totals.macs == macs
