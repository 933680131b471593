"""Layers that differ in names alone are settled once; those that differ otherwise are not."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, node, onnx, save, value, weight

from costdb.ir import Graph, Role

Load = Callable[..., Graph]


def test_layers_of_one_kind_share_what_is_known(load: Load, tmp_path: Path) -> None:
    names = ["x", "a", "b", "y"]
    nodes = [
        node("Conv", [names[n], f"w{n}"], [names[n + 1]], pads=[1] * 4, dilations=[1, 1])
        for n in range(3)
    ]
    stored = [weight(f"w{n}", (3, 3, 3, 3)) for n in range(3)]
    graph = load(save(tmp_path / "m.onnx", nodes, [value("x", (1, 3, 8, 8))], ["y"], stored))
    assert [layer.output.shape for layer in graph.layers] == [(1, 3, 8, 8)] * 3
    assert [layer.input(1).name for layer in graph.layers] == ["w0", "w1", "w2"]
    assert graph.layers[1].attributes is graph.layers[2].attributes
    assert [layer.output.role for layer in graph.layers] == [
        Role.ACTIVATION, Role.ACTIVATION, Role.OUTPUT,
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("one", "other", "shapes"),
    [
        pytest.param(
            node("Reshape", ["x", "wide"], ["a"]),
            node("Reshape", ["x", "tall"], ["b"]),
            [(2, 12), (12, 2)],
            id="data of an input",
        ),
        pytest.param(
            node("Concat", ["x", "x"], ["a"], axis=0),
            node("Concat", ["x", "x"], ["b"], axis=1),
            [(8, 6), (4, 12)],
            id="an attribute",
        ),
        pytest.param(
            node("MatMul", ["x", "broad"], ["a"]),
            node("MatMul", ["x", "narrow"], ["b"]),
            [(4, 16), (4, 12)],
            id="an input's shape",
        ),
        pytest.param(
            node("Transpose", ["x"], ["a"]),
            node("Relu", ["x"], ["b"]),
            [(6, 4), (4, 6)],
            id="the operator",
        ),
        pytest.param(
            node("Split", ["x"], ["a", "rest"], axis=1),
            node("Split", ["x"], ["b", "", "last"], axis=1),
            [(4, 3), (4, 2)],
            id="the number of outputs",
        ),
    ],
)
def test_layers_that_differ(
    load: Load, tmp_path: Path, one: Any, other: Any, shapes: list[tuple[int, ...]]
) -> None:
    stored = [
        constant("wide", [2, 12]),
        constant("tall", [12, 2]),
        weight("broad", (6, 16)),
        weight("narrow", (6, 12)),
    ]
    path = save(tmp_path / "m.onnx", [one, other], [value("x", (4, 6))], ["a", "b"], stored)
    graph = load(path)
    assert [tensor.shape for tensor in graph.outputs] == shapes


def test_layers_that_are_fed_the_same_data_are_of_one_kind(load: Load, tmp_path: Path) -> None:
    nodes = [node("Reshape", ["x", "wide"], ["a"]), node("Reshape", ["x", "again"], ["b"])]
    stored = [
        constant("wide", [2, 12]),
        onnx().helper.make_tensor("again", onnx().TensorProto.INT64, [2], [2, 12]),
    ]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (4, 6))], ["a", "b"], stored)
    graph = load(path)
    assert [tensor.shape for tensor in graph.outputs] == [(2, 12), (2, 12)]
    assert graph.layers[0].attributes is graph.layers[1].attributes


def test_a_bound_and_the_same_number_are_told_apart(load: Load, tmp_path: Path) -> None:
    nodes = [
        node("NonZero", ["x"], ["found"]),
        node("Shape", ["found"], ["most"]),
        node("ConstantOfShape", ["most"], ["a"]),
        node("ConstantOfShape", ["exactly"], ["b"]),
    ]
    # Of 24 numbers, as many may be other than zero.
    stored = [constant("exactly", [2, 24])]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (4, 6))], ["a", "b"], stored)
    outputs = load(path).outputs
    assert [tensor.shape for tensor in outputs] == [(2, 24), (2, 24)]
    assert [tensor.is_upper_bound for tensor in outputs] == [True, False]
