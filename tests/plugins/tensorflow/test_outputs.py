"""Which values of a graph are costed."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.errors import BindingError, BrokenArtifact
from costdb.ir import Graph

Load = Callable[..., Graph]


def training_graph(v1: Any) -> None:
    """A little of all that stands beside the answer in a graph that was not cut down."""
    x = v1.placeholder("float32", [4, 6], name="x")
    v1.placeholder("float32", [4], name="unused")
    hidden = v1.nn.relu(x, name="hidden")
    v1.nn.top_k(hidden, 2, name="best")
    v1.summary.scalar("loss", v1.reduce_mean(hidden))
    v1.summary.merge_all()
    with v1.control_dependencies([v1.debugging.assert_positive(hidden, name="checked")]):
        v1.exp(hidden, name="answer")
    v1.train.Saver([v1.get_variable("w", [2, 2], use_resource=True)])
    v1.write_file("name", v1.as_string(v1.reduce_sum(hidden)))
    v1.no_op("nothing")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return models.write_graph(training_graph, tmp_path / "model.pb")


def test_every_sink_that_yields_data_is_an_output(path: Path, load: Load) -> None:
    graph = load(path)
    assert [tensor.name for tensor in graph.outputs] == ["best", "best:1", "answer"]
    assert {layer.op for layer in graph.layers} == {"Relu", "TopK", "Exp"}


CHOSEN = [
    pytest.param(["hidden"], ["hidden"], id="a node"),
    pytest.param(["hidden:0"], ["hidden"], id="its first output"),
    pytest.param(["best:1"], ["best:1"], id="another output"),
    pytest.param(["answer", "hidden", "answer:0"], ["answer", "hidden"], id="in order, each once"),
    pytest.param(["x"], ["x"], id="an input"),
]


@pytest.mark.parametrize(("asked", "outputs"), CHOSEN)
def test_outputs_can_be_chosen(
    path: Path, load: Load, asked: list[str], outputs: list[str]
) -> None:
    assert [tensor.name for tensor in load(path, outputs=asked).outputs] == outputs


def test_a_star_asks_for_every_node(path: Path, load: Load) -> None:
    names = {tensor.name for tensor in load(path, outputs=["*"]).outputs}
    assert {"hidden", "best", "best:1", "answer", "Mean"} <= names
    assert not names & {"x", "unused", "best/k", "nothing"}


UNKNOWN = [
    pytest.param("answr", "the model has no node 'answr'", "did you mean 'answer'", id="typo"),
    pytest.param("best:2", "node 'best' has 2 outputs, and none is number 2", "", id="no output 2"),
    pytest.param("nothing", "node 'nothing' has 0 outputs", "", id="a node without outputs"),
]


@pytest.mark.parametrize(("asked", "message", "hint"), UNKNOWN)
def test_an_unknown_output_is_refused(
    path: Path, load: Load, asked: str, message: str, hint: str
) -> None:
    with pytest.raises(BindingError, match=message) as raised:
        load(path, outputs=[asked])
    assert hint in raised.value.hint


def test_control_inputs_carry_no_data(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2]),
        models.node("first", "Exp", "x", T=tf.float32),
        models.node("second", "Relu", "x", "^first", "^missing", T=tf.float32),
    )
    graph = load(path, outputs=["second"])
    assert [layer.name for layer in graph.layers] == ["second"]


def test_a_graph_that_yields_nothing_is_refused(tmp_path: Path, load: Load) -> None:
    path = models.write_nodes(tmp_path / "model.pb", models.placeholder("x", [2]))
    with pytest.raises(BrokenArtifact, match="no node of the graph yields data"):
        load(path)


def test_unread_statistics_are_no_outputs(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(v1: Any) -> None:
        x = v1.placeholder("float32", [1, 2, 2, 3], name="x")
        vectors = [tf.ones(3) for _ in range(4)]
        v1.nn.fused_batch_norm(x, *vectors, is_training=False, name="norm")

    graph = load(models.write_graph(build, tmp_path / "model.pb"))
    norm = next(layer for layer in graph.layers if layer.op == "BatchNormalization")
    assert [tensor.name for tensor in norm.outputs] == ["norm"]
    assert [tensor.name for tensor in graph.outputs] == ["norm"]
