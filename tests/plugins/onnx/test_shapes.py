"""Shapes that a file leaves to arithmetic: found once the inputs are bound."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, node, save, value, weight

from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph, Role

Load = Callable[..., Graph]

HIDDEN, HEADS = 32, 4


def attention_block(prefix: str, data: str, output: str) -> tuple[list[Any], list[Any]]:
    """Self-attention as PyTorch exports it with dynamic axes: sizes are read from the data.

    Returns:
        Nodes and stored tensors.
    """

    def name(part: str) -> str:
        return f"/{prefix}/attention/{part}"

    nodes = [
        node("Shape", [data], [name("shape")], name=name("Shape")),
        node("Gather", [name("shape"), "index_0"], [name("batch")], name=name("Gather"), axis=0),
        node("Gather", [name("shape"), "index_1"], [name("length")], name=name("Gather_1"), axis=0),
        node("Unsqueeze", [name("batch"), "axes_0"], [name("batch_1d")], name=name("Unsqueeze")),
        node(
            "Unsqueeze", [name("length"), "axes_0"], [name("length_1d")], name=name("Unsqueeze_1")
        ),
        node(
            "Concat",
            [name("batch_1d"), name("length_1d"), "heads", "head_size"],
            [name("split")],
            name=name("Concat"),
            axis=0,
        ),
        node(
            "Concat",
            [name("batch_1d"), name("length_1d"), "hidden"],
            [name("merged")],
            name=name("Concat_1"),
            axis=0,
        ),
    ]
    for part in ("query", "key", "value"):
        nodes += [
            node(
                "MatMul", [data, name(f"{part}.weight")], [name(part)], name=name(f"{part}/MatMul")
            ),
            node("Reshape", [name(part), name("split")], [name(f"{part}_split")], name=name(part)),
            node(
                "Transpose",
                [name(f"{part}_split")],
                [name(f"{part}_heads")],
                name=name(f"{part}/Transpose"),
                perm=[0, 2, 3, 1] if part == "key" else [0, 2, 1, 3],
            ),
        ]
    nodes += [
        node(
            "MatMul",
            [name("query_heads"), name("key_heads")],
            [name("scores")],
            name=name("MatMul"),
        ),
        node("Softmax", [name("scores")], [name("weights")], name=name("Softmax"), axis=-1),
        node(
            "MatMul", [name("weights"), name("value_heads")], [name("mixed")], name=name("MatMul_1")
        ),
        node(
            "Transpose", [name("mixed")], [name("back")], name=name("Transpose"), perm=[0, 2, 1, 3]
        ),
        node("Reshape", [name("back"), name("merged")], [output], name=name("Reshape")),
    ]
    stored = [
        weight(name(f"{part}.weight"), (HIDDEN, HIDDEN)) for part in ("query", "key", "value")
    ]
    return nodes, stored


def save_transformer(path: Path) -> Path:
    """Two blocks over token ids of any batch and length, with positions that are counted out."""
    sizes = {"heads": HEADS, "head_size": HIDDEN // HEADS, "hidden": HIDDEN}
    stored = [constant(name, [size]) for name, size in sizes.items()]
    stored += [constant("index_0", 0), constant("index_1", 1), constant("axes_0", [0])]
    stored += [constant("zero", 0), constant("one", 1)]
    stored += [weight("tokens", (100, HIDDEN)), weight("places", (512, HIDDEN))]
    nodes = [
        node("Gather", ["tokens", "ids"], ["embedded"], name="/embed/Gather", axis=0),
        node("Shape", ["ids"], ["ids_shape"], name="/embed/Shape"),
        node("Gather", ["ids_shape", "index_1"], ["length"], name="/embed/Gather_1", axis=0),
        node("Range", ["zero", "length", "one"], ["positions"], name="/embed/Range"),
        node("Gather", ["places", "positions"], ["placed"], name="/embed/Gather_2", axis=0),
        node("Add", ["embedded", "placed"], ["h0"], name="/embed/Add"),
    ]
    for block in range(2):
        more_nodes, more_stored = attention_block(f"layer.{block}", f"h{block}", f"h{block + 1}")
        nodes += more_nodes
        stored += more_stored
    ids = value("ids", ("batch", "sequence"), "INT64")
    return save(path, nodes, [ids], ["h2"], stored)


@pytest.mark.parametrize(("batch", "length"), [(1, 16), (3, 128)])
def test_a_transformer_of_any_length(load: Load, tmp_path: Path, batch: int, length: int) -> None:
    path = save_transformer(tmp_path / "transformer.onnx")
    graph = load(path, dims=[f"batch={batch}", f"sequence={length}"])
    shapes = {tensor.name: tensor.shape for tensor in graph.tensors()}
    assert shapes["positions"] == (length,)
    for block in range(2):
        prefix = f"/layer.{block}/attention"
        assert shapes[f"{prefix}/query_split"] == (batch, length, HEADS, HIDDEN // HEADS)
        assert shapes[f"{prefix}/scores"] == (batch, HEADS, length, length)
    assert shapes["h2"] == (batch, length, HIDDEN)
    assert not [name for name, shape in shapes.items() if shape is None or None in shape]
    assert not any(tensor.is_upper_bound for tensor in graph.tensors())


def test_scopes_are_modules(load: Load, tmp_path: Path) -> None:
    graph = load(save_transformer(tmp_path / "transformer.onnx"), dims=["sequence=8"])
    scopes = {layer.name: layer.scope for layer in graph.layers}
    assert scopes["/embed/Range"] == "embed"
    assert scopes["/layer.1/attention/query/MatMul"] == "layer.1/attention/query"


def arithmetic(
    path: Path, nodes: Sequence[Any], stored: Sequence[Any], inputs: Sequence[Any]
) -> Path:
    return save(path, nodes, inputs, ["y"], stored)


def test_expand_as_pytorch_writes_it(load: Load, tmp_path: Path) -> None:
    # Where(shape == -1, ones, shape), with the ones made by ConstantOfShape.
    path = save(
        tmp_path / "expand.onnx",
        [
            node("Shape", ["x"], ["sizes"]),
            node("Concat", ["minus_1", "sizes"], ["wanted"], axis=0),
            node("Shape", ["wanted"], ["rank"]),
            node("ConstantOfShape", ["rank"], ["ones"], value=constant("", [1])),
            node("Equal", ["wanted", "minus_1"], ["is_open"]),
            node("Where", ["is_open", "ones", "wanted"], ["target"]),
            node("Expand", ["x", "target"], ["y"]),
        ],
        [value("x", ("n", 5))],
        ["y"],
        [constant("minus_1", [-1])],
    )
    (output,) = load(path, dims=["n=3"]).outputs
    assert output.shape == (1, 3, 5)


@pytest.mark.parametrize("element", ["float32", "float16"])
def test_resize_by_computed_scales(load: Load, tmp_path: Path, element: str) -> None:
    is_half = element == "float16"
    nodes = [
        node("Shape", ["x"], ["sizes"]),
        node("Slice", ["sizes", "two", "four"], ["plane"]),
        node("Cast", ["plane"], ["plane_float"], to=10 if is_half else 1),
        node("Mul", ["plane_float", "factor"], ["scaled"]),
        node("Floor", ["scaled"], ["floored"]),
        node("Cast", ["floored"], ["target_plane"], to=7),
        node("Slice", ["sizes", "zero", "two"], ["outer"]),
        node("Concat", ["outer", "target_plane"], ["target"], axis=0),
        node("Resize", ["x", "", "", "target"], ["y"], mode="linear"),
    ]
    stored = [constant(name, [n]) for name, n in (("zero", 0), ("two", 2), ("four", 4))]
    stored.append(constant("factor", [1.5, 2.5], element))
    path = save(tmp_path / "resize.onnx", nodes, [value("x", (1, 3, "h", "w"))], ["y"], stored)
    (output,) = load(path, dims=["h=33", "w=5"]).outputs
    # floor(33 * 1.5) = 49, floor(5 * 2.5) = 12.
    assert output.shape == (1, 3, 49, 12)


@pytest.mark.parametrize(
    ("bounds", "count"),
    [
        pytest.param((0, 10, 3), 4, id="0 3 6 9"),
        pytest.param((10, 0, -3), 4, id="10 7 4 1"),
        pytest.param((5, 5, 1), 0, id="nothing"),
        pytest.param(([0], [4], [1]), 4, id="one-element vectors"),
    ],
)
def test_range_counts(load: Load, tmp_path: Path, bounds: tuple[object, ...], count: int) -> None:
    names = ("start", "limit", "delta")
    stored = [constant(name, bound) for name, bound in zip(names, bounds, strict=True)]
    path = save(tmp_path / "range.onnx", [node("Range", names, ["y"])], [], ["y"], stored)
    (output,) = load(path).outputs
    assert (output.shape, output.dtype) == ((count,), DType.INT64)


def test_stale_shapes_in_the_file_do_not_count(load: Load, tmp_path: Path) -> None:
    from builders.onnx_models import graph, model

    proto = graph(
        [node("Relu", ["x"], ["h"]), node("Relu", ["h"], ["y"])],
        [value("x", ("batch", "length"))],
        [value("y", (1, 99))],
    )
    proto.value_info.extend([value("h", ("batch", "another")), value("y", (7, 7))])
    path = tmp_path / "stale.onnx"
    path.write_bytes(model(proto).SerializeToString())
    shapes = {tensor.name: tensor.shape for tensor in load(path, dims=["length=4"]).tensors()}
    assert shapes == {"x": (1, 4), "h": (1, 4), "y": (1, 4)}


def test_declared_shapes_serve_operators_that_no_one_knows(load: Load, tmp_path: Path) -> None:
    from builders.onnx_models import graph, model

    proto = graph(
        [
            node("Mystery", ["x"], ["h"], domain="vendor"),
            node("Relu", ["h"], ["y"], name="relu"),
        ],
        [value("x", ("batch", "length"))],
        ["y"],
    )
    proto.value_info.append(value("h", ("batch", "length", 8), "FLOAT16"))
    path = tmp_path / "vendor.onnx"
    path.write_bytes(model(proto, domains={"vendor": 1}).SerializeToString())
    loaded = load(path, dims=["batch=2", "length=4"])
    (output,) = loaded.outputs
    assert (output.shape, output.dtype) == ((2, 4, 8), DType.FLOAT16)
    assert [layer.qualified_op for layer in loaded.layers] == ["vendor:Mystery", "Relu"]


def test_built_weights_have_a_shape(load: Load, tmp_path: Path) -> None:
    path = save(
        tmp_path / "built.onnx",
        [
            node("ConstantOfShape", ["sizes"], ["weight"], value=constant("", [0.5], "float32")),
            node("Conv", ["x", "weight"], ["y"]),
        ],
        [value("x", (1, 3, 8, 8))],
        ["y"],
        [constant("sizes", [4, 3, 3, 3])],
    )
    graph = load(path)
    shapes = {tensor.name: tensor.shape for tensor in graph.tensors()}
    assert (shapes["weight"], shapes["y"]) == ((4, 3, 3, 3), (1, 4, 6, 6))
    assert [layer.op for layer in graph.layers] == ["ConstantOfShape", "Conv"]


@pytest.mark.parametrize(
    ("nodes", "shape", "message"),
    [
        pytest.param(
            [node("Reshape", ["x", "sizes"], ["y"], name="flat")],
            (2, 12),
            r"'flat' \(Reshape\) does not fit its inputs 2x12, 2: 24 elements .* 3x4",
            id="reshape",
        ),
        pytest.param(
            [node("Conv", ["x", "kernel"], ["y"], name="conv")],
            (1, 16, 16, 8),
            r"'conv' .*: its weights are for 3 channels, its input has 16",
            id="channels last",
        ),
        pytest.param(
            [node("Conv", ["x", "kernel"], ["y"], name="conv")],
            (1, 3, 2, 2),
            r"'conv' .*: its output would have a size of -",
            id="smaller than the kernel",
        ),
        pytest.param(
            [node("MatMul", ["x", "matrix"], ["y"], name="product")],
            (4, 7),
            r"'product' \(MatMul\) does not fit its inputs 4x7, 5x6: Incompatible dimensions",
            id="matmul",
        ),
    ],
)
def test_a_layer_that_does_not_fit_is_named(
    load: Load, tmp_path: Path, nodes: list[Any], shape: tuple[int, ...], message: str
) -> None:
    stored = [constant("sizes", [3, 4]), weight("kernel", (4, 3, 5, 5)), weight("matrix", (5, 6))]
    path = save(tmp_path / "misfit.onnx", nodes, [value("x", shape)], ["y"], stored)
    with pytest.raises(BrokenArtifact, match=message) as caught:
        load(path)
    assert "--input" in caught.value.hint


def test_constants_are_not_layers(load: Load, tmp_path: Path) -> None:
    path = save(
        tmp_path / "constant.onnx",
        [
            node("Constant", [], ["sizes"], value=constant("", [2, -1])),
            node("Constant", [], ["scale"], value_float=2.0),
            node("Reshape", ["x", "sizes"], ["h"]),
            node("Mul", ["h", "scale"], ["y"]),
        ],
        [value("x", (4, 3))],
        ["y"],
    )
    graph = load(path)
    assert [layer.op for layer in graph.layers] == ["Reshape", "Mul"]
    roles = {tensor.name: tensor.role for tensor in graph.tensors()}
    assert roles == {
        "x": Role.INPUT,
        "sizes": Role.STORED,
        "h": Role.ACTIVATION,
        "scale": Role.STORED,
        "y": Role.OUTPUT,
    }
    assert graph.outputs[0].shape == (2, 6)
