"""Stored tensors: weights are never read, small constants are, external files are not opened."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, graph, model, node, onnx, save, save_gemm, value, weight

from costdb import canonical
from costdb.cost.engine import cost
from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph, Role
from costdb.protowire import encode_varint
from costdb_onnx.dtypes import DTYPES, ELEMENT_TYPES

Load = Callable[..., Graph]


def external(tensor: Any, location: str | None) -> Any:
    """The tensor with its data in another file."""
    tensor.ClearField("raw_data")
    tensor.data_location = onnx().TensorProto.EXTERNAL
    entries = {"offset": "0", "length": "4096"} | ({"location": location} if location else {})
    for key, text in entries.items():
        tensor.external_data.add(key=key, value=text)
    return tensor


def save_external(path: Path, location: str | None) -> Path:
    stored = [external(weight("weight", (64, 16)), location)]
    product = node("MatMul", ["x", "weight"], ["y"])
    return save(path, [product], [value("x", (1, 64))], ["y"], stored)


@pytest.mark.parametrize("location", ["weights.bin", "data/weights.bin"])
def test_external_files_may_be_missing(load: Load, tmp_path: Path, location: str) -> None:
    totals = cost(load(save_external(tmp_path / "m.onnx", location))).totals
    assert (totals.params, totals.macs, totals.weight_bytes) == (64 * 16, 64 * 16, 4 * 64 * 16)


@pytest.mark.parametrize(
    "location", ["../weights.bin", "/etc/passwd", "data/../../weights.bin", "", None]
)
def test_external_files_outside_the_folder_are_refused(
    load: Load, tmp_path: Path, location: str | None
) -> None:
    with pytest.raises(BrokenArtifact, match=r"refers to .*in its folder"):
        load(save_external(tmp_path / "m.onnx", location))


def test_a_link_out_of_the_folder_is_refused(load: Load, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "secret").write_bytes(b"secret")
    (folder / "weights.bin").symlink_to(tmp_path / "secret")
    with pytest.raises(BrokenArtifact, match="a link that leads out"):
        load(save_external(folder / "m.onnx", "weights.bin"))


def test_external_constants_in_nodes_are_checked(load: Load, tmp_path: Path) -> None:
    held = external(weight("", (4,)), "../weights.bin")
    nodes = [node("Constant", [], ["c"], value=held), node("Add", ["x", "c"], ["y"])]
    with pytest.raises(BrokenArtifact, match=r"refers to .*in its folder"):
        load(save(tmp_path / "m.onnx", nodes, [value("x", (4,))], ["y"]))


def test_poisoned_weights_change_nothing(load: Load, tmp_path: Path) -> None:
    path = save_gemm(tmp_path / "m.onnx", 1, 256, 256)
    before = canonical.structure_json(load(path))
    raw = weight("weight", (256, 256)).raw_data
    content = path.read_bytes()
    assert content.count(raw) == 1
    path.write_bytes(content.replace(raw, os.urandom(len(raw))))
    assert canonical.structure_json(load(path)) == before


@pytest.mark.parametrize("field", ["raw_data", "float_data"])
def test_a_file_of_3_gigabytes(load: Load, tmp_path: Path, field: str) -> None:
    # 3 GiB of weights as a hole in the file: a header, the hole, and the graph's other fields.
    rows, columns = 1 << 14, 3 << 14
    size = rows * columns * 4
    rest = graph(
        [node("MatMul", ["x", "weight"], ["y"])], [value("x", ("n", rows))], ["y"]
    ).SerializeToString()
    tensor = onnx().TensorProto(name="weight", data_type=1, dims=(rows, columns))
    number = {"raw_data": 9, "float_data": 4}[field]
    head = tensor.SerializeToString() + tag(number) + encode_varint(size)
    initializer = tag(5) + encode_varint(len(head) + size)
    opset = onnx().helper.make_opsetid("", 17).SerializeToString()
    before = b"\x08\x08" + tag(7) + encode_varint(len(initializer) + len(head) + size + len(rest))
    path = tmp_path / "large.onnx"
    with path.open("wb") as file:
        file.write(before + initializer + head)
        file.seek(size, os.SEEK_CUR)
        file.write(rest + tag(8) + encode_varint(len(opset)) + opset)
    assert path.stat().st_size > 3 * 2**30
    totals = cost(load(path)).totals
    assert (totals.params, totals.macs) == (rows * columns, rows * columns)
    assert totals.weight_bytes == size


def tag(number: int) -> bytes:
    return encode_varint(number << 3 | 2)


def test_every_element_type_is_known() -> None:
    types = set(onnx().TensorProto.DataType.values()) - {onnx().TensorProto.UNDEFINED}
    assert types <= set(DTYPES)
    assert {number: ELEMENT_TYPES[dtype] for number, dtype in DTYPES.items()} == {
        number: number for number in DTYPES
    }


@pytest.mark.parametrize(
    ("element_type", "dtype", "stored_bytes"),
    [
        pytest.param("BFLOAT16", DType.BFLOAT16, 6000, id="bfloat16"),
        pytest.param("FLOAT8E4M3FN", DType.FLOAT8E4M3FN, 3000, id="float8"),
        pytest.param("INT4", DType.INT4, 1500, id="int4"),
        pytest.param("UINT4", DType.UINT4, 1500, id="uint4"),
        pytest.param("FLOAT4E2M1", DType.FLOAT4E2M1, 1500, id="float4"),
        pytest.param("COMPLEX128", DType.COMPLEX128, 48000, id="complex128"),
        pytest.param("STRING", DType.STRING, 0, id="string"),
        pytest.param("DOUBLE", DType.FLOAT64, 24000, id="double"),
    ],
)
def test_stored_bytes_are_the_types(
    load: Load, tmp_path: Path, element_type: str, dtype: DType, stored_bytes: int
) -> None:
    number = getattr(onnx().TensorProto, element_type)
    stored = onnx().TensorProto(name="weight", data_type=number, dims=(3, 1000))
    output = value("y", None, element_type)
    path = save(tmp_path / "m.onnx", [node("Identity", ["weight"], ["y"])], [], [output], [stored])
    (layer,) = load(path).layers
    tensor = layer.input(0)
    assert (tensor.dtype, tensor.shape, tensor.nbytes) == (dtype, (3, 1000), stored_bytes)


def test_sparse_initializers_have_their_dense_shape(load: Load, tmp_path: Path) -> None:
    sparse = onnx().SparseTensorProto(
        values=weight("weight", (3,)), indices=constant("", [1, 5, 7]), dims=(4, 5)
    )
    proto = graph([node("MatMul", ["x", "weight"], ["y"])], [value("x", (2, 4))], ["y"])
    proto.sparse_initializer.append(sparse)
    path = tmp_path / "sparse.onnx"
    path.write_bytes(model(proto).SerializeToString())
    loaded = load(path)
    stored = loaded.layers[0].input(1)
    assert (stored.role, stored.shape, stored.dtype) == (Role.STORED, (4, 5), DType.FLOAT32)
    assert loaded.outputs[0].shape == (2, 5)


@pytest.mark.parametrize(
    ("attributes", "shape", "dtype"),
    [
        pytest.param({"value_float": 1.5}, (), DType.FLOAT32, id="float"),
        pytest.param({"value_floats": [1.5, 2.5]}, (2,), DType.FLOAT32, id="floats"),
        pytest.param({"value_int": 3}, (), DType.INT64, id="int"),
        pytest.param({"value_ints": list(range(5000))}, (5000,), DType.INT64, id="many ints"),
        pytest.param({"value_string": "a"}, (), DType.STRING, id="string"),
        pytest.param({"value_strings": ["a", "b"]}, (2,), DType.STRING, id="strings"),
    ],
)
def test_constants_of_every_form(
    load: Load, tmp_path: Path, attributes: dict[str, Any], shape: tuple[int, ...], dtype: DType
) -> None:
    nodes = [node("Constant", [], ["c"], **attributes), node("Identity", ["c"], ["y"])]
    (layer,) = load(save(tmp_path / "m.onnx", nodes, [], ["y"])).layers
    stored = layer.input(0)
    assert (stored.role, stored.shape, stored.dtype) == (Role.STORED, shape, dtype)


def test_a_stored_tensor_that_is_an_output_stays_stored(load: Load, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [], [], ["weight"], [weight("weight", (7,))])
    loaded = load(path)
    assert [(tensor.role, tensor.shape) for tensor in loaded.outputs] == [(Role.STORED, (7,))]


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        pytest.param(
            {"dims": (2,), "data_type": 7, "raw_data": bytes(15)}, "15 bytes .* of 16", id="raw"
        ),
        pytest.param(
            {"dims": (2,), "data_type": 1, "float_data": [1.0]}, "1 numbers .* of 2", id="typed"
        ),
        pytest.param(
            {"dims": (2,), "data_type": 7, "raw_data": bytes(8), "int64_data": [1, 2]},
            "8 bytes .* of 16",
            id="raw, and typed as well",
        ),
        pytest.param({"dims": (-2,), "data_type": 1}, r"shape \(-2,\)", id="negative size"),
        pytest.param({"dims": (2,)}, "element type 0", id="no element type"),
    ],
)
def test_stored_tensors_that_contradict_themselves(
    load: Load, tmp_path: Path, tensor: dict[str, Any], message: str
) -> None:
    stored = onnx().TensorProto(name="bad", **tensor)
    nodes = [node("Add", ["x", "bad"], ["y"])]
    with pytest.raises(BrokenArtifact, match=f"'bad' .*{message}"):
        load(save(tmp_path / "m.onnx", nodes, [value("x", (2,))], ["y"], [stored]))


@pytest.mark.parametrize("place", ["initializer", "Constant"])
def test_a_sparse_tensor_with_a_negative_size(load: Load, tmp_path: Path, place: str) -> None:
    sparse = onnx().SparseTensorProto(dims=[-2, 3], values={"name": "bad", "data_type": 1})
    path = tmp_path / "m.onnx"
    nodes = [node("Add", ["x", "bad"], ["y"])]
    if place == "Constant":
        nodes = [node("Constant", [], ["bad"], sparse_value=sparse), *nodes]
    model = onnx().load(save(path, nodes, [value("x", (2, 3))], ["y"]))
    if place == "initializer":
        model.graph.sparse_initializer.append(sparse)
    path.write_bytes(model.SerializeToString())
    with pytest.raises(BrokenArtifact, match=r"'bad' has shape \(-2, 3\)"):
        load(path)


def test_a_constant_without_a_value(load: Load, tmp_path: Path) -> None:
    nodes = [node("Constant", [], ["c"]), node("Add", ["x", "c"], ["y"])]
    with pytest.raises(BrokenArtifact, match="Constant 'c' has no value"):
        load(save(tmp_path / "m.onnx", nodes, [value("x", (2,))], ["y"]))
