"""Files that are made to do harm, in every format; each function writes one and returns its path.

They are written byte by byte: no framework would.
"""

import io
import json
import os
import pickle
import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from builders.wire import field, message, nested

HUGE = 1 << 62

OnnxNode = tuple[str, Sequence[str], Sequence[str]]


def onnx_model(
    path: Path,
    nodes: Iterable[OnnxNode],
    *,
    sizes: Sequence[int] = (1, 4),
    stored: bytes = b"",
    functions: Iterable[bytes] = (),
) -> Path:
    """A model from `x` to `y`, its functions in the domain `own`."""
    x, y = (message((1, name), (2, _tensor_type(sizes))) for name in "xy")
    content = message(*((1, onnx_node(*node)) for node in nodes), (2, "graph"), (11, x), (12, y))
    opsets = (message((1, domain), (2, version)) for domain, version in (("", 17), ("own", 1)))
    imports = b"".join(field(8, opset) for opset in opsets)
    library = b"".join(field(25, function) for function in functions)
    path.write_bytes(field(1, 8) + field(7, content + stored) + imports + library)
    return path


def onnx_node(
    op: str, inputs: Iterable[str], outputs: Iterable[str], attribute: bytes = b""
) -> bytes:
    """A NodeProto; operators of functions are called `own.NAME`."""
    domain, _, name = op.rpartition(".")
    ends = [*((1, each) for each in inputs), *((2, each) for each in outputs)]
    return message(*ends, (3, name), (4, name), (7, domain)) + attribute


def onnx_function(name: str, *nodes: OnnxNode) -> bytes:
    """A FunctionProto from `a` to `b`."""
    opset = message((1, ""), (2, 17)), message((1, "own"), (2, 1))
    body = [(7, onnx_node(*node)) for node in nodes]
    imports = [(9, each) for each in opset]
    return message((1, name), (4, "a"), (5, "b"), *body, *imports, (10, "own"))


def _tensor_type(sizes: Iterable[int]) -> bytes:
    shape = message(*((1, field(1, size)) for size in sizes))
    return field(1, message((1, 1), (2, shape)))


def _external_weight(location: str) -> bytes:
    entry = message((1, "location"), (2, location))
    tensor = message((1, 4), (1, 4), (2, 1), (8, "w"), (13, entry), (14, 1))
    return field(5, tensor)


def onnx_nested(folder: Path) -> Path:
    # A graph (7) of a node (1) with an attribute (5) with a graph (6), and so on.
    path = folder / "nested.onnx"
    deep = nested((1, 5, 6), 5000, onnx_node("Relu", ["x"], ["y"]))
    path.write_bytes(field(1, 8) + field(7, deep))
    return path


def onnx_exponential(folder: Path) -> Path:
    chain = [
        onnx_function(f"f{i}", (f"own.f{i + 1}", ["a"], ["c"]), (f"own.f{i + 1}", ["c"], ["b"]))
        for i in range(40)
    ]
    last = onnx_function("f40", ("Relu", ["a"], ["b"]))
    return onnx_model(
        folder / "exponential.onnx", [("own.f0", ["x"], ["y"])], functions=[*chain, last]
    )


def onnx_recursive(folder: Path) -> Path:
    function = onnx_function("f", ("own.f", ["a"], ["b"]))
    return onnx_model(folder / "recursive.onnx", [("own.f", ["x"], ["y"])], functions=[function])


def onnx_cyclic(folder: Path) -> Path:
    nodes = [("Add", ["x", "b"], ["a"]), ("Relu", ["a"], ["b"]), ("Relu", ["b"], ["y"])]
    return onnx_model(folder / "cyclic.onnx", nodes)


def onnx_huge(folder: Path) -> Path:
    return onnx_model(folder / "huge.onnx", [("Relu", ["x"], ["y"])], sizes=(HUGE, HUGE))


def onnx_negative(folder: Path) -> Path:
    return onnx_model(folder / "negative.onnx", [("Relu", ["x"], ["y"])], sizes=(2, -5))


