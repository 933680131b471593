"""Calls of functions, replaced by their bodies."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph

Load = Callable[..., Graph]


def write_function(build: Callable[[Any], Any], path: Path, shape: tuple[int, ...]) -> Any:
    """Write the graph of a tf.function as it stands, its calls in place; return the GraphDef."""
    tf = models.tensorflow()
    concrete = tf.function(build).get_concrete_function(tf.TensorSpec(shape, name="x"))
    graph_def = concrete.graph.as_graph_def()
    path.write_bytes(graph_def.SerializeToString())
    return graph_def


def test_keras_leaves_a_call_for_a_grouped_convolution(tmp_path: Path, load: Load) -> None:
    model = models.sequential((8, 8, 16), models.convolution(32, groups=4))
    path = models.freeze(model, tmp_path / "model.pb", (1, 8, 8, 16))
    assert b"PartitionedCall" in path.read_bytes()
    graph = load(path)
    convolution = next(layer for layer in graph.layers if layer.op == "Conv")
    assert convolution.attributes["group"] == 4
    assert "PartitionedCall/" in convolution.name
    assert convolution.scope == convolution.name.rpartition("/")[0]
    assert not any(layer.domain for layer in graph.layers)


def test_outputs_of_operators_with_several_are_found_by_name(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    @tf.function  # type: ignore[untyped-decorator] # TensorFlow is Any here
    def inner(x: Any) -> Any:
        first, second, third = tf.split(x, [1, 2, 3], axis=1)
        values, places = tf.math.top_k(third, 2)
        top, bottom = tf.unstack(second, axis=0)
        normed, mean, _ = tf.compat.v1.nn.fused_batch_norm(
            tf.reshape(x, (2, 1, 1, 6)), tf.ones(6), tf.ones(6), is_training=True
        )
        return {"a": places, "b": top, "c": first, "d": values, "e": mean, "f": bottom, "g": normed}

    path = tmp_path / "model.pb"
    write_function(lambda x: [v + v for v in inner(x).values()], path, (2, 6))
    graph = load(path)
    assert [tensor.shape for tensor in graph.outputs] == [
        (2, 2), (2,), (2, 1), (2, 2), (6,), (2,), (2, 1, 1, 6),
    ]  # fmt: skip
    dtypes = [tensor.dtype.value for tensor in graph.outputs if tensor.dtype]
    assert dtypes == ["int32", *["float32"] * 6]


def test_functions_nest(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    deepest = tf.function(tf.nn.relu)
    middle = tf.function(lambda x: tf.exp(deepest(x)))
    path = tmp_path / "model.pb"
    write_function(lambda x: tf.tanh(middle(x)), path, (3,))
    ops = [layer.op for layer in load(path).layers if layer.op != "Identity"]
    assert ops == ["Relu", "Exp", "Tanh"]


def test_a_constant_of_a_function_that_is_called_twice_is_stored_once(
    tmp_path: Path, load: Load
) -> None:
    import numpy as np

    tf = models.tensorflow()
    weights = tf.constant(np.arange(36, dtype=np.float32).reshape(6, 6))
    twice = tf.function(lambda x: tf.matmul(x, tf.constant(weights.numpy())))
    path = tmp_path / "model.pb"
    write_function(lambda x: twice(tf.nn.relu(twice(x))), path, (2, 6))
    products = [layer for layer in load(path).layers if layer.op == "MatMul"]
    assert len(products) == 2
    assert products[0].input(1) == products[1].input(1)
    assert products[0].name != products[1].name


def test_a_function_may_be_called_by_its_name(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    inner = tf.function(lambda x: tf.exp(tf.nn.relu(x)))
    path = tmp_path / "model.pb"
    graph_def = write_function(lambda x: tf.tanh(inner(x)), path, (3,))
    for entry in graph_def.node:
        if entry.op == "PartitionedCall":
            entry.op = entry.attr["f"].func.name
            entry.attr.clear()
    path.write_bytes(graph_def.SerializeToString())
    ops = [layer.op for layer in load(path).layers if layer.op != "Identity"]
    assert ops == ["Relu", "Exp", "Tanh"]


def generic(called: Any) -> Any:
    """Make a function's dtype and its constant depend on the attribute `T` of a call."""
    called.signature.attr.add(name="T", type="type").default_value.type = 1
    for argument in (*called.signature.input_arg, *called.signature.output_arg):
        argument.type, argument.type_attr = 0, "T"
    for entry in called.node_def:
        entry.attr["T"].placeholder = "T"
    return called


