"""What is asked of a model."""

from collections.abc import Callable
from pathlib import Path

import pytest
from builders.onnx_models import node, save, value, weight

from costdb.errors import BindingError, BrokenArtifact
from costdb.ir import Graph, Role

Load = Callable[..., Graph]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    nodes = [
        node("Relu", ["x"], ["features"], name="relu"),
        node("MatMul", ["features", "w"], ["y"], name="head"),
        node("Abs", ["features"], ["debug"], name="probe"),
    ]
    return save(tmp_path / "m.onnx", nodes, [value("x", (2, 3))], ["y"], [weight("w", (3, 4))])


@pytest.mark.parametrize(
    ("asked", "outputs", "layers"),
    [
        pytest.param([], ["y"], ["relu", "head"], id="the model's own"),
        pytest.param(["features"], ["features"], ["relu"], id="a value within"),
        pytest.param(["debug", "y"], ["debug", "y"], ["relu", "head", "probe"], id="two"),
        pytest.param(["*"], ["y", "debug"], ["relu", "head", "probe"], id="every value"),
    ],
)
def test_only_what_is_asked_for_is_read(
    load: Load, path: Path, asked: list[str], outputs: list[str], layers: list[str]
) -> None:
    graph = load(path, outputs=asked)
    assert [tensor.name for tensor in graph.outputs] == outputs
    assert {tensor.role for tensor in graph.outputs} == {Role.OUTPUT}
    assert [layer.name for layer in graph.layers] == layers


def test_a_value_that_is_not_there(load: Load, path: Path) -> None:
    with pytest.raises(BindingError, match="no value 'feature'") as caught:
        load(path, outputs=["feature"])
    assert caught.value.hint == "did you mean 'features'?"


def test_an_output_is_one_wherever_it_is_mentioned(load: Load, path: Path) -> None:
    graph = load(path, outputs=["features", "y"])
    assert graph.layers[0].output.role is Role.OUTPUT
    assert graph.layers[1].input(0).role is Role.OUTPUT


def test_a_model_without_outputs(load: Load, tmp_path: Path) -> None:
    path = save(tmp_path / "m.onnx", [node("Relu", ["x"], ["y"])], [value("x", (2,))], [])
    with pytest.raises(BrokenArtifact, match="no outputs"):
        load(path)
    assert [tensor.name for tensor in load(path, outputs=["*"]).outputs] == ["y"]