def onnx_huge_weight(folder: Path) -> Path:
    nodes = [("MatMul", ["x", "w"], ["y"])]
    return onnx_model(folder / "weight.onnx", nodes, stored=_weight(4, HUGE))


def onnx_negative_weight(folder: Path) -> Path:
    nodes = [("MatMul", ["x", "w"], ["y"])]
    return onnx_model(folder / "weight.onnx", nodes, stored=_weight(4, -5))


def _weight(*sizes: int) -> bytes:
    return field(5, message(*((1, size) for size in sizes), (2, 1), (8, "w"), (9, bytes(64))))


def onnx_outside(folder: Path) -> Path:
    nodes = [("MatMul", ["x", "w"], ["y"])]
    return onnx_model(folder / "outside.onnx", nodes, stored=_external_weight("../secret.bin"))


def onnx_absolute(folder: Path) -> Path:
    nodes = [("MatMul", ["x", "w"], ["y"])]
    return onnx_model(folder / "absolute.onnx", nodes, stored=_external_weight("/etc/passwd"))


def onnx_link(folder: Path) -> Path:
    inside = folder / "model"
    inside.mkdir()
    (folder / "secret.bin").write_bytes(bytes(64))
    (inside / "w.bin").symlink_to(folder / "secret.bin")
    nodes = [("MatMul", ["x", "w"], ["y"])]
    return onnx_model(inside / "link.onnx", nodes, stored=_external_weight("w.bin"))


_FLOAT = (6, 1)  # AttrValue.type, DT_FLOAT


def tensorflow_node(name: str, op: str, *inputs: str, **attributes: bytes) -> bytes:
    """A field of GraphDef or of a function's body; attributes are encoded AttrValues."""
    attrs = [(5, message((1, key), (2, value))) for key, value in attributes.items()]
    return message((1, name), (2, op), *((3, each) for each in inputs), *attrs)


def _shape(sizes: Iterable[int]) -> bytes:
    return message(*((2, field(1, size)) for size in sizes))


def _placeholder(sizes: Iterable[int] = (1, 4)) -> bytes:
    return tensorflow_node("x", "Placeholder", dtype=message(_FLOAT), shape=field(7, _shape(sizes)))


def _relu(name: str, *inputs: str) -> bytes:
    return tensorflow_node(name, "Relu", *inputs, T=message(_FLOAT))


def _call(name: str, function: str, argument: str) -> bytes:
    types = field(1, message((6, 1)))  # AttrValue.list of one type
    return tensorflow_node(
        name,
        "PartitionedCall",
        argument,
        Tin=types,
        Tout=types,
        f=field(10, message((1, function))),
    )


def _function(name: str, *nodes: bytes, returns: str) -> bytes:
    signature = message((1, name), (2, message((1, "a"), (3, 1))), (3, message((1, "b"), (3, 1))))
    body = [(3, node) for node in nodes]
    return message((1, signature), *body, (4, message((1, "b"), (2, returns))))


def _graph_def(path: Path, *nodes: bytes, functions: Iterable[bytes] = ()) -> Path:
    library = message(*((1, function) for function in functions))
    versions = field(1, 2000)
    path.write_bytes(message(*((1, node) for node in nodes), (2, library), (4, versions)))
    return path


def tensorflow_nested(folder: Path) -> Path:
    # An attribute's value (5, 2) is a function (10) with an attribute (2) whose value (2) is one.
    deep = nested((10, 2, 2), 5000)
    odd = message((1, "y"), (2, "Relu"), (3, "x"), (5, message((1, "T"), (2, deep))))
    return _graph_def(folder / "nested.pb", _placeholder(), odd)


