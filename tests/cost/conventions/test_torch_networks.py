"""Whole networks by the conventions of PyTorch's tools, against the tools themselves.

Networks of torchvision on one image of 224x224, saved by `torch.export`.
"""

import warnings
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models
from builders.counting_tools import fvcore_macs, thop_macs, torch_macs

from costdb import api

torch = pytest.importorskip("torch", reason="it makes the networks")

slow = pytest.mark.slow

NETWORKS = [
    "resnet18",
    "resnet50",
    "mobilenet_v3_small",
    "squeezenet1_1",
    "mnasnet1_0",
    "efficientnet_b0",
    "vit_b_16",
    "swin_t",
    pytest.param("mobilenet_v2", marks=slow),
    pytest.param("shufflenet_v2_x1_0", marks=slow),
    pytest.param("regnet_y_400mf", marks=slow),
    pytest.param("convnext_tiny", marks=slow),
    pytest.param("densenet121", marks=slow),
    pytest.param("googlenet", marks=slow),
    pytest.param("vgg11", marks=slow),
    pytest.param("maxvit_t", marks=slow),
]

# Figures that are in use. fvcore's of ResNet-50 is timm's 4.11 G, thop's is in its README.
KNOWN = {
    ("resnet50", "torchvision"): 4_089_184_256,
    ("resnet50", "fvcore"): 4_111_512_576,
    ("resnet50", "thop"): 4_133_742_592,
    ("vit_b_16", "torchvision"): 17_563_828_224,
    ("resnet18", "torchvision"): 1_814_073_344,
    ("mobilenet_v2", "torchvision"): 300_774_272,
}


def network(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # GoogLeNet says how its weights will be initialised
        return models.torchvision_network(name)


def documented(name: str) -> float:
    """What torchvision calls the network's GFLOPS."""
    weights = models.import_torchvision().models.get_model_weights(name)
    return float(weights["IMAGENET1K_V1"].meta["_ops"])


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_as_the_tools_count_it(tmp_path: Path, name: str) -> None:
    module, inputs = network(name), (torch.randn(1, 3, 224, 224),)
    path = models.export(module, inputs, tmp_path / f"{name}.pt2")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        traced = fvcore_macs(module, inputs)
        # The others need shapes alone.
        module.to("meta")
        images = (inputs[0].to("meta"),)
        expected = {
            "fvcore": traced,
            "thop": thop_macs(module, images),
            "torchvision": torch_macs(module, images),
        }
    explained = {tool: api.explain(str(path), convention=tool).explanation for tool in expected}
    totals = {tool: explanation.convention_total for tool, explanation in explained.items()}
    assert totals == expected
    assert {tool: KNOWN.get((name, tool), total) for tool, total in totals.items()} == totals
    assert round(totals["torchvision"] / 1e9, 3) == documented(name)
    for tool, explanation in explained.items():
        assert explanation.uncountable_layers == explanation.unknown_layers == 0
        assert explanation.costdb_total + explanation.difference == totals[tool]