def test_a_function_may_be_generic(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    body = generic(function("f", models.node("a", "Relu", "x"), returns="a:activations"))
    graph_def = tf.compat.v1.GraphDef(
        node=[
            models.placeholder("x", [2]),
            models.placeholder("wide", [3], "float64"),
            models.node("by_default", "f", "x"),
            models.node("stated", "f", "wide", T=tf.float64),
        ]
    )
    graph_def.library.function.append(body)
    graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION
    path = tmp_path / "model.pb"
    path.write_bytes(graph_def.SerializeToString())
    assert [(t.name, t.shape, t.dtype) for t in load(path).outputs] == [
        ("by_default/a", (2,), DType.FLOAT32),
        ("stated/a", (3,), DType.FLOAT64),
    ]


def test_names_in_a_body_make_way_for_those_around(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = write_call(
        tmp_path / "model.pb",
        "f",
        function("f", models.node("a", "Exp", "x", T=tf.float32), returns="a:y"),
    )
    graph_def = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    graph_def.node.append(models.node("call/a", "Relu", "call", T=tf.float32))
    path.write_bytes(graph_def.SerializeToString())
    assert [(layer.name, layer.op) for layer in load(path).layers] == [
        ("call/a_1", "Exp"),
        ("call/a", "Relu"),
    ]


def test_an_output_may_be_what_a_call_returns(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    inner = tf.function(lambda x: (x, tf.exp(x)))
    path = tmp_path / "model.pb"
    graph_def = write_function(lambda x: inner(x)[1], path, (3,))
    call = next(entry.name for entry in graph_def.node if entry.op == "PartitionedCall")
    assert load(path, outputs=[f"{call}:1"]).layers[0].op == "Exp"
    assert load(path, outputs=[call]).outputs[0].shape == (3,)


def function(name: str, *nodes: Any, returns: str = "x") -> Any:
    """A FunctionDef of one float to one float."""
    from tensorflow.core.framework import function_pb2

    made = function_pb2.FunctionDef(node_def=nodes, ret={"y": returns})
    made.signature.name = name
    made.signature.input_arg.add(name="x", type=1)
    made.signature.output_arg.add(name="y", type=1)
    return made


def write_call(path: Path, called: str, *functions: Any) -> Path:
    tf = models.tensorflow()
    graph_def = tf.compat.v1.GraphDef(
        node=[models.placeholder("x", [2]), models.node("call", called, "x")]
    )
    graph_def.library.function.extend(functions)
    graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION
    path.write_bytes(graph_def.SerializeToString())
    return path


def doubling(depth: int) -> list[Any]:
    """Functions that each call the one before twice."""
    chain = [function("f0", returns="x")]
    for number in range(1, depth + 1):
        inner = f"f{number - 1}"
        nodes = (models.node("a", inner, "x"), models.node("b", inner, "a:y:0"))
        chain.append(function(f"f{number}", *nodes, returns="b:y:0"))
    return chain


def test_a_function_that_calls_itself_is_refused(tmp_path: Path, load: Load) -> None:
    endless = function("f", models.node("a", "f", "x"), returns="a:y:0")
    with pytest.raises(BrokenArtifact, match="'f' is called 64 functions deep"):
        load(write_call(tmp_path / "model.pb", "f", endless))


@pytest.mark.parametrize("order", ["shallow first", "deep first"])
def test_functions_that_nest_too_deep_are_refused(tmp_path: Path, load: Load, order: str) -> None:
    tf = models.tensorflow()
    chain = [
        function(f"f{n}", models.node("a", f"f{n - 1}", "x"), returns="a:y:0")
        for n in range(1, 200)
    ]
    calls = [models.node(f"call{n}", f"f{n}", "x") for n in range(1, 200)]
    graph_def = tf.compat.v1.GraphDef(node=[models.placeholder("x", [2])])
    graph_def.node.extend(reversed(calls) if order == "deep first" else calls)
    graph_def.library.function.extend([function("f0"), *chain])
    path = tmp_path / "model.pb"
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(BrokenArtifact, match="is called 64 functions deep"):
        load(path)


def test_functions_that_unfold_without_end_are_refused(tmp_path: Path, load: Load) -> None:
    with pytest.raises(BrokenArtifact, match="unfold to more than 2,000,000 nodes"):
        load(write_call(tmp_path / "model.pb", "f40", *doubling(40)))


BROKEN = [
    pytest.param(
        lambda: function("f", models.node("a", "Relu", "z"), returns="a:activations:0"),
        "reads 'z', which it does not have",
        id="a node reads what is not there",
    ),
    pytest.param(
        lambda: function("f", models.node("a", "Relu", "x"), returns="a:nothing:0"),
        "reads 'a:nothing', which it does not have",
        id="no such output argument",
    ),
    pytest.param(
        lambda: function("f", models.node("a", "Relu", "x"), returns="a:activations:1"),
        "reads 'a:activations:1', which it does not have",
        id="no such index",
    ),
    pytest.param(
        lambda: function("f", returns=""), "reads '', which it does not have", id="returns nothing"
    ),
]


@pytest.mark.parametrize(("build", "message"), BROKEN)
def test_a_broken_function_is_refused(
    tmp_path: Path, load: Load, build: Callable[[], Any], message: str
) -> None:
    with pytest.raises(BrokenArtifact, match=message):
        load(write_call(tmp_path / "model.pb", "f", build()))


def test_a_call_of_a_missing_function_is_refused(tmp_path: Path, load: Load) -> None:
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2]),
        models.node("call", "PartitionedCall", "x"),
        models.node("y", "Relu", "call", T=models.tensorflow().float32),
    )
    with pytest.raises(BrokenArtifact, match="'call' calls a function that is not in the file"):
        load(path)


def test_a_call_with_too_few_arguments_is_refused(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = write_call(tmp_path / "model.pb", "f", function("f"))
    graph_def = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    del graph_def.node[1].input[:]
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(BrokenArtifact, match="gives 0 arguments to function 'f', which takes 1"):
        load(path)


def test_a_call_that_returns_itself_is_refused(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = write_call(tmp_path / "model.pb", "f", function("f"))
    graph_def = tf.compat.v1.GraphDef.FromString(path.read_bytes())
    graph_def.node[1].input[0] = "call"
    path.write_bytes(graph_def.SerializeToString())
    with pytest.raises(BrokenArtifact, match="'call' has no result 0"):
        load(path, outputs=["call"])