def tensorflow_exponential(folder: Path) -> Path:
    chain = [
        _function(
            f"f{i}",
            _call("c", f"f{i + 1}", "a"),
            _call("d", f"f{i + 1}", "c:output:0"),
            returns="d:output:0",
        )
        for i in range(40)
    ]
    last = _function("f40", _relu("r", "a"), returns="r:activations:0")
    nodes = _placeholder(), _call("y", "f0", "x")
    return _graph_def(folder / "exponential.pb", *nodes, functions=[*chain, last])


def tensorflow_recursive(folder: Path) -> Path:
    function = _function("f", _call("c", "f", "a"), returns="c:output:0")
    nodes = _placeholder(), _call("y", "f", "x")
    return _graph_def(folder / "recursive.pb", *nodes, functions=[function])


def tensorflow_cyclic(folder: Path) -> Path:
    add = tensorflow_node("a", "AddV2", "x", "b", T=message(_FLOAT))
    return _graph_def(folder / "cyclic.pb", _placeholder(), add, _relu("b", "a"), _relu("y", "b"))


def tensorflow_huge(folder: Path) -> Path:
    return _graph_def(folder / "huge.pb", _placeholder((HUGE, HUGE)), _relu("y", "x"))


def tensorflow_negative(folder: Path) -> Path:
    return _graph_def(folder / "negative.pb", _placeholder((2, -5)), _relu("y", "x"))


def _constant(*sizes: int) -> bytes:
    tensor = message((1, 1), (2, _shape(sizes)), (4, bytes(64)))
    return tensorflow_node("w", "Const", dtype=message(_FLOAT), value=field(8, tensor))


def _product(name: str, left: str, right: str) -> bytes:
    return tensorflow_node(name, "MatMul", left, right, T=message(_FLOAT))


def tensorflow_product(folder: Path) -> Path:
    """A graph that is well."""
    nodes = _placeholder(), _constant(4, 4), _product("y", "x", "w")
    return _graph_def(folder / "product.pb", *nodes)


def tensorflow_huge_weight(folder: Path) -> Path:
    nodes = _placeholder(), _constant(4, HUGE), _product("y", "x", "w")
    return _graph_def(folder / "weight.pb", *nodes)


def tensorflow_negative_weight(folder: Path) -> Path:
    nodes = _placeholder(), _constant(4, -5), _product("y", "x", "w")
    return _graph_def(folder / "weight.pb", *nodes)


def _program(folder: Path, name: str, change: Callable[[dict[str, Any]], None]) -> Path:
    """An exported program of one ReLU, with a change to its JSON."""
    program = relu_program()
    change(program)
    return archive(folder / name, {"archive/models/model.json": json.dumps(program).encode()})


def relu_program(sizes: Sequence[int] = (1, 4)) -> dict[str, Any]:
    """The JSON of an exported program of one ReLU."""

    def tensor() -> dict[str, Any]:
        each = [{"as_int": size} for size in sizes]
        return {"dtype": 7, "sizes": each, "strides": each, "storage_offset": {"as_int": 0}}

    def reference(name: str) -> dict[str, Any]:
        return {"as_tensor": {"name": name}}

    node = {
        "target": "torch.ops.aten.relu.default",
        "inputs": [{"name": "self", "arg": reference("x"), "kind": 1}],
        "outputs": [reference("y")],
        "metadata": {},
    }
    graph = {
        "inputs": [reference("x")],
        "outputs": [reference("y")],
        "nodes": [node],
        "tensor_values": {"x": tensor(), "y": tensor()},
        "sym_int_values": {},
    }
    signature = {
        "input_specs": [{"user_input": {"arg": reference("x")}}],
        "output_specs": [{"user_output": {"arg": reference("y")}}],
    }
    return {"graph_module": {"graph": graph, "signature": signature}, "range_constraints": {}}


def archive(path: Path, members: dict[str, bytes], compression: int = zipfile.ZIP_STORED) -> Path:
    """A zip archive."""
    with zipfile.ZipFile(path, "w", compression) as file:
        for name, content in members.items():
            file.writestr(name, content)
    return path


