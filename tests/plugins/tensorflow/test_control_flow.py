"""Loops and branches: layers that no rule counts, around which the rest is costed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from builders import tensorflow_models as models

from costdb.cost.engine import cost
from costdb.ir import Graph

Load = Callable[..., Graph]


def frames(path: Path) -> Path:
    """Write a graph with a loop as TensorFlow 1 has it: four control-flow nodes and a back edge."""
    import numpy as np

    tf = models.tensorflow()
    return models.write_nodes(
        path,
        models.placeholder("x", [4, 4]),
        models.node("before", "MatMul", "x", "x", T=tf.float32),
        models.node("enter", "Enter", "before", T=tf.float32, frame_name="loop"),
        models.node("merge", "Merge", "enter", "next", T=tf.float32, N=2),
        models.constant("limit", np.float32(9)),
        models.node("enough", "Less", "merge", "limit", T=tf.float32),
        models.node("any", "All", "enough", "axes", Tidx=tf.int32),
        models.constant("axes", np.array([0, 1], np.int32)),
        models.node("condition", "LoopCond", "any"),
        models.node("switch", "Switch", "merge", "condition", T=tf.float32),
        models.node("body", "Exp", "switch:1", T=tf.float32),
        models.node("next", "NextIteration", "body", T=tf.float32),
        models.node("exit", "Exit", "switch", T=tf.float32),
        models.node("after", "Relu", "exit", T=tf.float32),
    )


def test_a_loop_of_frames_is_a_lower_bound(tmp_path: Path, load: Load) -> None:
    graph = load(frames(tmp_path / "model.pb"))
    result = cost(graph)
    assert result.totals.macs == 64
    assert result.is_lower_bound
    assert {"tf:Enter", "tf:Merge", "tf:Switch", "tf:Exit"} <= set(result.unknown_ops)


def test_a_functional_loop_is_one_layer(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        grown = tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: (y @ y,), (x @ x,))[0]
        return tf.nn.relu(grown)

    concrete = tf.function(build).get_concrete_function(tf.TensorSpec((4, 4), name="x"))
    path = tmp_path / "model.pb"
    path.write_bytes(concrete.graph.as_graph_def().SerializeToString())
    graph = load(path)
    result = cost(graph)
    assert result.totals.macs == 64
    assert set(result.unknown_ops) == {"tf:StatelessWhile"}
    assert [tensor.shape for tensor in graph.outputs if tensor.dtype and tensor.dtype.is_floating]
