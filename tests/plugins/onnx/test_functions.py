"""Local functions are inlined, whatever their opset; their layers say which call they are of."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, graph, model, node, onnx, value, weight

from costdb.cost.engine import cost
from costdb.errors import BrokenArtifact
from costdb.ir import Graph, Role

Load = Callable[..., Graph]

DOMAIN = "local"


def function(
    name: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
    nodes: Sequence[Any],
    *,
    opset: int = 17,
    attributes: Sequence[str] = (),
    defaults: Mapping[str, object] | None = None,
) -> Any:
    helper = onnx().helper
    return helper.make_function(
        DOMAIN,
        name,
        list(inputs),
        list(outputs),
        list(nodes),
        [helper.make_opsetid("", opset), helper.make_opsetid(DOMAIN, 1)],
        list(attributes),
        [helper.make_attribute(key, default) for key, default in (defaults or {}).items()],
    )


def call(function_name: str, inputs: Sequence[str], outputs: Sequence[str], **more: Any) -> Any:
    return node(function_name, inputs, outputs, domain=DOMAIN, **more)


def save(
    path: Path, nodes: Sequence[Any], functions: Sequence[Any], stored: Sequence[Any] = ()
) -> Path:
    proto = graph(nodes, [value("x", (2, 3))], ["y"], stored)
    path.write_bytes(model(proto, domains={DOMAIN: 1}, functions=functions).SerializeToString())
    return path


DENSE = function(
    "Dense",
    ["data", "matrix"],
    ["out"],
    [
        node("MatMul", ["data", "matrix"], ["product"], name="product"),
        node("Relu", ["product"], ["out"]),
    ],
)


def test_calls_are_inlined(load: Load, tmp_path: Path) -> None:
    nodes = [
        call("Dense", ["x", "w1"], ["h"], name="/first"),
        call("Dense", ["h", "w2"], ["y"], name="/second"),
    ]
    stored = [weight("w1", (3, 5)), weight("w2", (5, 7))]
    loaded = load(save(tmp_path / "m.onnx", nodes, [DENSE], stored))
    assert [(layer.op, layer.name, layer.scope) for layer in loaded.layers] == [
        ("MatMul", "first/product", "first"),
        ("Relu", "first/Relu:out", "first"),
        ("MatMul", "second/product", "second"),
        ("Relu", "second/Relu:out", "second"),
    ]
    assert loaded.outputs[0].shape == (2, 7)
    assert cost(loaded).totals.macs == 2 * 3 * 5 + 2 * 5 * 7
    names = [tensor.name for tensor in loaded.tensors()]
    assert len(set(names)) == len(names)


def test_functions_call_functions(load: Load, tmp_path: Path) -> None:
    twice = function(
        "Twice",
        ["a", "m"],
        ["c"],
        [
            call("Dense", ["a", "m"], ["b"], name="one"),
            call("Dense", ["b", "m"], ["c"], name="two"),
        ],
    )
    nodes = [call("Twice", ["x", "w"], ["y"], name="block")]
    loaded = load(save(tmp_path / "m.onnx", nodes, [twice, DENSE], [weight("w", (3, 3))]))
    assert [layer.scope for layer in loaded.layers] == ["block/one"] * 2 + ["block/two"] * 2


def test_a_function_of_another_opset(load: Load, tmp_path: Path) -> None:
    # Axes are an input from opset 18 on; the model is of opset 17.
    mean = function(
        "Mean",
        ["a"],
        ["b"],
        [
            node("Constant", [], ["axes"], value=constant("", [1])),
            node("ReduceMean", ["a", "axes"], ["b"], keepdims=0),
        ],
        opset=18,
    )
    loaded = load(save(tmp_path / "m.onnx", [call("Mean", ["x"], ["y"])], [mean]))
    assert loaded.outputs[0].shape == (2,)
    assert loaded.layers[0].attributes["axes"] == (1,)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        pytest.param({"axis": 0}, (4, 3), id="given"),
        pytest.param({}, (2, 6), id="default"),
    ],
)
def test_attributes_of_a_call(
    load: Load, tmp_path: Path, given: dict[str, int], shape: tuple[int, ...]
) -> None:
    inner = node("Concat", ["a", "a"], ["b"])
    inner.attribute.add(name="axis", ref_attr_name="axis", type=onnx().AttributeProto.INT)
    doubled = function("Doubled", ["a"], ["b"], [inner], defaults={"axis": 1})
    loaded = load(save(tmp_path / "m.onnx", [call("Doubled", ["x"], ["y"], **given)], [doubled]))
    assert loaded.outputs[0].shape == shape


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        pytest.param({"way": 0}, (8, 3), id="given"),
        pytest.param({}, (2, 12), id="the outer default"),
    ],
)
def test_attributes_go_through_two_functions(
    load: Load, tmp_path: Path, given: dict[str, int], shape: tuple[int, ...]
) -> None:
    integer = onnx().AttributeProto.INT
    inner = node("Concat", ["a", "a"], ["b"])
    inner.attribute.add(name="axis", ref_attr_name="along", type=integer)
    doubled = function("Doubled", ["a"], ["b"], [inner], attributes=["along"])
    calls = [call("Doubled", ["a"], ["h"]), call("Doubled", ["h"], ["b"])]
    for each in calls:
        each.attribute.add(name="along", ref_attr_name="way", type=integer)
    outer = function("Twice", ["a"], ["b"], calls, defaults={"way": 1})
    path = save(tmp_path / "m.onnx", [call("Twice", ["x"], ["y"], **given)], [outer, doubled])
    assert load(path).outputs[0].shape == shape


def test_functions_of_one_name_and_several_overloads(load: Load, tmp_path: Path) -> None:
    wide = function("Act", ["a"], ["b"], [node("Relu", ["a"], ["b"])])
    tall = function("Act", ["a"], ["b"], [node("Transpose", ["a"], ["b"])])
    tall.overload = "turned"
    nodes = [call("Act", ["x"], ["h"]), call("Act", ["h"], ["y"], overload="turned")]
    loaded = load(save(tmp_path / "m.onnx", nodes, [wide, tall]))
    assert [layer.op for layer in loaded.layers] == ["Relu", "Transpose"]


def test_optional_inputs_and_inputs_that_are_handed_through(load: Load, tmp_path: Path) -> None:
    clip = function(
        "Bounded", ["a", "low", "high"], ["b", "a"], [node("Clip", ["a", "low", "high"], ["b"])]
    )
    nodes = [
        call("Bounded", ["x", "", "top"], ["h", "same"]),
        node("Add", ["h", "same"], ["y"]),
    ]
    loaded = load(save(tmp_path / "m.onnx", nodes, [clip], [constant("top", 6, "float32")]))
    assert [layer.op for layer in loaded.layers] == ["Clip", "Identity", "Add"]
    clipped = loaded.layers[0]
    assert [tensor and tensor.role for tensor in clipped.inputs] == [Role.INPUT, None, Role.STORED]
    assert loaded.outputs[0].shape == (2, 3)


def test_bodies_in_functions(load: Load, tmp_path: Path) -> None:
    branches = {
        name: graph([node(op, ["a"], ["r"])], [], ["r"], name=name)
        for name, op in (("then_branch", "Relu"), ("else_branch", "Abs"))
    }
    choice = function("Choice", ["a", "c"], ["b"], [node("If", ["c"], ["b"], **branches)])
    nodes = [
        node("Constant", [], ["yes"], value=constant("", [1], "bool")),
        call("Choice", ["x", "yes"], ["h"], name="one"),
        call("Choice", ["h", "yes"], ["y"], name="two"),
    ]
    loaded = load(save(tmp_path / "m.onnx", nodes, [choice]))
    captured = [tensor.name for layer in loaded.layers for tensor in layer.captures]
    assert captured == ["x", "h"]
    assert [layer.bodies[0].graph.layers[0].op for layer in loaded.layers] == ["Relu", "Relu"]


@pytest.mark.parametrize(
    ("functions", "message"),
    [
        pytest.param(
            [function("F", ["a"], ["b"], [call("F", ["a"], ["b"])])],
            "function 'F' calls itself",
            id="recursion",
        ),
        pytest.param(
            [
                function("F", ["a"], ["b"], [call("G", ["a"], ["b"])]),
                function("G", ["a"], ["b"], [call("F", ["a"], ["b"])]),
            ],
            "function 'F' calls itself",
            id="mutual recursion",
        ),
        pytest.param(
            [function("F", ["a"], ["b"], [node("Add", ["a", "x"], ["b"])])],
            "nothing produces 'x', which function 'F' reads",
            id="a name of the model",
        ),
        pytest.param(
            [
                function(
                    "F" if level == 0 else f"F{level}",
                    ["a"],
                    ["b"],
                    [
                        call(f"F{level + 1}", ["a"], ["c"]),
                        call(f"F{level + 1}", ["c"], ["b"]),
                    ],
                )
                for level in range(40)
            ],
            "expand to more than 200,000 nodes",
            id="2^40 nodes",
        ),
        pytest.param(
            [
                function(
                    "F" if n == 0 else f"F{n}", ["a"], ["b"], [call(f"F{n + 1}", ["a"], ["b"])]
                )
                for n in range(100)
            ],
            "nest more than 64 deep",
            id="100 deep",
        ),
    ],
)
def test_hostile_functions(load: Load, tmp_path: Path, functions: list[Any], message: str) -> None:
    with pytest.raises(BrokenArtifact, match=message):
        load(save(tmp_path / "m.onnx", [call("F", ["x"], ["y"])], functions))