def export_bomb(folder: Path) -> Path:
    text = b'{"a": "' + b" " * (64 << 20) + b'"}'
    return archive(folder / "bomb.pt2", {"archive/models/model.json": text}, zipfile.ZIP_DEFLATED)


def export_nested(folder: Path) -> Path:
    deep = b'{"graph_module": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    return archive(folder / "nested.pt2", {"archive/models/model.json": deep})


def export_cyclic(folder: Path) -> Path:
    def read_itself(program: dict[str, Any]) -> None:
        (node,) = program["graph_module"]["graph"]["nodes"]
        node["inputs"][0]["arg"]["as_tensor"]["name"] = "y"

    return _program(folder, "cyclic.pt2", read_itself)


def export_huge(folder: Path) -> Path:
    program = relu_program((HUGE, HUGE))
    text = json.dumps(program).encode()
    return archive(folder / "huge.pt2", {"archive/models/model.json": text})


def export_negative(folder: Path) -> Path:
    text = json.dumps(relu_program((2, -5))).encode()
    return archive(folder / "negative.pt2", {"archive/models/model.json": text})


class Runs:
    """Pickles to a call."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def touching_pickle(canary: Path) -> bytes:
    """A pickle that makes a file when it is loaded."""
    return pickle.dumps({"weight": Runs(os.system, f"touch '{canary}'")}, protocol=2)


def export_with_samples(folder: Path, canary: Path) -> Path:
    """A program that is well, with sample inputs that would run."""
    members = {
        "archive/models/model.json": json.dumps(relu_program()).encode(),
        "archive/data/sample_inputs/model.pt": _zipped(touching_pickle(canary)),
    }
    return archive(folder / "samples.pt2", members)


def checkpoint_that_runs(folder: Path, canary: Path) -> Path:
    return archive(folder / "runs.pth", {"archive/data.pkl": touching_pickle(canary)})


def bare_pickle_that_runs(folder: Path, canary: Path) -> Path:
    path = folder / "runs.bin"
    path.write_bytes(touching_pickle(canary))
    return path


def torchscript(folder: Path, canary: Path) -> Path:
    members = {
        "net/data.pkl": touching_pickle(canary),
        "net/constants.pkl": touching_pickle(canary),
        "net/code/__torch__.py": b"class Net(Module):\n  pass\n",
        "net/version": b"3\n",
    }
    return archive(folder / "script.pt", members)


def _zipped(data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as file:
        file.writestr("archive/data.pkl", data)
    return buffer.getvalue()


def checkpoint_bomb(folder: Path) -> Path:
    data = b"\x80\x02" + b"0" * (31 << 20) + b"."
    return archive(folder / "bomb.pth", {"archive/data.pkl": data}, zipfile.ZIP_DEFLATED)


def checkpoint_nested(folder: Path) -> Path:
    data = b"\x80\x02" + b"]" * 5000 + b"a" * 4999 + b"."
    return archive(folder / "nested.pth", {"archive/data.pkl": data})


def safetensors(path: Path, shape: object, *, length: int = 0) -> Path:
    """One tensor of a shape; the header's length is the true one if not given."""
    entry = {"dtype": "F32", "shape": shape, "data_offsets": [0, 16]}
    header = json.dumps({"weight": entry}).encode()
    path.write_bytes(struct.pack("<Q", length or len(header)) + header + bytes(16))
    return path


def safetensors_huge(folder: Path) -> Path:
    return safetensors(folder / "huge.safetensors", [HUGE, HUGE])


def safetensors_negative(folder: Path) -> Path:
    return safetensors(folder / "negative.safetensors", [2, -2])


def safetensors_nested(folder: Path) -> Path:
    header = b'{"weight": ' + b"[" * 5000 + b"]" * 5000 + b"}"
    path = folder / "nested.safetensors"
    path.write_bytes(struct.pack("<Q", len(header)) + header)
    return path


def safetensors_header(folder: Path) -> Path:
    return safetensors(folder / "header.safetensors", [4], length=90_000_000)
