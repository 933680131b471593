"""The files that benchmarks read, built once into `build/benchmark-models`."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import onnx

MODELS = Path("build/benchmark-models").absolute()
COSTDB = str(Path(sys.executable).with_name("costdb"))

_WIDTH = 4096
_WEIGHT_BYTES = _WIDTH * _WIDTH * 4


def vgg16() -> None:
    """Freeze VGG16: 553 MB."""
    path = MODELS / "vgg16.pb"
    if not path.exists():
        import keras
        from builders.tensorflow_models import freeze

        path.parent.mkdir(parents=True, exist_ok=True)
        freeze(keras.applications.VGG16(weights=None), path, (1, 224, 224, 3))


def exported(name: str, file_format: str) -> Callable[[], None]:
    """Export a network of torchvision's to a format."""

    def prepare() -> None:
        path = MODELS / f"{name}.{file_format}"
        if not path.exists():
            from builders import networks

            path.parent.mkdir(parents=True, exist_ok=True)
            made = networks.build(f"torchvision:{name}")
            networks.export(made, [(1, 3, 224, 224)], file_format, path.parent).rename(path)

    return prepare


def large_single() -> None:
    """28 dense layers of 64 MiB each in one file: 1.9 GB, just under protobuf's limit."""
    path = MODELS / "large.onnx"
    if not path.exists():
        import onnx

        path.parent.mkdir(parents=True, exist_ok=True)
        onnx.save_model(_dense_layers(28, raw=True), path)


def large_external() -> None:
    """60 dense layers of 64 MiB each, with their weights in a file beside the model: 4 GB."""
    path = MODELS / "external.onnx"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(_dense_layers(60, raw=False).SerializeToString())
        with path.with_name("external.data").open("wb") as data:
            data.truncate(60 * _WEIGHT_BYTES)


def chain(nodes: int) -> Path:
    """A convolution of 8 channels and a Relu, again and again.

    Args:
        nodes: How many nodes there are.
    """
    path = MODELS / f"chain-{nodes}.onnx"
    if not path.exists():
        import numpy as np
        from onnx import TensorProto, helper, numpy_helper, save_model

        path.parent.mkdir(parents=True, exist_ok=True)
        made = [
            helper.make_node("Relu", [f"x{i}"], [f"x{i + 1}"], f"relu{i}")
            if i % 2
            else helper.make_node("Conv", [f"x{i}", "w"], [f"x{i + 1}"], f"conv{i}")
            for i in range(nodes)
        ]
        weight = numpy_helper.from_array(np.ones((8, 8, 1, 1), np.float32), "w")
        shape = (1, 8, 14, 14)
        graph = helper.make_graph(
            made,
            "chain",
            [helper.make_tensor_value_info("x0", TensorProto.FLOAT, shape)],
            [helper.make_tensor_value_info(f"x{nodes}", TensorProto.FLOAT, shape)],
            [weight],
        )
        save_model(helper.make_model(graph), path)
    return path


def padded(mebibytes: int) -> Path:
    """16 dense layers in one file, as wide as makes it about so large."""
    path = MODELS / f"padded-{mebibytes}.onnx"
    if not path.exists():
        import onnx

        path.parent.mkdir(parents=True, exist_ok=True)
        width = int((mebibytes * 2**20 / 16 / 4) ** 0.5)
        onnx.save_model(_dense_layers(16, raw=True, width=width), path)
    return path


def _dense_layers(count: int, *, raw: bool, width: int = _WIDTH) -> "onnx.ModelProto":
    """Matrix products in a row.

    Args:
        count: How many.
        raw: Whether weights, all zero, are in the model; else they are in `external.data`.
        width: Of every matrix.
    """
    from onnx import TensorProto, helper

    size = width * width * 4
    weights = []
    for index in range(count):
        weight = TensorProto(name=f"w{index}", data_type=TensorProto.FLOAT, dims=[width, width])
        if raw:
            weight.raw_data = bytes(size)
        else:
            weight.data_location = TensorProto.EXTERNAL
            where = {"location": "external.data", "offset": index * size, "length": size}
            for key, value in where.items():
                weight.external_data.add(key=key, value=str(value))
        weights.append(weight)
    graph = helper.make_graph(
        [
            helper.make_node("MatMul", [f"x{i}", f"w{i}"], [f"x{i + 1}"], f"dense{i}")
            for i in range(count)
        ],
        "dense",
        [helper.make_tensor_value_info("x0", TensorProto.FLOAT, (1, width))],
        [helper.make_tensor_value_info(f"x{count}", TensorProto.FLOAT, (1, width))],
        weights,
    )
    return helper.make_model(graph)
