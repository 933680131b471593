"""Inputs: what is fed, and how open sizes are bound."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, graph, model, node, onnx, save, save_conv, value, weight

from costdb.errors import BindingError, UnboundDimension
from costdb.ir import DType, Graph, Role

Load = Callable[..., Graph]


@pytest.fixture
def free(tmp_path: Path) -> Path:
    return save(
        tmp_path / "free.onnx",
        [node("Add", ["x", "z"], ["y"])],
        [value("x", ("batch", "length", 8)), value("z", ("batch", "length", 8))],
        ["y"],
    )


def test_a_free_dimension_is_named(load: Load, free: Path) -> None:
    with pytest.raises(UnboundDimension, match="input 'x' has a free dimension 'length'") as caught:
        load(free)
    assert caught.value.hint == "add --dim length=128"


def test_a_dimension_is_bound_everywhere(load: Load, free: Path) -> None:
    graph = load(free, dims=["length=5"])
    assert [tensor.shape for tensor in (*graph.inputs, *graph.outputs)] == [(1, 5, 8)] * 3
    assert graph.notes == tuple(
        f"input {name!r}: the open dimension 'batch' of axis 0 is taken as 1" for name in "xz"
    )


def test_a_shape_of_one_input_binds_the_other(load: Load, free: Path) -> None:
    graph = load(free, inputs=["x=4x6x8"])
    assert graph.inputs[1].shape == (4, 6, 8)
    assert graph.notes == ()


@pytest.mark.parametrize(
    ("binding", "message"),
    [
        pytest.param({"inputs": ["w=1x2"]}, "no input 'w'", id="no such input"),
        pytest.param({"dims": ["size=2"]}, "no free dimension 'size'", id="no such dimension"),
        pytest.param({"inputs": ["x=4x6x9"]}, "x8 in the file, not 4x6x9", id="a fixed size"),
        pytest.param({"inputs": ["x=4x6"]}, "has 3 axes", id="rank"),
        pytest.param(
            {"dims": ["length=5"], "trips": ["loop=3"]}, "no loop 'loop'", id="no such loop"
        ),
    ],
)
def test_a_binding_that_fits_nothing(
    load: Load, free: Path, binding: dict[str, Any], message: str
) -> None:
    with pytest.raises(BindingError, match=message):
        load(free, **binding)


def test_an_input_without_a_shape(load: Load, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], [value("x", None)], ["y"])
    with pytest.raises(UnboundDimension, match="'x' has no shape"):
        load(path)
    assert load(path, inputs=["x=2x3"]).outputs[0].shape == (2, 3)


@pytest.mark.parametrize("spelling", ["?", "-", ""])
def test_a_question_mark_names_no_dimension(load: Load, tmp_path: Path, spelling: str) -> None:
    shape = (spelling or None, 3, spelling or None, spelling or None)
    path = save_conv(tmp_path / "m.onnx", shape, (4, 3, 3, 3))
    with pytest.raises(UnboundDimension, match="axis 2 of input 'x' is open"):
        load(path)
    assert load(path, inputs=["x=1x3x8x10"]).outputs[0].shape == (1, 4, 6, 8)


def test_a_negative_size_is_open(load: Load, tmp_path: Path) -> None:
    path = save_conv(tmp_path / "m.onnx", (-1, 3, 8, 8), (4, 3, 3, 3))
    assert load(path).outputs[0].shape == (1, 4, 6, 6)


def test_initializers_that_are_listed_as_inputs_are_not_fed(load: Load, tmp_path: Path) -> None:
    path = save(
        tmp_path / "old.onnx",
        [node("Conv", ["x", "weight"], ["y"])],
        [value("x", (1, 3, 8, 8)), value("weight", (4, 3, 3, 3))],
        ["y"],
        [weight("weight", (4, 3, 3, 3))],
        opset=8,
    )
    loaded = load(path)
    assert [tensor.name for tensor in loaded.inputs] == ["x"]
    (conv,) = loaded.layers
    assert conv.input(1).role is Role.STORED
    with pytest.raises(BindingError, match="no input 'weight'"):
        load(path, inputs=["weight=4x3x3x3"])


def test_an_input_that_no_layer_reads_is_kept(load: Load, tmp_path: Path) -> None:
    inputs = [value("x", (1, 2)), value("unused", (1, 7), "INT64")]
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], inputs, ["y"])
    assert [tensor.name for tensor in load(path).inputs] == ["x", "unused"]


def test_a_dtype_that_the_file_leaves_open_is_bound(load: Load, tmp_path: Path) -> None:
    inputs = [value("x", ("n", 2), "UNDEFINED")]
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], inputs, ["y"])
    loaded = load(path, inputs=["x=3x2:float16"])
    assert [tensor.dtype for tensor in (*loaded.inputs, *loaded.outputs)] == [DType.FLOAT16] * 2


def test_a_dtype_that_the_file_gives_stays(load: Load, free: Path) -> None:
    with pytest.raises(BindingError, match="'x' is float32 in the file, not float16"):
        load(free, inputs=["x=1x2x8:float16"])


@pytest.fixture
def reshaped(tmp_path: Path) -> Path:
    """The number of rows is an input's value."""
    return save(
        tmp_path / "rows.onnx",
        [
            node("Unsqueeze", ["rows", "axes"], ["rows_1d"]),
            node("Concat", ["rows_1d", "rest"], ["sizes"], axis=0),
            node("Reshape", ["x", "sizes"], ["y"]),
        ],
        [value("x", (12, 5)), value("rows", (), "INT64")],
        ["y"],
        [constant("axes", [0]), constant("rest", [-1])],
    )


def test_shapes_follow_from_a_value_that_is_given(load: Load, reshaped: Path) -> None:
    assert load(reshaped, inputs=["rows:=4"]).outputs[0].shape == (4, 15)


def test_shapes_without_it_are_unknown(load: Load, reshaped: Path) -> None:
    assert load(reshaped).outputs[0].shape == (None, None)


@pytest.mark.parametrize("said", ["1.5", "99999999999999999999"])
def test_a_value_that_its_type_cannot_hold(load: Load, reshaped: Path, said: str) -> None:
    with pytest.raises(BindingError, match=r"input 'rows' is of int64, which .* is not"):
        load(reshaped, inputs=[f"rows:={said}"])


def test_sequences_and_optionals_are_handles(load: Load, tmp_path: Path) -> None:
    helper = onnx().helper
    tensor = helper.make_tensor_type_proto(1, ("n", 4))
    inputs = [
        helper.make_value_info("sequence", helper.make_sequence_type_proto(tensor)),
        helper.make_value_info("optional", helper.make_optional_type_proto(tensor)),
    ]
    nodes = [
        node("SequenceLength", ["sequence"], ["length"]),
        node("OptionalHasElement", ["optional"], ["given"]),
    ]
    proto = graph(nodes, inputs, [value("length", None, "INT64"), value("given", None, "BOOL")])
    path = tmp_path / "handles.onnx"
    path.write_bytes(model(proto).SerializeToString())
    loaded = load(path)
    assert [(tensor.dtype, tensor.shape) for tensor in loaded.inputs] == [(DType.HANDLE, ())] * 2
    assert [tensor.shape for tensor in loaded.outputs] == [(), ()]
