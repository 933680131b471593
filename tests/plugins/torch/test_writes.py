"""Programs that write to their tensors: in place, through views, into buffers."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import torch_models as models

from costdb.ir import Graph, Role

torch = pytest.importorskip("torch", reason="it exports the models")

Load = Callable[..., Graph]


def ops(graph: Graph) -> list[str]:
    return [layer.op for layer in graph.layers]


def test_an_operator_in_place_is_the_operator(tmp_path: Path, load: Load) -> None:
    def forward(_: Any, x: Any) -> Any:
        y = x * 2
        y.add_(x).relu_()
        return y

    graph = load(models.export(models.network(forward), [torch.randn(4)], tmp_path / "i.pt2"))
    assert ops(graph) == ["Mul", "Add", "Relu"]
    assert [layer.source_op for layer in graph.layers][1:] == [
        "aten.add_.Tensor",
        "aten.relu_.default",
    ]


def test_what_is_written_to_a_part_belongs_to_the_whole(tmp_path: Path, load: Load) -> None:
    """The exponential is read by no call: it is only written into a slice."""

    def forward(_: Any, x: Any) -> Any:
        whole = torch.zeros(2, 8)
        whole[:, :4] = x.exp()
        whole[:, 4].sin_()
        return whole * 2

    graph = load(models.export(models.network(forward), [torch.randn(2, 4)], tmp_path / "v.pt2"))
    computed = [op for op in ops(graph) if op not in {"Identity", "Slice", "Constant"}]
    assert computed == ["Exp", "ScatterND", "Sin", "ScatterND", "Mul"]
    put = [layer for layer in graph.layers if layer.op == "ScatterND"]
    assert [[tensor.shape for tensor in layer.inputs if tensor] for layer in put] == [
        [(2, 8), (2, 4)],
        [(2, 8), (2,)],
    ]
    assert graph.layers[-1].input(0) == put[-1].output


def test_a_view_of_a_view_is_a_part_of_the_same_whole(tmp_path: Path, load: Load) -> None:
    def forward(_: Any, x: Any) -> Any:
        whole = x.clone()
        whole[0].view(2, 2).t().fill_(1.0)
        return whole + 0

    graph = load(models.export(models.network(forward), [torch.randn(3, 4)], tmp_path / "v.pt2"))
    put = next(layer for layer in graph.layers if layer.op == "ScatterND")
    assert put.output.shape == (3, 4)


def test_a_write_that_nothing_reads_costs_nothing(tmp_path: Path, load: Load) -> None:
    def forward(_: Any, x: Any) -> Any:
        whole = torch.zeros(2, 8)
        whole[:, :4] = x.exp()
        return x.sin()

    graph = load(models.export(models.network(forward), [torch.randn(2, 4)], tmp_path / "d.pt2"))
    assert ops(graph) == ["Sin"]


def test_a_cache_in_a_buffer(tmp_path: Path, load: Load) -> None:
    """Keys are written into a buffer, and the whole buffer is read."""

    def forward(self: Any, x: Any) -> Any:
        self.cache[:, :2] = x * 3
        return self.cache.sum()

    model = models.network(forward, cache=torch.randn(4, 16))
    graph = load(models.export(model, [torch.randn(4, 2)], tmp_path / "cache.pt2"))
    assert [op for op in ops(graph) if op not in {"Identity", "Slice"}] == [
        "Mul",
        "ScatterND",
        "ReduceSum",
    ]
    (cache,) = [tensor for tensor in graph.tensors() if tensor.role.is_stored]
    assert (cache.name, cache.role) == ("cache", Role.BUFFER)


def test_of_a_program_that_returns_nothing_its_state_is_costed(tmp_path: Path, load: Load) -> None:
    """ATen's core operators write nothing: what is written is handed back beside the results."""

    def forward(self: Any, x: Any) -> Any:
        self.total.add_(x.exp())

    model = models.network(forward, total=torch.randn(4))
    path = models.export(model, [torch.randn(4)], tmp_path / "state.pt2", decomposed=True)
    assert ops(load(path)) == ["Exp", "Add"]
