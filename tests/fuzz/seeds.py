"""Small real files of every format, made by the frameworks themselves.

    python -m fuzz.seeds FOLDER

writes them, a folder for each format. A file's name gives its format's suffix; of a SavedModel,
whose folder has a fixed layout, only the file that is read is kept.
"""

import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from builders import onnx_models, tensorflow_formats, tensorflow_models, torch_models

# Format -> the name that its files have; a path if they lie in a folder that is read as a whole.
FILE_NAMES: Mapping[str, str] = {
    "onnx": "model.onnx",
    "frozen": "model.pb",
    "saved_model": "saved_model/saved_model.pb",
    "meta_graph": "model.meta",
    "keras": "model.keras",
    "hdf5": "model.h5",
    "exported": "model.pt2",
    "torchscript": "model.pt",
    "checkpoint": "model.pth",
    "pickle": "model.bin",
    "safetensors": "model.safetensors",
}

# Larger files are damaged in their weights, which no one reads.
_MOST_BYTES = 100_000


def main() -> None:
    """Write all of them."""
    root = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as name:
        for kind, content in (*_onnx(Path(name)), *_tensorflow(Path(name)), *_torch(Path(name))):
            if len(content) <= _MOST_BYTES:
                folder = root / kind
                folder.mkdir(parents=True, exist_ok=True)
                (folder / f"{len([*folder.iterdir()]):03}").write_bytes(content)


def _onnx(scratch: Path) -> Iterator[tuple[str, bytes]]:
    data = Path(onnx_models.onnx().__file__).parent / "backend/test/data"
    for path in sorted(data.rglob("*.onnx")):
        yield "onnx", path.read_bytes()
    yield (
        "onnx",
        onnx_models.save_conv_bn_relu(scratch / "m.onnx", (1, 3, 8, 8), (4, 3, 3, 3)).read_bytes(),
    )


def _tensorflow(scratch: Path) -> Iterator[tuple[str, bytes]]:
    tf = tensorflow_models.tensorflow()
    parts = [*tensorflow_models.conv_bn_relu(4), tensorflow_models.convolution(4, groups=2)]
    model = tensorflow_models.sequential((8, 8, 3), *parts, tensorflow_models.dense(3))
    recurrent = tensorflow_models.sequential((5, 3), tensorflow_models.keras().layers.LSTM(4))

    def branching(x: Any) -> Any:
        summed = tf.while_loop(lambda i, _: i < 3, lambda i, t: (i + 1, t @ t), (0, x))[1]
        return tf.cond(tf.reduce_sum(x) > 0, lambda: tf.einsum("ij,jk->ik", summed, x), lambda: x)

    def various(x: Any) -> Any:
        """Operators whose shapes depend on what they are given."""
        rows = tf.gather(x, [1, 0], axis=1, batch_dims=0)
        image = tf.image.resize(tf.reshape(rows, (1, 2, 4, 1)), (4, 8))
        blocks = tf.space_to_batch(
            tf.pad(image, [[0, 0], [0, 0], [1, 1], [0, 0]]), [2, 2], [[0, 0]] * 2
        )
        most = tf.math.top_k(tf.reshape(blocks, (-1,)), 3).values
        return tf.concat([tf.tile(most, [2]), tf.strided_slice(most, [0], [2])], 0)

    frozen = scratch / "m.pb"
    for lowered in (True, False):
        for network, shape in (
            (model, (None, 8, 8, 3)),
            (recurrent, (1, 5, 3)),
            (branching, (4, 4)),
            (various, (4, 2)),
        ):
            tensorflow_models.freeze(network, frozen, shape, lowered=lowered)
            yield "frozen", frozen.read_bytes()
    folder = tensorflow_formats.export_keras(model, scratch / "saved")
    yield "saved_model", (folder / "saved_model.pb").read_bytes()
    for number, is_resource in enumerate((True, False)):
        place = scratch / f"train{number}"
        place.mkdir()
        training = tensorflow_formats.train(place, use_resource=is_resource)
        yield "meta_graph", training.file(".meta").read_bytes()
        yield "frozen", training.frozen.read_bytes()
    yield "keras", tensorflow_formats.save_keras(model, scratch / "m.keras").read_bytes()
    yield "hdf5", tensorflow_formats.save_keras(model, scratch / "m.h5").read_bytes()


def _torch(scratch: Path) -> Iterator[tuple[str, bytes]]:
    import torch
    from safetensors.torch import save

    exported = torch_models.export_convnet(scratch / "m.pt2")
    yield "exported", exported.read_bytes()
    attending = torch.nn.TransformerEncoderLayer(8, 2, 16, batch_first=True).eval()
    torch_models.export(attending, (torch.randn(1, 4, 8),), scratch / "a.pt2")
    yield "exported", (scratch / "a.pt2").read_bytes()
    network = torch_models.convnet()
    for layout in (torch_models.older_layout, torch_models.checkpoint_layout):
        yield "exported", layout(exported, network.state_dict(), scratch / "old.pt2").read_bytes()
    yield "torchscript", torch_models.script(network, scratch / "m.pt").read_bytes()
    training = {"state_dict": network.state_dict(), "epoch": 7, "half": torch.ones(3).half()}
    for value in (network.state_dict(), training):
        yield "checkpoint", torch_models.checkpoint_bytes(value)
        yield "pickle", torch_models.checkpoint_bytes(value, _use_new_zipfile_serialization=False)
    yield "safetensors", save(network.state_dict())


if __name__ == "__main__":
    main()
