"""Real networks, against the numbers that torchvision documents for them.

`num_params` and `_ops` of torchvision.models: https://pytorch.org/vision/stable/models.html. MACs
are those of convolutions and dense layers, which is all that `_ops` counts of these networks.
"""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest
from builders import torch_models as models

from costdb.ir import Graph, Layer, Role

torch = pytest.importorskip("torch", reason="it exports the networks")
# Importing it is the builder's: it may need a hand.
pytestmark = pytest.mark.skipif(not find_spec("torchvision"), reason="torchvision has the networks")

Load = Callable[..., Graph]


def macs(layer: Layer) -> int:
    """MACs of a convolution or dense layer, by their definitions."""
    if layer.op == "Conv":
        return layer.output.numel * layer.input(1).numel // layer.output.size(1)
    if layer.op == "Gemm":
        return layer.output.numel * layer.input(0).size(-1)
    return 0


def stored(graph: Graph, role: Role) -> int:
    return sum(tensor.numel for tensor in graph.tensors() if tensor.role is role)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    folder = tmp_path_factory.mktemp("networks")

    def path(name: str) -> Path:
        target = folder / f"{name}.pt2"
        if not target.exists():
            image = torch.randn(1, 3, 224, 224)
            models.export(models.torchvision_network(name), [image], target)
        return target

    return path


@pytest.mark.parametrize(
    ("name", "params", "expected"),
    [
        pytest.param("resnet50", 25_557_032, 4_089_184_256, id="resnet50: _ops 4.09"),
        pytest.param("mobilenet_v2", 3_504_872, 300_774_272, id="mobilenet_v2: _ops 0.301"),
    ],
)
def test_parameters_and_macs(
    exported: Callable[[str], Path], load: Load, name: str, params: int, expected: int
) -> None:
    graph = load(exported(name))
    assert stored(graph, Role.PARAMETER) == params
    assert sum(map(macs, graph.layers)) == expected


def test_running_statistics_are_buffers(exported: Callable[[str], Path], load: Load) -> None:
    """ResNet-50 normalises 26,560 channels in 53 batch norms, each with a counter."""
    assert stored(load(exported("resnet50")), Role.BUFFER) == 2 * 26_560 + 53


def test_a_transformer(exported: Callable[[str], Path], load: Load) -> None:
    """ViT-B/16: num_params 86567656; 12 blocks of attention over 197 tokens in 12 heads of 64."""
    graph = load(exported("vit_b_16"))
    assert stored(graph, Role.PARAMETER) == 86_567_656
    attention = [layer for layer in graph.layers if layer.op == "scaled_dot_product_attention"]
    assert [layer.domain for layer in attention] == ["aten"] * 12
    assert all(layer.input(0).shape == (1, 12, 197, 64) for layer in attention)
    patches = 196 * 768 * 3 * 16 * 16
    block = 197 * (4 * 768 * 768 + 2 * 768 * 3072)
    assert sum(map(macs, graph.layers)) == patches + 12 * block + 768 * 1000


def test_layers_know_the_module_that_they_come_from(
    exported: Callable[[str], Path], load: Load
) -> None:
    first = load(exported("resnet50")).layers[0]
    assert (first.op, first.scope) == ("Conv", "conv1")
    assert first.source_op == "aten.conv2d.default"
    assert first.source_module == "torch.nn.modules.conv.Conv2d"
    scopes = [layer.scope for layer in load(exported("resnet50")).layers if layer.op == "Conv"]
    assert scopes[1:5] == [
        "layer1/0/conv1",
        "layer1/0/conv2",
        "layer1/0/conv3",
        "layer1/0/downsample/0",
    ]
