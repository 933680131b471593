"""Stored tensors: constants and variables. Their values are not read, unless shapes need them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.canonical import structure_json
from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph, Role

Load = Callable[..., Graph]


def stored(graph: Graph) -> dict[str, tuple[Any, DType | None]]:
    return {t.name: (t.shape, t.dtype) for t in graph.tensors() if t.role is Role.STORED}


def reshaped(path: Path, target: Any) -> Path:
    """Write a graph that reshapes 24 numbers by a NodeDef called `target`."""
    tf = models.tensorflow()
    return models.write_nodes(
        path,
        models.placeholder("x", [24]),
        target,
        models.node("y", "Reshape", "x", "target", T=tf.float32, Tshape=tf.int32),
    )


def int_constant(elements: int, values: list[int]) -> Any:
    """A NodeDef of a vector of int32 whose values are written one by one."""
    tf = models.tensorflow()
    made = models.node("target", "Const", dtype=tf.int32)
    tensor = made.attr["value"].tensor
    tensor.dtype = tf.int32.as_datatype_enum
    tensor.tensor_shape.dim.add(size=elements)
    tensor.int_val.extend(values)
    return made


SMALL = [
    pytest.param([2, 3, 4], 3, (2, 3, 4), id="every value"),
    pytest.param([24, 1], 3, (24, 1, 1), id="the last value fills what is left"),
    pytest.param([], 0, None, id="no elements"),
]


@pytest.mark.parametrize(("values", "elements", "shape"), SMALL)
def test_shapes_follow_small_constants(
    tmp_path: Path, load: Load, values: list[int], elements: int, shape: tuple[int, ...] | None
) -> None:
    path = reshaped(tmp_path / "model.pb", int_constant(elements, values))
    if shape is None:
        with pytest.raises(BrokenArtifact, match="TensorFlow refuses the graph"):
            load(path)
    else:
        assert load(path).outputs[0].shape == shape


def test_no_values_at_all_are_zeros(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [24]),
        int_constant(1, []),
        models.node("y", "Sum", "x", "target", T=tf.float32, Tidx=tf.int32, keep_dims=False),
    )
    layer = load(path).layers[0]
    assert layer.attributes["axes"] == (0,)
    assert layer.output.shape == ()


def test_a_value_that_was_left_out_is_not_made_up(tmp_path: Path, load: Load) -> None:
    """1,000 negative numbers take ten bytes each: more than what is read of a constant."""
    indices = models.node(
        "y", "GatherV2", "x", "target", "axis",
        Tparams=models.tensorflow().float32, Tindices=models.tensorflow().int32,
        Taxis=models.tensorflow().int32,
    )  # fmt: skip
    axis = int_constant(1, [0])
    axis.name = "axis"
    axis.attr["value"].tensor.tensor_shape.ClearField("dim")
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [24]),
        int_constant(1000, [-1] * 1000),
        axis,
        indices,
    )
    assert load(path).outputs[0].shape == (1000,)


def test_weights_are_known_by_shape_and_dtype(tmp_path: Path, load: Load) -> None:
    import numpy as np

    tf = models.tensorflow()
    weights: dict[str, Any] = {
        "large": np.ones((64, 64), np.float32),
        "half": np.ones((64, 64), np.float16),
        "small": np.ones((4, 64), np.float64),
    }
    path = models.write_nodes(
        tmp_path / "model.pb",
        *(models.constant(name, value) for name, value in weights.items()),
        *(
            models.node(f"y_{name}", "Relu", name, T=tf.as_dtype(value.dtype))
            for name, value in weights.items()
        ),
    )
    assert stored(load(path)) == {
        "large": ((64, 64), DType.FLOAT32),
        "half": ((64, 64), DType.FLOAT16),
        "small": ((4, 64), DType.FLOAT64),
    }


def test_the_values_of_weights_do_not_matter(tmp_path: Path, load: Load) -> None:
    model = models.sequential((16, 16, 3), models.convolution(64), models.convolution(64))
    path = models.freeze(model, tmp_path / "model.pb", (1, 16, 16, 3))
    before = structure_json(load(path))
    kernel = model.layers[1].weights[0].numpy().tobytes()
    content = path.read_bytes()
    assert content.count(kernel) == 1
    path.write_bytes(content.replace(kernel, b"\xff" * len(kernel)))
    assert structure_json(load(path)) == before


BROKEN = [
    pytest.param(None, "constant 'target' has no value", id="no value"),
    pytest.param(-4, "constant 'target' has no definite shape", id="a negative size"),
]


def test_a_constant_of_two_dtypes_is_refused(tmp_path: Path, load: Load) -> None:
    """TensorFlow itself aborts on it."""
    made = int_constant(1, [24])
    made.attr["value"].tensor.dtype = 1
    with pytest.raises(BrokenArtifact, match="constant 'target' has two dtypes, 3 and 1"):
        load(reshaped(tmp_path / "model.pb", made))


@pytest.mark.parametrize(("size", "message"), BROKEN)
def test_a_broken_constant_is_refused(
    tmp_path: Path, load: Load, size: int | None, message: str
) -> None:
    made = int_constant(size or 1, [1])
    if size is None:
        del made.attr["value"]
    with pytest.raises(BrokenArtifact, match=message):
        load(reshaped(tmp_path / "model.pb", made))


def test_an_identity_of_a_constant_stays(tmp_path: Path, load: Load) -> None:
    """Freezing turns the reads of variables into identities."""
    model = models.sequential((4,), models.dense(3, use_bias=False))
    graph = load(models.freeze(model, tmp_path / "model.pb", (1, 4)))
    product = next(layer for layer in graph.layers if layer.op == "MatMul")
    read = next(layer for layer in graph.layers if layer.output == product.input(1))
    assert (read.op, read.input(0).role) == ("Identity", Role.STORED)


@pytest.mark.parametrize("use_resource", ["reference", "resource"])
def test_variables_are_stored(tmp_path: Path, load: Load, use_resource: str) -> None:
    def build(v1: Any) -> None:
        x = v1.placeholder("float32", [1, 4], name="x")
        weights = v1.get_variable("w", [4, 8], use_resource=use_resource == "resource")
        bias = v1.get_variable("b", [8], use_resource=use_resource == "resource")
        v1.nn.bias_add(v1.matmul(x, weights), bias, name="y")
        v1.matmul(x, weights, name="again")

    graph = load(models.write_graph(build, tmp_path / "model.pb"), outputs=["y", "again"])
    assert stored(graph) == {"w": ((4, 8), DType.FLOAT32), "b": ((8,), DType.FLOAT32)}
    products = [layer for layer in graph.layers if layer.op == "MatMul"]
    assert len(products) == 2
    assert [tensor.shape for tensor in graph.outputs] == [(1, 8), (1, 8)]


def test_an_embedding_in_a_resource_is_gathered_from(tmp_path: Path, load: Load) -> None:
    def build(v1: Any) -> None:
        ids = v1.placeholder("int32", [1, 7], name="ids")
        table = v1.get_variable("table", [100, 16], use_resource=True)
        v1.identity(v1.nn.embedding_lookup(table, ids), name="y")

    graph = load(models.write_graph(build, tmp_path / "model.pb"), outputs=["y"])
    gather = next(layer for layer in graph.layers if layer.op == "Gather")
    assert (gather.input(0).name, gather.input(0).shape) == ("table", (100, 16))
    assert gather.output.shape == (1, 7, 16)
