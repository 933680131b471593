"""Large files cost what their structure does, on disk and behind a URL."""

import re
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import node, onnx, save, save_sparse, value
from builders.web_server import serving

from costdb.analysis import analyses
from costdb.errors import ArtifactUnreadable, BrokenArtifact
from costdb.reading import Reading

# VGG16: Simonyan and Zisserman 2014, table 1, configuration D.
CHANNELS = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
VGG16_MACS = 15_470_264_320


def vgg16(path: Path) -> Path:
    """VGG16 with 553 MB of weights that are holes, its biases among them."""
    nodes: list[Any] = []
    weights: dict[str, tuple[int, ...]] = {}
    last, channels = "x", 3
    for stage, (width, repeats) in enumerate(CHANNELS):
        for number in range(repeats):
            name = f"conv{stage}_{number}"
            weights |= {f"{name}.w": (width, channels, 3, 3), f"{name}.b": (width,)}
            operands = [last, f"{name}.w", f"{name}.b"]
            nodes.append(node("Conv", operands, [name], name=name, pads=[1] * 4))
            nodes.append(node("Relu", [name], [f"{name}.relu"]))
            last, channels = f"{name}.relu", width
        pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
        nodes.append(node("MaxPool", [last], [f"pool{stage}"], **pool))
        last = f"pool{stage}"
    nodes.append(node("Flatten", [last], ["flat"]))
    last = "flat"
    for number, (inside, outside) in enumerate([(25088, 4096), (4096, 4096), (4096, 1000)]):
        weights |= {f"dense{number}.w": (outside, inside), f"dense{number}.b": (outside,)}
        operands = [last, f"dense{number}.w", f"dense{number}.b"]
        last = "y" if number == 2 else f"dense{number}"
        nodes.append(node("Gemm", operands, [last], transB=1))
    return save_sparse(path, nodes, [value("x", (1, 3, 224, 224))], ["y"], weights)


def test_a_url_is_costed_by_a_few_requests_and_few_bytes(tmp_path: Path) -> None:
    path = vgg16(tmp_path / "vgg16.onnx")
    size = path.stat().st_size
    assert size > 550_000_000
    with serving(path) as server:
        (analysis,) = analyses(server.url("/any.bin"), Reading(), {})
        assert server.requests < 20
        assert sum(server.sent) < size * 0.002
    assert analysis.cost.totals.macs == VGG16_MACS
    assert analysis.artifact.path == server.url("/any.bin", secret=False)
    assert analysis.artifact.bytes == size


def test_a_server_that_sends_only_whole_files_is_named(tmp_path: Path) -> None:
    # 80 MB, more than is downloaded for want of ranges.
    weights = {"w": (20_000, 1000)}
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    path = save_sparse(tmp_path / "m.onnx", nodes, [value("x", (1, 20_000))], ["y"], weights)
    with serving(path) as server:
        with pytest.raises(ArtifactUnreadable, match=r"does not send bytes .* alone") as caught:
            analyses(server.url("/whole.bin"), Reading(), {})
        assert "it reads no byte ranges" in caught.value.hint


def test_four_gigabytes_of_external_data(tmp_path: Path) -> None:
    tensors = []
    for number in range(4):
        tensor = onnx().TensorProto(name=f"w{number}", dims=[16384, 16384], data_type=1)
        tensor.data_location = onnx().TensorProto.EXTERNAL
        stretch = {"location": "data/m.bin", "offset": number << 30, "length": 1 << 30}
        for key, text in stretch.items():
            tensor.external_data.add(key=key, value=str(text))
        tensors.append(tensor)
    names = ["x", "a", "b", "c", "y"]
    nodes = [
        node("MatMul", [names[number], f"w{number}"], [names[number + 1]]) for number in range(4)
    ]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (2, 16384))], ["y"], tensors)
    (tmp_path / "data").mkdir()
    with (tmp_path / "data" / "m.bin").open("wb") as file:
        file.truncate(4 << 30)
    (analysis,) = analyses(str(path), Reading(), {})
    assert analysis.cost.totals.macs == 4 * 2 * 16384 * 16384
    assert analysis.cost.totals.weight_bytes == 4 << 30


@pytest.mark.parametrize(
    ("location", "message"),
    [
        pytest.param("data/w.bin", "", id="beside it"),
        pytest.param(
            "../w.bin", "refers to '../w.bin', which is no file in its folder", id="above"
        ),
    ],
)
def test_external_data_beside_a_url_are_never_asked_for(
    tmp_path: Path, location: str, message: str
) -> None:
    tensor = onnx().TensorProto(name="w", dims=[64, 32], data_type=1, data_location=1)
    tensor.external_data.add(key="location", value=location)
    nodes = [node("MatMul", ["x", "w"], ["y"])]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (1, 64))], ["y"], [tensor])
    with serving(path) as server:
        if message:
            with pytest.raises(BrokenArtifact, match=re.escape(message)):
                analyses(server.url("/m.onnx"), Reading(), {})
        else:
            (analysis,) = analyses(server.url("/m.onnx"), Reading(), {})
            assert analysis.cost.totals.weight_bytes == 4 * 64 * 32
        # The size, and the file, which is smaller than what is fetched at once.
        assert server.requests == 2
