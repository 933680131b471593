"""Sizes that data decide take the largest value that data allow."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, node, save, value, weight

from costdb.ir import Graph

Load = Callable[..., Graph]


def shapes(graph: Graph) -> dict[str, tuple[object, bool]]:
    return {tensor.name: (tensor.shape, tensor.is_upper_bound) for tensor in graph.tensors()}


@pytest.mark.parametrize(
    ("layer", "stored", "shape"),
    [
        pytest.param(node("NonZero", ["x"], ["y"]), [], (2, 20), id="nonzero: every element"),
        pytest.param(node("Unique", ["x"], ["y"]), [], (20,), id="unique: all differ"),
        pytest.param(node("Unique", ["x"], ["y"], axis=1), [], (4, 5), id="unique along an axis"),
        pytest.param(node("Compress", ["x", "mask"], ["y"], axis=0), [], (4, 5), id="compress"),
        pytest.param(node("Compress", ["x", "mask"], ["y"]), [], (20,), id="compress, flattened"),
        pytest.param(node("TopK", ["x", "count"], ["y", ""]), [], (4, 5), id="top k of any k"),
        pytest.param(
            node("Slice", ["x", "begin", "end", "axes"], ["y"]),
            [constant("axes", [0])],
            (4, 5),
            id="slice at any place",
        ),
    ],
)
def test_the_largest_size(
    load: Load, tmp_path: Path, layer: Any, stored: list[Any], shape: tuple[int, ...]
) -> None:
    inputs = [value("x", (4, 5)), value("mask", (4,), "BOOL"), value("count", (1,), "INT64")]
    inputs += [value("begin", (1,), "INT64"), value("end", (1,), "INT64")]
    (output,) = load(save(tmp_path / "m.onnx", [layer], inputs, ["y"], stored)).outputs
    assert (output.shape, output.is_upper_bound) == (shape, True)


@pytest.mark.parametrize(
    ("limit", "boxes"),
    [pytest.param(3, 2 * 80 * 3, id="as told"), pytest.param(1000, 2 * 80 * 50, id="as there are")],
)
def test_boxes_that_survive(load: Load, tmp_path: Path, limit: int, boxes: int) -> None:
    layer = node("NonMaxSuppression", ["boxes", "scores", "limit"], ["y"])
    inputs = [value("boxes", (2, 50, 4)), value("scores", (2, 80, 50))]
    output = value("y", None, "INT64")
    path = save(tmp_path / "m.onnx", [layer], inputs, [output], [constant("limit", [limit])])
    assert shapes(load(path))["y"] == ((boxes, 3), True)


def test_a_bound_is_handed_on_only_as_far_as_it_matters(load: Load, tmp_path: Path) -> None:
    nodes = [
        node("NonZero", ["x"], ["places"]),
        node("Transpose", ["places"], ["rows"], perm=[1, 0]),
        node("Cast", ["rows"], ["floats"], to=1),
        node("MatMul", ["floats", "w"], ["projected"]),
        node("ReduceMax", ["projected"], ["best"], axes=[0], keepdims=0),
        node("MatMul", ["best", "v"], ["y"]),
    ]
    stored = [weight("w", (2, 8)), weight("v", (8, 3))]
    found = shapes(load(save(tmp_path / "m.onnx", nodes, [value("x", (4, 5))], ["y"], stored)))
    assert found["projected"] == ((20, 8), True)
    assert found["best"] == ((8,), False)
    assert found["y"] == ((3,), False)


def test_a_size_read_from_a_bound_is_a_bound(load: Load, tmp_path: Path) -> None:
    nodes = [
        node("NonZero", ["x"], ["places"]),
        node("Shape", ["places"], ["sizes"], start=1),
        node("ConstantOfShape", ["sizes"], ["made"]),
        node("Relu", ["made"], ["y"]),
    ]
    found = shapes(load(save(tmp_path / "m.onnx", nodes, [value("x", (4, 5))], ["y"])))
    assert found["sizes"] == ((1,), False)
    assert found["y"] == ((20,), True)


def test_known_data_leave_nothing_open(load: Load, tmp_path: Path) -> None:
    nodes = [node("NonZero", ["mask"], ["y"])]
    stored = [constant("mask", [[0, 1], [1, 1]])]
    output = value("y", None, "INT64")
    found = shapes(load(save(tmp_path / "m.onnx", nodes, [], [output], stored)))
    assert found["y"] == ((2, 3), False)
