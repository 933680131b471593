"""What is an ONNX model, by content alone."""

import io
import zipfile
from pathlib import Path

import pytest
from builders import onnx_models as models

from costdb.errors import ArtifactUnreadable
from costdb.source import Source
from costdb_onnx import OnnxLoader


def claims(path: Path) -> bool:
    with Source(path) as source:
        return OnnxLoader().sniff(source)


def zipped() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("model.onnx", b"\x08\x08")
    return buffer.getvalue()


# Fields by hand: tag, then value or length and bytes.
GRAPH_DEF_NODE = b"\x0a\x0a" + b"\x0a\x01x\x12\x05Const"
VERSIONS = b"\x22\x03\x08\xab\x01"
GRAPH = b"\x3a\x06" + b"\x0a\x04\x22\x02Op"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"hello, world\n" * 100, id="text"),
        pytest.param(b":   colon, the tag of a graph\n" * 100, id="text that begins as a graph"),
        pytest.param(bytes(4096), id="zeros"),
        pytest.param(bytes(n * n * 7 % 251 for n in range(8192)), id="random bytes"),
        pytest.param(zipped(), id="zip"),
        pytest.param(b"\x80\x04\x95\x10" + bytes(64), id="pickle"),
        pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(64), id="hdf5"),
        pytest.param(b"\x1c\x00\x00\x00TFL3" + bytes(64), id="tflite"),
        pytest.param(GRAPH_DEF_NODE * 20 + VERSIONS, id="tensorflow GraphDef"),
        pytest.param(VERSIONS, id="tensorflow GraphDef without nodes"),
        pytest.param(b"\x08\x01" + b"\x12\x02\x0a\x00", id="tensorflow SavedModel"),
        pytest.param(b"\x0a\x02\x12\x00" + b"\x12\x0c" + GRAPH_DEF_NODE, id="tensorflow MetaGraph"),
        pytest.param(b"\x08\x04\x12\x04\x0a\x02ab" + b"\xa2\x1f\x00", id="CoreML"),
        pytest.param(b"\x08\x08", id="a version and no graph"),
        pytest.param(GRAPH, id="a graph and no version"),
        pytest.param(b"\x08\xe9\x07" + GRAPH, id="a version that no one has seen"),
        pytest.param(b"\x08\x08\x3a\x00", id="an empty graph"),
        pytest.param(b"\x08\x08\x3a\x02\x08\x01", id="a graph of something else"),
        pytest.param(b"\x08\x08" + GRAPH + b"\x48\x01", id="a field that a model lacks"),
    ],
)
def test_other_files_are_not_claimed(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(content)
    assert not claims(path)


def test_a_tensor_of_the_zoo_is_no_model(light_zoo: Path) -> None:
    assert not claims(light_zoo / "light_squeezenet_output_0.pb")


def test_a_frozen_tensorflow_graph_is_not_claimed(tmp_path: Path) -> None:
    pytest.importorskip("tensorflow", reason="it builds the graph")
    from builders import tensorflow_models

    def build(v1: object) -> None:
        v1.identity(v1.placeholder("float32", (1, 2)))  # type: ignore[attr-defined]

    assert not claims(tensorflow_models.write_graph(build, tmp_path / "frozen.pb"))


@pytest.mark.parametrize("name", ["model.onnx", "model.pb", "model", "model.pt"])
def test_a_model_is_claimed_under_any_name(tmp_path: Path, name: str) -> None:
    assert claims(models.save_conv(tmp_path / name, (1, 3, 8, 8), (4, 3, 3, 3)))


def test_fields_may_come_in_any_order(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(GRAPH + b"\x42\x02\x10\x0d" + b"\x08\x07")
    assert claims(path)


def test_a_model_that_is_cut_off_is_claimed(tmp_path: Path) -> None:
    path = models.save_gemm(tmp_path / "model.onnx", 1, 64, 64)
    content = path.read_bytes()
    for size in range(300, len(content), 97):
        path.write_bytes(content[:size])
        assert claims(path), size


def test_a_folder_is_not_claimed(tmp_path: Path) -> None:
    assert not claims(tmp_path)


def test_a_python_object_is_not_claimed() -> None:
    with Source("package.module:factory") as source:
        assert not OnnxLoader().sniff(source)


def test_a_missing_file_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(ArtifactUnreadable, match="no file"):
        claims(tmp_path / "absent.onnx")
