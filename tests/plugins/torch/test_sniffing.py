"""Which files are PyTorch's, by content."""

import struct
import zipfile
from pathlib import Path

import pytest
from builders import torch_models as models

from costdb.source import Source
from costdb_torch.loader import TorchLoader


def claimed(path: Path | str) -> bool:
    with Source(path) as source:
        return TorchLoader().sniff(source)


def archive(path: Path, *names: str) -> Path:
    with zipfile.ZipFile(path, "w") as file:
        for name in names:
            file.writestr(name, b"x")
    return path


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["archive/models/model.json"], id="exported program"),
        pytest.param(["models/model.json"], id="without a folder"),
        pytest.param(["serialized_exported_program.json", "version"], id="before 2.8"),
        pytest.param(["m/data/aotinductor/model/m.so"], id="compiled"),
        pytest.param(["m/data.pkl", "m/constants.pkl", "m/code/__torch__.py"], id="TorchScript"),
        pytest.param(["archive/data.pkl", "archive/data/0"], id="checkpoint"),
        pytest.param(["data.pkl"], id="checkpoint without a folder"),
    ],
)
def test_archives_of_pytorch(tmp_path: Path, names: list[str]) -> None:
    assert claimed(archive(tmp_path / "renamed.zip", *names))


@pytest.mark.parametrize(
    "names",
    [
        pytest.param(["config.json", "model.weights.h5", "metadata.json"], id="Keras"),
        pytest.param(["word/document.xml"], id="a document"),
        pytest.param(["weights.npy"], id="NumPy"),
        pytest.param(["META-INF/MANIFEST.MF", "Main.class"], id="Java"),
        pytest.param(["a/b/models/model.json"], id="a model deep inside"),
        pytest.param([], id="empty"),
    ],
)
def test_other_archives(tmp_path: Path, names: list[str]) -> None:
    assert not claimed(archive(tmp_path / "other.pt2", *names))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        pytest.param(b"\x80\x02}q\x00.", True, id="a pickle"),
        pytest.param(b"\x80\x01}q\x00.", False, id="a pickle of no such protocol"),
        pytest.param(b"\x80", False, id="one byte"),
        pytest.param(struct.pack("<Q", 2) + b"{}", True, id="safetensors without tensors"),
        pytest.param(struct.pack("<Q", 9000) + b'{"__met', True, id="safetensors, cut off"),
        pytest.param(struct.pack("<Q", 1 << 60) + b'{"a": 1}', False, id="an endless header"),
        pytest.param(b"\x08\x07\x12\x07pytorch", False, id="ONNX"),
        pytest.param(b"\n\x08\n\x01x\x12\x03Add", False, id="a GraphDef"),
    ],
)
def test_files_that_are_no_archives(tmp_path: Path, content: bytes, *, expected: bool) -> None:
    path = tmp_path / "model.bin"
    path.write_bytes(content)
    assert claimed(path) == expected


def test_a_function_of_a_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The name alone is looked at; nothing is imported."""
    monkeypatch.chdir(tmp_path)
    assert claimed("package.module:factory")


def test_real_files(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch", reason="it writes the files")
    torch.save({"w": torch.zeros(2)}, tmp_path / "new.pth")
    torch.save({"w": torch.zeros(2)}, tmp_path / "old.pth", _use_new_zipfile_serialization=False)
    paths = [tmp_path / "new.pth", tmp_path / "old.pth", models.export_convnet(tmp_path / "m.pt2")]
    assert all(map(claimed, paths))
