"""What the TensorFlow loader claims."""

import io
import os
import zipfile
from pathlib import Path

import pytest

from costdb.errors import ArtifactUnreadable
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader


def field(number: int, payload: bytes) -> bytes:
    """A length-delimited field, as https://protobuf.dev/programming-guides/encoding/ has it."""
    length = len(payload)
    encoded = bytearray()
    while length > 0x7F:
        encoded.append(length & 0x7F | 0x80)
        length >>= 7
    return bytes([number << 3 | 2, *encoded, length]) + payload


NODE = field(1, b"x") + field(2, b"Placeholder")
HUGE = field(1, b"w") + field(2, b"Const") + field(5, b"\0" * 3_000_000)
VERSIONS = field(4, b"\x08\x96\x01")
ONNX = b"\x08\x08" + field(2, b"pytorch") + field(7, b"")
SAVED_MODEL = b"\x08\x01" + field(2, field(1, b""))
META_GRAPH = field(1, field(2, field(1, field(1, b"Abs"))) + field(5, b"1.15.0"))
OP_LIST = field(1, field(1, b"Abs") + field(2, field(1, b"x")))


def zipped() -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("model.json", "{}")
    return stream.getvalue()


CLAIMED = [
    pytest.param(field(1, NODE) + VERSIONS, id="one node and the version"),
    pytest.param(field(1, NODE) + field(1, NODE), id="nodes alone"),
    pytest.param(field(1, NODE) + b"\x18\x09", id="the version as old files have it"),
    pytest.param(field(1, HUGE) + VERSIONS, id="a first node of megabytes"),
    pytest.param(field(1, HUGE)[:1000], id="cut off inside the first node"),
    pytest.param(SAVED_MODEL, id="a SavedModel"),
    pytest.param(SAVED_MODEL[:-1], id="a SavedModel that is cut off"),
    pytest.param(SAVED_MODEL[:2], id="a SavedModel of nothing"),
    pytest.param(META_GRAPH + field(2, field(1, NODE)), id="a MetaGraphDef"),
    pytest.param(field(2, field(1, NODE)), id="a MetaGraphDef that says nothing of itself"),
    pytest.param((META_GRAPH + field(2, field(1, HUGE)))[:1000], id="a MetaGraphDef, cut off"),
    pytest.param(b"\x89HDF\r\n\x1a\n" + bytes(8), id="HDF5"),
    pytest.param(b"names" * 20 + bytes.fromhex("57fb808b247547db"), id="the index of a checkpoint"),
]

REFUSED = [
    pytest.param(field(1, NODE)[:-1], id="cut off inside the first names"),
    pytest.param(b"", id="empty"),
    pytest.param(b"\n", id="one line break"),
    pytest.param(b"\nnode {\n  name: 'x'\n}\n", id="text that starts with a line break"),
    pytest.param(b'node {\n  name: "x"\n  op: "Placeholder"\n}\n', id="a GraphDef as text"),
    pytest.param(bytes(range(256)) * 8, id="bytes"),
    pytest.param(b"\n" * 4096, id="line breaks"),
    pytest.param(ONNX, id="an ONNX model"),
    pytest.param(b"\x08\x02" + SAVED_MODEL[2:], id="a SavedModel of another schema"),
    pytest.param(META_GRAPH, id="a MetaGraphDef without a graph"),
    pytest.param(META_GRAPH + field(2, field(1, b"x")), id="a MetaGraphDef, another graph"),
    pytest.param(b"\x08\x01" + field(2, b"pytorch"), id="ONNX as it was at first"),
    pytest.param(OP_LIST, id="a list of operators"),
    pytest.param(zipped(), id="a zip"),
    pytest.param(field(1, field(1, b"bad name") + field(2, b"Op")), id="a space in a name"),
    pytest.param(field(1, field(2, b"Op") + field(1, b"x")), id="no name first"),
    pytest.param(field(1, NODE) + b"\x10\x01", id="a second field of another type"),
    pytest.param(field(1, NODE) + field(9, b""), id="a field that no graph has"),
    pytest.param(field(1, field(1, b"x" * 5000) + field(2, b"Op")), id="an endless name"),
]


def is_claimed(folder: Path, content: bytes) -> bool:
    path = folder / "model.pb"
    path.write_bytes(content)
    with Source(path) as source:
        return TensorflowLoader().sniff(source)


@pytest.mark.parametrize("content", CLAIMED)
def test_a_graph_is_claimed(tmp_path: Path, content: bytes) -> None:
    assert is_claimed(tmp_path, content)


@pytest.mark.parametrize("content", REFUSED)
def test_nothing_else_is_claimed(tmp_path: Path, content: bytes) -> None:
    assert not is_claimed(tmp_path, content)


def test_a_folder_is_not_claimed(tmp_path: Path) -> None:
    assert not TensorflowLoader().sniff(Source(tmp_path))


def test_a_python_object_is_not_claimed() -> None:
    assert not TensorflowLoader().sniff(Source("package.module:factory"))


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ArtifactUnreadable):
        TensorflowLoader().sniff(Source(tmp_path / "model.pb"))


def test_little_is_read_of_a_large_first_node(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "model.pb"
    path.write_bytes(field(1, HUGE) + VERSIONS)
    read: list[int] = []
    pread = os.pread

    def counted(descriptor: int, length: int, offset: int) -> bytes:
        data = pread(descriptor, length, offset)
        read.append(len(data))
        return data

    monkeypatch.setattr(os, "pread", counted)
    with Source(path) as source:
        assert TensorflowLoader().sniff(source)
    assert 0 < sum(read) < 200_000
