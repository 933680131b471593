"""Real networks of other depths, widths and resolutions: what a diff says of them."""

from pathlib import Path
from typing import Any

import pytest
from builders import networks, tensorflow_models

from costdb import api
from costdb.trends.alignment import Change

pytestmark = pytest.mark.slow

# A basic block of ResNet-18 and -34 has two convolutions of 3x3, each as costly in every stage.
BASIC_CONV = 64 * 64 * 9 * 56 * 56


def torchvision(name: str, folder: Path, file_format: str = "pt2", size: int = 224) -> str:
    folder.mkdir()
    network = networks.build(f"torchvision:{name}")
    return str(networks.export(network, [(1, 3, size, size)], file_format, folder))


def counts(found: Any) -> dict[str, int]:
    return {kind.value: number for kind, number in found.difference.layers.items() if number}


def parts(found: Any, metric: str = "macs") -> dict[str, tuple[int, str]]:
    return {part.scope: (part.change, part.text) for part in found.difference.attribution[metric]}


@pytest.mark.parametrize("file_format", ["pt2", "onnx"])
def test_blocks_that_were_added_are_named(file_format: str, tmp_path: Path) -> None:
    old = torchvision("resnet18", tmp_path / "a", file_format)
    new = torchvision("resnet34", tmp_path / "b", file_format)
    found = api.diff(old, new)
    # 3, 4, 6 and 3 blocks instead of 2, 2, 2 and 2.
    assert parts(found) == {
        "layer3/*": (8 * BASIC_CONV, "8 new Conv"),
        "layer2/*": (4 * BASIC_CONV, "4 new Conv"),
        "layer1/2/*": (2 * BASIC_CONV, "2 new Conv"),
        "layer4/2/*": (2 * BASIC_CONV, "2 new Conv"),
    }
    # Each block more is two convolutions, an addition and two ReLUs, and two batch norms in `.pt2`.
    layers_of_a_block = 7 if file_format == "pt2" else 5
    assert counts(found)["added"] == 8 * layers_of_a_block
    assert set(counts(found)) <= {"added", "unchanged", "renamed"}
    back = counts(api.diff(new, old))
    assert back["removed"] == counts(found)["added"]


def test_a_larger_input_explains_all(tmp_path: Path) -> None:
    found = api.diff(
        torchvision("resnet18", tmp_path / "a"), torchvision("resnet18", tmp_path / "b", size=256)
    )
    total = found.difference.total("macs")
    # Every convolution is on (256/224)^2 as many pixels; the classifier of 512 x 1000 is not.
    assert total.old is not None
    assert total.new == (total.old - 512_000) * 256**2 // 224**2 + 512_000
    assert parts(found) == {"*": (total.change, "input 224 -> 256")}
    assert set(counts(found)) == {"changed", "unchanged"}


def test_a_wider_network_is_the_same_one_layer_by_layer(tmp_path: Path) -> None:
    found = api.diff(
        torchvision("resnet50", tmp_path / "a"), torchvision("wide_resnet50_2", tmp_path / "b")
    )
    # As published: 4.09 and 11.40 GMAC.
    total = found.difference.total("macs")
    assert (total.old, total.new) == (4_089_184_256, 11_398_021_120)
    assert set(counts(found)) == {"changed", "unchanged"}
    assert set(parts(found)) == {"layer1/*", "layer2/*", "layer3/*", "layer4/*"}


def mobile_net(folder: Path, size: int, alpha: float) -> str:
    """MobileNetV2 as Keras writes it, which numbers anew what it builds in one process."""
    keras = tensorflow_models.keras()
    model = keras.applications.MobileNetV2(
        input_shape=(size, size, 3), alpha=alpha, weights=None, classes=10
    )
    folder.mkdir()
    return str(tensorflow_models.freeze(model, folder / "net.pb", (1, size, size, 3)))


def test_keras_numbers_its_layers_anew_and_no_one_minds(tmp_path: Path) -> None:
    tensorflow_models.keras().utils.clear_session()
    old, new = (mobile_net(tmp_path / name, 96, 1.0) for name in "ab")
    assert set(counts(api.diff(old, new))) == {"unchanged"}


def test_a_narrower_keras_network_is_the_same_one_layer_by_layer(tmp_path: Path) -> None:
    tensorflow_models.keras().utils.clear_session()
    found = api.diff(mobile_net(tmp_path / "a", 96, 1.0), mobile_net(tmp_path / "b", 96, 0.5))
    assert not counts(found).keys() & {"added", "removed", "moved"}
    assert found.difference.layers[Change.CHANGED] > 100
