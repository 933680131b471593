"""From nodes to layers: names, scopes, attributes, compute types, absent inputs and outputs."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, node, save, save_conv, value, weight

from costdb.errors import BrokenArtifact
from costdb.ir import DType, Graph, Layer, Role

Load = Callable[..., Graph]


def only_layer(
    load: Load, path: Path, layer: Any, shape: Sequence[int], stored: Sequence[Any] = (), **kw: Any
) -> Layer:
    """The layer of a model of one node."""
    (loaded,) = load(save(path, [layer], [value("x", shape)], ["y"], stored, **kw)).layers
    return loaded


def test_a_convolution(load: Load, tmp_path: Path) -> None:
    (layer,) = load(
        save_conv(tmp_path / "m.onnx", (1, 3, 224, 224), (32, 3, 3, 3), stride=2, pads=1)
    ).layers
    assert (layer.name, layer.qualified_op, layer.source_op) == ("conv", "Conv", "Conv")
    assert (layer.scope, layer.source_module, layer.domain) == ("", "", "")
    assert [(t.name, t.shape, t.role) for t in layer.reads] == [
        ("x", (1, 3, 224, 224), Role.INPUT),
        ("weight", (32, 3, 3, 3), Role.STORED),
        ("bias", (32,), Role.STORED),
    ]
    output = layer.output
    assert (output.shape, output.role) == ((1, 32, 112, 112), Role.OUTPUT)
    assert dict(layer.attributes) == {"group": 1, "strides": (2, 2), "pads": (1, 1, 1, 1)}


def test_absent_inputs_and_outputs(load: Load, tmp_path: Path) -> None:
    stored = [weight("W", (1, 8, 4)), weight("R", (1, 8, 2))]
    layer = only_layer(
        load,
        tmp_path / "m.onnx",
        node("LSTM", ["x", "W", "R", "", "", "start"], ["", "y", ""], hidden_size=2),
        (5, 1, 4),
        [*stored, weight("start", (1, 1, 2))],
    )
    assert [tensor and tensor.name for tensor in layer.inputs] == [
        "x", "W", "R", None, None, "start",
    ]  # fmt: skip
    assert [(tensor.name, tensor.shape) for tensor in layer.outputs] == [("y", (1, 1, 2))]


def test_trailing_absent_inputs_are_left_out(load: Load, tmp_path: Path) -> None:
    clip = node("Clip", ["x", "", ""], ["y"])
    assert len(only_layer(load, tmp_path / "m.onnx", clip, (2,)).inputs) == 1


def test_names_that_are_missing_or_taken_are_derived(load: Load, tmp_path: Path) -> None:
    nodes = [
        node("Relu", ["x"], ["a"], name="act"),
        node("Sigmoid", ["a"], ["b"], name="act"),
        node("Tanh", ["b"], ["y"]),
    ]
    path = save(tmp_path / "m.onnx", nodes, [value("x", (2,))], ["y"])
    assert [layer.name for layer in load(path).layers] == ["act", "Sigmoid:b", "Tanh:y"]


@pytest.mark.parametrize(
    ("name", "scope"),
    [
        ("/encoder/layer.0/attention/MatMul", "encoder/layer.0/attention"),
        ("resnet/conv1/BiasAdd", "resnet/conv1"),
        ("Conv_12", ""),
        ("/Relu", ""),
    ],
)
def test_scopes_come_from_names(load: Load, tmp_path: Path, name: str, scope: str) -> None:
    layer = only_layer(load, tmp_path / "m.onnx", node("Relu", ["x"], ["y"], name=name), (2,))
    assert (layer.name, layer.scope) == (name, scope)


def test_scopes_come_from_pytorchs_metadata(load: Load, tmp_path: Path) -> None:
    relu = node("Relu", ["x"], ["y"], name="node_relu_3")
    relu.metadata_props.add(
        key="pkg.torch.onnx.name_scopes",
        value="['', 'encoder', 'encoder.layer.0', 'encoder.layer.0.act', 'relu_3']",
    )
    layer = only_layer(load, tmp_path / "m.onnx", relu, (2,))
    assert (layer.name, layer.scope) == ("node_relu_3", "encoder/layer.0/act")


def test_attributes_are_numbers_text_and_short_lists(load: Load, tmp_path: Path) -> None:
    layer = only_layer(
        load,
        tmp_path / "m.onnx",
        node(
            "Custom", ["x"], ["y"], domain="vendor", i=3, f=0.5, s="text", ints=[1, 2],
            floats=[0.5, 1.5], strings=["a", "b"], tensor=constant("", [1]), long=[1] * 1025,
        ),
        (2,),
        domains={"vendor": 1},
    )  # fmt: skip
    assert dict(layer.attributes) == {
        "i": 3, "f": 0.5, "s": "text", "ints": (1, 2), "floats": (0.5, 1.5), "strings": ("a", "b"),
    }  # fmt: skip
    assert (layer.domain, layer.op) == ("vendor", "Custom")


def test_onnx_own_domain_has_two_names(load: Load, tmp_path: Path) -> None:
    layer = only_layer(
        load, tmp_path / "m.onnx", node("Relu", ["x"], ["y"], domain="ai.onnx"), (2,)
    )
    assert (layer.domain, layer.output.shape) == ("", (2,))


@pytest.mark.parametrize(
    ("written", "attributes"),
    [
        pytest.param(
            (node("ReduceSum", ["x", "axes"], ["y"]), [constant("axes", [1, 2])], 13),
            {"axes": (1, 2)},
            id="axes as an input",
        ),
        pytest.param(
            (node("ReduceSum", ["x"], ["y"], axes=[1, 2]), [], 11),
            {"axes": (1, 2)},
            id="axes as ever",
        ),
        pytest.param(
            (node("Unsqueeze", ["x", "axes"], ["y"]), [constant("axes", [0])], 13),
            {"axes": (0,)},
            id="unsqueeze",
        ),
        pytest.param(
            (node("CumSum", ["x", "axis"], ["y"]), [constant("axis", 2)], 14),
            {"axis": 2},
            id="cumsum",
        ),
        pytest.param((node("Softmax", ["x"], ["y"]), [], 13), {}, id="softmax over the last axis"),
        pytest.param(
            (node("Softmax", ["x"], ["y"]), [], 11), {"axes": (1, 2, 3)}, id="softmax over a matrix"
        ),
        pytest.param(
            (node("LogSoftmax", ["x"], ["y"], axis=-2), [], 11),
            {"axes": (2, 3)},
            id="negative axis",
        ),
        pytest.param(
            (node("Clip", ["x"], ["y"], min=0.0, max=6.0), [], 6),
            {"min": 0.0, "max": 6.0},
            id="clip",
        ),
    ],
)
def test_attributes_read_as_in_the_newest_opset(
    load: Load, tmp_path: Path, written: tuple[Any, list[Any], int], attributes: dict[str, object]
) -> None:
    layer, stored, opset = written
    loaded = only_layer(load, tmp_path / "m.onnx", layer, (2, 3, 4, 5), stored, opset=opset)
    assert dict(loaded.attributes) == attributes


@pytest.mark.parametrize(
    ("layer", "dtype"),
    [
        pytest.param(node("Gather", ["table", "indices"], ["y"]), DType.FLOAT16, id="floats first"),
        pytest.param(node("Add", ["indices", "indices"], ["y"]), DType.INT64, id="integers"),
        pytest.param(node("Equal", ["indices", "indices"], ["y"]), DType.BOOL, id="output"),
        pytest.param(
            node("QLinearMatMul", ["q", "s", "z", "q", "s", "z", "s", "z"], ["y"]),
            DType.UINT8,
            id="quantised",
        ),
        pytest.param(node("MatMulInteger", ["q", "q"], ["y"]), DType.UINT8, id="integer product"),
        pytest.param(node("DequantizeLinear", ["q", "s", "z"], ["y"]), DType.FLOAT32, id="scale"),
    ],
)
def test_compute_types(load: Load, tmp_path: Path, layer: Any, dtype: DType) -> None:
    stored = [
        weight("table", (5, 4), "float16"),
        constant("indices", [1, 2]),
        constant("q", [[1, 2], [3, 4]], "uint8"),
        constant("s", 0.5, "float32"),
        constant("z", 0, "uint8"),
    ]
    (loaded,) = load(save(tmp_path / "m.onnx", [layer], [], ["y"], stored)).layers
    assert loaded.compute_dtype is dtype


@pytest.mark.parametrize("opset", [6, 9, 10])
def test_upsample_stays_upsample(load: Load, tmp_path: Path, opset: int) -> None:
    if opset < 9:
        layer, stored = node("Upsample", ["x"], ["y"], scales=[1.0, 1.0, 2.0, 3.0]), []
    else:
        layer = node("Upsample", ["x", "scales"], ["y"])
        stored = [constant("scales", [1, 1, 2, 3], "float32")]
    loaded = only_layer(load, tmp_path / "m.onnx", layer, (1, 2, 4, 5), stored, opset=max(7, opset))
    assert (loaded.op, loaded.output.shape) == ("Upsample", (1, 2, 8, 15))


def test_nodes_may_come_in_any_order(load: Load, tmp_path: Path) -> None:
    nodes = [node("Relu", ["h"], ["y"], name="second"), node("Relu", ["x"], ["h"], name="first")]
    graph = load(save(tmp_path / "m.onnx", nodes, [value("x", (3,))], ["y"]))
    assert [layer.name for layer in graph.layers] == ["first", "second"]
    assert graph.outputs[0].shape == (3,)


def test_what_no_output_needs_is_left_out(load: Load, tmp_path: Path) -> None:
    nodes = [node("Relu", ["x"], ["y"]), node("MatMul", ["x", "absent"], ["unused"])]
    graph = load(save(tmp_path / "m.onnx", nodes, [value("x", (3,))], ["y"]))
    assert [layer.op for layer in graph.layers] == ["Relu"]


@pytest.mark.parametrize(
    ("nodes", "message"),
    [
        pytest.param([node("Relu", ["z"], ["y"])], "nothing produces 'z'", id="undefined"),
        pytest.param(
            [node("Relu", ["x"], ["y"]), node("Abs", ["x"], ["y"])],
            "'y' is produced twice",
            id="twice",
        ),
        pytest.param(
            [node("Relu", ["x"], ["x"]), node("Abs", ["x"], ["y"])],
            "'x' is produced twice",
            id="input",
        ),
        pytest.param(
            [node("Relu", ["b"], ["a"]), node("Abs", ["a"], ["b"]), node("Abs", ["a"], ["y"])],
            "depends on its own output",
            id="cycle",
        ),
        pytest.param([], "nothing produces 'y'", id="output"),
    ],
)
def test_graphs_that_are_none(load: Load, tmp_path: Path, nodes: list[Any], message: str) -> None:
    with pytest.raises(BrokenArtifact, match=message):
        load(save(tmp_path / "m.onnx", nodes, [value("x", (3,))], ["y"]))
