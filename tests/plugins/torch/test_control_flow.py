"""Higher-order operators: branches, loops, and settings that wrap a part of a program."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.canonical import graph_from_json, names_json, structure_json
from costdb.errors import BindingError
from costdb.ir import Graph, Role

torch = pytest.importorskip("torch", reason="it exports the models")

Load = Callable[..., Graph]


@pytest.fixture
def branches(tmp_path: Path) -> Path:
    """One dense layer or the other."""

    def forward(self: Any, x: Any) -> Any:
        return torch.cond(x.sum() > 0, lambda y: self.a(y).relu(), self.b, (x,))

    model = models.network(forward, a=torch.nn.Linear(4, 4), b=torch.nn.Linear(4, 4))
    return models.export(model, [torch.randn(2, 4)], tmp_path / "cond.pt2")


@pytest.fixture
def loop(tmp_path: Path) -> Path:
    """A dense layer, five times."""

    def forward(self: Any, x: Any) -> Any:
        return torch._higher_order_ops.while_loop(
            lambda i, _: i < 5, lambda i, y: (i + 1, self.a(y)), (torch.tensor(0), x)
        )

    model = models.network(forward, a=torch.nn.Linear(4, 4))
    return models.export(model, [torch.randn(2, 4)], tmp_path / "loop.pt2")


def test_branches_are_bodies(branches: Path, load: Load) -> None:
    graph = load(branches)
    choice = graph.layers[-1]
    assert choice.op == "If"
    assert [[layer.op for layer in body.graph.layers] for body in choice.bodies] == [
        ["Gemm", "Relu"],
        ["Gemm"],
    ]
    assert [body.trip_count for body in choice.bodies] == [1, 1]


def test_bodies_take_weights_and_inputs_from_around_them(branches: Path, load: Load) -> None:
    choice = load(branches).layers[-1]
    assert {tensor.name for tensor in choice.captures} == {
        "x",
        *("a.weight", "a.bias", "b.weight", "b.bias"),
    }
    weights = [tensor for tensor in choice.captures if tensor.role is Role.PARAMETER]
    assert sum(tensor.numel for tensor in weights) == 2 * (4 * 4 + 4)


def test_a_loop_runs_as_often_as_is_said(loop: Path, load: Load) -> None:
    layer = load(loop).layers[-1]
    assert (layer.op, layer.name) == ("Loop", "while_loop")
    (body,) = layer.bodies
    assert body.trip_count is None
    assert [inner.op for inner in body.graph.layers] == ["Less", "Add", "Gemm"]
    assert load(loop, trips=["while_loop=5"]).layers[-1].bodies[0].trip_count == 5


def test_a_loop_that_is_not_there_has_no_trips(loop: Path, load: Load) -> None:
    with pytest.raises(BindingError, match="no loop 'while_lop'") as raised:
        load(loop, trips=["while_lop=5"])
    assert raised.value.hint == "did you mean 'while_loop'?"


def test_graphs_with_bodies_survive_their_json(branches: Path, loop: Path, load: Load) -> None:
    for path in (branches, loop):
        structure, names = structure_json(load(path)), names_json(load(path))
        assert structure_json(graph_from_json(structure, names)) == structure


def test_settings_leave_no_trace(tmp_path: Path, load: Load) -> None:
    """What runs without gradients, or in another precision, is as if it stood by itself."""

    def forward(self: Any, x: Any) -> Any:
        with torch.no_grad():
            y = self.a(x)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            z = self.a(y)
        return y + z

    model = models.network(forward, a=torch.nn.Linear(4, 4))
    graph = load(models.export(model, [torch.randn(2, 4)], tmp_path / "w.pt2"))
    assert [layer.op for layer in graph.layers] == ["Gemm", "Gemm", "Add"]
    first, second, total = graph.layers
    assert first.input(1) == second.input(1)
    assert [tensor and tensor.name for tensor in total.inputs] == [
        first.output.name,
        second.output.name,
    ]


def test_a_scan_runs_once_a_row(tmp_path: Path, load: Load) -> None:
    from torch._higher_order_ops.scan import scan

    def forward(_: Any, x: Any) -> Any:
        def step(total: Any, row: Any) -> Any:
            return total + row, (total * row).clone()

        return scan(step, torch.zeros(4), x)

    graph = load(models.export(models.network(forward), [torch.randn(7, 4)], tmp_path / "s.pt2"))
    layer = next(layer for layer in graph.layers if layer.op == "Scan")
    (body,) = layer.bodies
    assert body.trip_count == 7
    assert {inner.op for inner in body.graph.layers} >= {"Add", "Mul"}
    assert [tensor.shape for tensor in body.graph.inputs] == [(4,), (4,)]


def test_other_operators_are_unknown_and_keep_what_follows(tmp_path: Path, load: Load) -> None:
    from torch._higher_order_ops.associative_scan import associative_scan

    def forward(_: Any, x: Any) -> Any:
        return associative_scan(lambda a, b: a + b, x, dim=0, combine_mode="generic").exp()

    graph = load(models.export(models.network(forward), [torch.randn(8, 4)], tmp_path / "a.pt2"))
    assert graph.layers[-1].op == "Exp"
    assert all(layer.bodies == () for layer in graph.layers)
