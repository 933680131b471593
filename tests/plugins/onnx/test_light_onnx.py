"""`onnx` is loaded in parts, and is whole as soon as anyone looks."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from builders import onnx_models


def said(code: str, *arguments: Path) -> list[str]:
    """What a fresh Python prints."""
    command = [sys.executable, "-c", code, *map(os.fspath, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()


READ = """
import sys
from costdb.plugins import Binding, Source
from costdb_onnx import OnnxLoader
with Source(sys.argv[1]) as source:
    OnnxLoader().load(source, Binding())
"""


def test_a_model_is_read_without_numpy(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    onnx_models.save_conv_bn_relu(path, (1, 3, 8, 8), (4, 3, 3, 3))
    loaded = "print(*[name for name in ('numpy', 'onnx', 'onnx.helper') if name in sys.modules])"
    assert said(READ + loaded, path) == ["onnx"]


def test_shapes_that_are_computed_are_computed_as_ever(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    nodes = [
        onnx_models.node("Shape", ["x"], ["sizes"]),
        onnx_models.node("Mul", ["sizes", "two"], ["doubled"]),
        onnx_models.node("Expand", ["one", "doubled"], ["y"]),
    ]
    constants = [onnx_models.constant("two", [2, 2]), onnx_models.constant("one", [1.0], "float32")]
    onnx_models.save(path, nodes, [onnx_models.value("x", (2, 3))], ["y"], constants)
    code = (
        READ.replace("    OnnxLoader", "    graph = OnnxLoader") + "print(graph.outputs[0].shape)"
    )
    assert said(code, path) == ["(4,", "6)"]


WHOLE = """
import importlib, sys
import costdb_onnx.model
light = sys.modules["onnx"]
messages = importlib.import_module("onnx.onnx_pb")
assert "numpy" not in sys.modules
assert light.TensorProto is messages.TensorProto
assert "numpy" not in sys.modules
import onnx
assert onnx is light
assert not hasattr(onnx, "no_such_thing")
missing = [name for name in onnx.__all__ if not hasattr(onnx, name)]
assert type(onnx) is type(sys), type(onnx)
assert onnx.helper.make_node("Relu", ["x"], ["y"]).__class__ is messages.NodeProto
print("missing:", *missing)
"""


def test_all_of_onnx_is_there_for_who_asks() -> None:
    assert said(WHOLE) == ["missing:"]


@pytest.mark.parametrize(
    "first",
    ["import onnx", "from onnx import *", "from onnx import helper", "import onnx.numpy_helper"],
)
def test_it_does_not_matter_who_comes_first(first: str) -> None:
    after = "print(onnx.helper.make_node('Relu', ['x'], ['y']).op_type, type(onnx).__name__)"
    before = f"{first}\nimport costdb_onnx.model, onnx\n{after}"
    assert said(before) == ["Relu", "module"]
    assert said(f"import costdb_onnx.model\n{first}\nimport onnx\n{after}") == ["Relu", "module"]


def test_many_threads_find_one_whole_onnx() -> None:
    code = """
import costdb_onnx.model, onnx
from concurrent.futures import ThreadPoolExecutor
with ThreadPoolExecutor(8) as pool:
    loads = set(pool.map(lambda _: onnx.load, range(8)))
print(len(loads), onnx.load in loads)
"""
    assert said(code) == ["1", "True"]


def test_an_onnx_of_other_parts_is_loaded_whole() -> None:
    code = """
from costdb_onnx import light_onnx
light_onnx._PARTS = ("onnx_pb", "no_such_part")
import costdb_onnx.model, onnx
print(onnx.helper.make_node("Relu", ["x"], ["y"]).op_type, type(onnx).__name__)
"""
    assert said(code) == ["Relu", "module"]
