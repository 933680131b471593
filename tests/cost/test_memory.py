"""Liveness by hand: which activations live while each layer runs."""

import pytest
from builders.graphs import activation, costed, fed, graph, layer, stored

from costdb.cost.engine import cost
from costdb.ir import DType, Graph, Layer, Role, Tensor

KIB = 1024


def block(name: str, kib: int) -> Tensor:
    return Tensor(name, (kib * 1024,), DType.INT8)


X = Tensor("x", (KIB,), DType.INT8, Role.INPUT)


def step(op: str, inputs: list[Tensor], output: Tensor) -> Layer:
    return layer(op, list(inputs), output)


def live(layers: list[Layer], outputs: list[Tensor] | None = None) -> list[int]:
    return [entry.live_bytes // KIB for entry in cost(graph(layers, outputs)).layers]


A, B, C = block("a", 10), block("b", 20), block("c", 5)


@pytest.mark.parametrize(
    ("layers", "outputs", "expected"),
    [
        pytest.param(
            [step("Relu", [X], A), step("Relu", [A], B), step("Relu", [B], C)],
            None, [11, 30, 25], id="a chain: input and output of each step",
        ),
        pytest.param(
            [step("Relu", [X], A), step("Relu", [A], B), step("Concat", [A, B], C)],
            None, [11, 30, 35], id="a skip connection keeps its tensor",
        ),
        pytest.param(
            [step("Relu", [X], A), step("Relu", [A], B), step("Relu", [B], C)],
            [A, C], [11, 30, 35], id="an output lives to the end",
        ),
        pytest.param(
            [step("Relu", [X], A), step("Reshape", [A], block("v", 10)),
             step("Relu", [block("v", 10)], C)],
            None, [11, 10, 15], id="a view is the memory that it looks at",
        ),
        pytest.param(
            [step("Relu", [X], A), step("Reshape", [A], block("v", 10)),
             step("Relu", [A], B), step("Concat", [block("v", 10), B], C)],
            None, [11, 10, 30, 35], id="a view keeps its memory alive",
        ),
        pytest.param([step("Identity", [X], A)], None, [1], id="nothing but a view"),
    ],
)  # fmt: skip
def test_live_bytes(layers: list[Layer], outputs: list[Tensor] | None, expected: list[int]) -> None:
    assert live(layers, outputs) == expected


def test_the_peak_is_at_the_first_layer_where_the_most_lives() -> None:
    result = cost(graph([step("Relu", [X], A), step("Relu", [A], B), step("Concat", [A, B], C)]))
    assert result.peak_position == 2
    assert result.layers[2].live_bytes == result.totals.peak_activation_bytes == 35 * KIB
    twice = cost(graph([step("Relu", [X], A), step("Neg", [A], block("d", 1)),
                        step("Neg", [block("d", 1)], block("e", 10))]))  # fmt: skip
    assert [entry.live_bytes // KIB for entry in twice.layers] == [11, 11, 11]
    assert twice.peak_position == 0


def test_without_layers_there_is_no_peak() -> None:
    assert cost(Graph((), (), ())).peak_position is None


def test_weights_are_no_activations() -> None:
    result = costed([layer("Add", [fed("x", 4), stored("w", 4)], activation("y", 4))])
    assert result.totals.peak_activation_bytes == 32
    assert result.totals.weight_bytes == 16
    assert result.totals.peak_memory_bytes == 48


def test_a_graph_without_layers_costs_nothing() -> None:
    through = Tensor("x", (4,), DType.FLOAT32, Role.INPUT)
    totals = cost(Graph((), (through,), (through,))).totals
    assert (totals.macs, totals.layers, totals.peak_activation_bytes) == (0, 0, 0)
