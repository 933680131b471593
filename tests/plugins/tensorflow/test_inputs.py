"""Placeholders and what they are bound to."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.errors import BindingError, UnboundDimension
from costdb.ir import Graph

Load = Callable[..., Graph]


def relu_of(path: Path, *given: Any, producer: int | None = None) -> Path:
    """Write a graph that rectifies node `x`, the last of the given ones."""
    relu = models.node("y", "Relu", given[-1].name, T=models.tensorflow().float32)
    return models.write_nodes(path, *given, relu, producer=producer)


@pytest.mark.parametrize("name", ["x", "x:0"])
def test_an_input_is_bound_by_its_node_or_its_tensor(tmp_path: Path, load: Load, name: str) -> None:
    path = relu_of(tmp_path / "model.pb", models.placeholder("x", [None, 5]))
    graph = load(path, inputs=[f"{name}=7x5"])
    assert graph.inputs[0].shape == graph.outputs[0].shape == (7, 5)
    assert graph.notes == ()


def test_an_open_batch_is_one_and_said_so(tmp_path: Path, load: Load) -> None:
    graph = load(relu_of(tmp_path / "model.pb", models.placeholder("x", [None, 5])))
    assert graph.outputs[0].shape == (1, 5)
    assert graph.notes == ("input 'x': the open dimension of axis 0 is taken as 1",)


REFUSED = [
    pytest.param([1, None], {}, UnboundDimension, "axis 1 of input 'x' is open", id="open size"),
    pytest.param(None, {}, UnboundDimension, "input 'x' has no shape in the file", id="no rank"),
    pytest.param(
        [None, 5],
        {"inputs": ["x=1x6"]},
        BindingError,
        "input 'x' is .x5 in the file, not 1x6",
        id="another size",
    ),
    pytest.param(
        [2],
        {"inputs": ["z=2"]},
        BindingError,
        "the model has no input 'z'",
        id="no such input",
    ),
    pytest.param(
        [2],
        {"inputs": ["x=2", "x:0=2"]},
        BindingError,
        "input 'x' is bound twice, as 'x:0' too",
        id="bound twice",
    ),
    pytest.param(
        [2],
        {"inputs": ["x=2:float16"]},
        BindingError,
        "input 'x' is float32 in the file, not float16",
        id="another dtype",
    ),
]


@pytest.mark.parametrize(("shape", "binding", "error", "message"), REFUSED)
def test_a_binding_that_does_not_fit_is_refused(  # noqa: PLR0917 - the columns of the table
    tmp_path: Path,
    load: Load,
    shape: list[int | None] | None,
    binding: dict[str, Any],
    error: type[BindingError],
    message: str,
) -> None:
    path = relu_of(tmp_path / "model.pb", models.placeholder("x", shape))
    with pytest.raises(error, match=message):
        load(path, **binding)


def test_an_unknown_rank_can_be_bound(tmp_path: Path, load: Load) -> None:
    path = relu_of(tmp_path / "model.pb", models.placeholder("x", None))
    assert load(path, inputs=["x=2x3x4"]).outputs[0].shape == (2, 3, 4)


def test_an_exporters_recorded_shape_is_heeded(tmp_path: Path, load: Load) -> None:
    given = models.placeholder("x", None)
    given.attr["_output_shapes"].list.shape.add().dim.add(size=9)
    assert load(relu_of(tmp_path / "model.pb", given)).outputs[0].shape == (9,)


def test_in_old_graphs_no_shape_looks_like_a_scalar(tmp_path: Path, load: Load) -> None:
    path = relu_of(tmp_path / "model.pb", models.placeholder("x", []), producer=21)
    with pytest.raises(UnboundDimension, match="input 'x' has no shape in the file"):
        load(path)
    path = relu_of(tmp_path / "model.pb", models.placeholder("x", []), producer=22)
    assert load(path).outputs[0].shape == ()


def test_shapes_depend_on_a_value_that_is_given(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.freeze(lambda n: tf.zeros([2, n]), tmp_path / "model.pb", (), "int32")
    open_size, bound = load(path), load(path, inputs=["x:=16000"])
    assert open_size.outputs[0].shape == (2, None)
    assert bound.outputs[0].shape == (2, 16_000)
    assert [(tensor.name, tensor.shape) for tensor in bound.inputs] == [("x", ())]


VALUES = [
    pytest.param("int32", "x:=1.5", "input 'x' is int32 and cannot be 1.5", id="a fraction"),
    pytest.param("int32", "x:=99999999999", "input 'x' is int32 and cannot be 9", id="too large"),
    pytest.param("string", "x:=1", "input 'x' is string and takes no number", id="text"),
]


@pytest.mark.parametrize(("dtype", "binding", "message"), VALUES)
def test_a_value_that_does_not_fit_is_refused(
    tmp_path: Path, load: Load, dtype: str, binding: str, message: str
) -> None:
    tf = models.tensorflow()
    path = models.freeze(tf.identity, tmp_path / "model.pb", (), dtype)
    with pytest.raises(BindingError, match=message):
        load(path, inputs=[binding])


def test_a_default_is_not_read(tmp_path: Path, load: Load) -> None:
    import numpy as np

    tf = models.tensorflow()
    default = models.constant("default", np.ones((3, 4), np.float32))
    shape = tf.TensorShape(None)
    given = models.node("x", "PlaceholderWithDefault", "default", dtype=tf.float32, shape=shape)
    graph = load(relu_of(tmp_path / "model.pb", default, given))
    assert [(tensor.name, tensor.shape) for tensor in graph.tensors()] == [
        ("x", (3, 4)),
        ("y", (3, 4)),
    ]


def test_only_what_the_outputs_need_has_to_be_fed(tmp_path: Path, load: Load) -> None:
    labels, given = models.placeholder("labels", None), models.placeholder("x", [2])
    path = relu_of(tmp_path / "model.pb", labels, given)
    assert [tensor.name for tensor in load(path).inputs] == ["x"]
    assert [tensor.name for tensor in load(path, inputs=["labels=3"]).inputs] == ["x"]


def test_inputs_stand_in_the_files_order(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("b", [2]),
        models.placeholder("a", [2]),
        models.node("sum", "AddV2", "a", "b", T=tf.float32),
    )
    assert [tensor.name for tensor in load(path).inputs] == ["b", "a"]
