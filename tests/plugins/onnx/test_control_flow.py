"""If, Loop, Scan and SequenceMap: bodies, trip counts, captures, shapes."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders.onnx_models import constant, graph, model, node, onnx, save, value, weight

from costdb import canonical
from costdb.cost.engine import cost
from costdb.errors import BindingError, BrokenArtifact
from costdb.ir import DType, Graph, Role

Load = Callable[..., Graph]


def branch(op: str, *more: str, name: str = "branch") -> Any:
    """A branch that reads `x` of the graph around it."""
    return graph([node(op, ["x", *more], ["result"], name=op)], [], ["result"], name=name)


def save_if(path: Path, then_branch: Any, else_branch: Any, stored: Sequence[Any] = ()) -> Path:
    layer = node(
        "If", ["condition"], ["y"], name="if", then_branch=then_branch, else_branch=else_branch
    )
    inputs = [value("x", (4, 4)), value("condition", (), "BOOL")]
    return save(path, [layer], inputs, ["y"], stored)


def test_both_branches(load: Load, tmp_path: Path) -> None:
    path = save_if(
        tmp_path / "m.onnx", branch("Relu"), branch("MatMul", "w"), [weight("w", (4, 4))]
    )
    loaded = load(path)
    (layer,) = loaded.layers
    assert [body.trip_count for body in layer.bodies] == [1, 1]
    assert [[inner.op for inner in body.graph.layers] for body in layer.bodies] == [
        ["Relu"],
        ["MatMul"],
    ]
    assert {(tensor.name, tensor.role) for tensor in layer.captures} == {
        ("x", Role.INPUT),
        ("w", Role.STORED),
    }
    assert loaded.outputs[0].shape == (4, 4)
    # The costlier branch: 4*4 dot products of length 4.
    assert cost(loaded).totals.macs == 64


def test_names_of_bodies_are_unique(load: Load, tmp_path: Path) -> None:
    loaded = load(save_if(tmp_path / "m.onnx", branch("Relu"), branch("Abs")))
    (layer,) = loaded.layers
    names = [tensor.name for body in layer.bodies for tensor in body.graph.outputs]
    assert len(set(names)) == 2
    structure = canonical.structure_json(loaded)
    restored = canonical.graph_from_json(structure, canonical.names_json(loaded))
    assert canonical.structure_json(restored) == structure


@pytest.mark.parametrize(("said", "op"), [("true", "Relu"), ("false", "Abs")])
def test_a_known_condition_leaves_one_branch(
    load: Load, tmp_path: Path, said: str, op: str
) -> None:
    path = save_if(tmp_path / "m.onnx", branch("Relu"), branch("Abs"))
    (layer,) = load(path, inputs=[f"condition:={said}"]).layers
    assert [[inner.op for inner in body.graph.layers] for body in layer.bodies] == [[op]]


def test_a_branch_that_cannot_run_is_left_out_and_noted(load: Load, tmp_path: Path) -> None:
    stored = [weight("w", (5, 4))]
    loaded = load(save_if(tmp_path / "m.onnx", branch("Relu"), branch("MatMul", "w"), stored))
    (layer,) = loaded.layers
    assert [body.graph.layers[0].op for body in layer.bodies] == ["Relu"]
    assert loaded.outputs[0].shape == (4, 4)
    assert [note.split(",")[0] for note in loaded.notes] == ["layer 'if': a branch is left out"]


def test_no_branch_can_run(load: Load, tmp_path: Path) -> None:
    matmul = branch("MatMul", "w")
    with pytest.raises(BrokenArtifact, match="does not fit its inputs 4x4, 5x4"):
        load(save_if(tmp_path / "m.onnx", matmul, matmul, [weight("w", (5, 4))]))


def test_branches_of_different_sizes_are_a_bound(load: Load, tmp_path: Path) -> None:
    def rows(count: int) -> Any:
        return graph(
            [
                node("Constant", [], ["sizes"], value=constant("", [count, 4])),
                node("ConstantOfShape", ["sizes"], ["result"]),
            ],
            [],
            ["result"],
        )

    (output,) = load(save_if(tmp_path / "m.onnx", rows(3), rows(7))).outputs
    assert (output.shape, output.is_upper_bound, output.dtype) == ((7, 4), True, DType.FLOAT32)


def save_loop(
    path: Path,
    body: Any,
    trips: Any,
    *,
    condition: str = "",
    carried: str = "x",
    stored: Sequence[Any] = (),
) -> Path:
    """A loop that carries `x` of shape (2, 3); its trip count is an input or stored."""
    is_stored = not isinstance(trips, str)
    inputs = [value("x", (2, 3)), value("flag", (), "BOOL")]
    if not is_stored:
        inputs.append(value("trips", (), "INT64"))
    layer = node("Loop", ["trips", condition, carried], ["y", "collected"], name="loop", body=body)
    numbers = [constant("trips", trips)] if is_stored else []
    return save(path, [layer], inputs, ["y", "collected"], [*numbers, *stored])


def step(nodes: Sequence[Any], goes_on: str = "goes_on") -> Any:
    """A loop's body: nodes from `h` to `next`, and what it collects."""
    return graph(
        [node("Identity", [goes_on], ["still"]), *nodes, node("Abs", ["next"], ["seen"])],
        [value("i", (), "INT64"), value("goes_on", (), "BOOL"), value("h", None)],
        ["still", "next", "seen"],
        name="body",
    )


PRODUCT = node("MatMul", ["h", "w"], ["next"], name="product")


def test_a_loop_that_counts(load: Load, tmp_path: Path) -> None:
    stored = [weight("w", (3, 3))]
    loaded = load(save_loop(tmp_path / "m.onnx", step([PRODUCT]), 5, stored=stored))
    (layer,) = loaded.layers
    (body,) = layer.bodies
    assert body.trip_count == 5
    assert [tensor.name for tensor in layer.captures] == ["w"]
    assert [tensor.shape for tensor in body.graph.inputs] == [(), (), (2, 3)]
    assert [tensor.role for tensor in body.graph.inputs] == [Role.INPUT] * 3
    assert [tensor.shape for tensor in loaded.outputs] == [(2, 3), (5, 2, 3)]
    # Five times 2*3 dot products of length 3.
    assert cost(loaded).totals.macs == 90
    assert cost(loaded).totals.params == 9


@pytest.mark.parametrize(
    ("condition", "goes_on", "trips"),
    [
        pytest.param("", "goes_on", 5, id="no condition"),
        pytest.param("true", "goes_on", 5, id="true, handed on"),
        pytest.param("true", "true", 5, id="true again"),
        pytest.param("false", "goes_on", 0, id="never"),
        pytest.param("true", "false", 1, id="once"),
        pytest.param("flag", "goes_on", None, id="an input decides"),
        pytest.param("true", "flag", None, id="the body decides"),
    ],
)
def test_conditions_decide_the_trip_count(
    load: Load, tmp_path: Path, condition: str, goes_on: str, trips: int | None
) -> None:
    stored = [constant(str(flag).lower(), flag, "bool") for flag in (True, False)]
    body = step([node("Relu", ["h"], ["next"])], goes_on)
    path = save_loop(tmp_path / "m.onnx", body, 5, condition=condition, stored=stored)
    loaded = load(path)
    assert loaded.layers[0].bodies[0].trip_count == trips
    assert loaded.outputs[1].shape == (trips, 2, 3)


def test_a_trip_count_that_is_fed(load: Load, tmp_path: Path) -> None:
    path = save_loop(tmp_path / "m.onnx", step([node("Relu", ["h"], ["next"])]), "fed")
    assert load(path).layers[0].bodies[0].trip_count is None
    assert load(path, trips=["loop=7"]).layers[0].bodies[0].trip_count == 7
    assert load(path, trips=["loop=7"]).outputs[1].shape == (7, 2, 3)
    assert load(path, inputs=["trips:=4"]).layers[0].bodies[0].trip_count == 4
    with pytest.raises(BindingError, match="no loop 'lop'") as caught:
        load(path, trips=["lop=7"])
    assert caught.value.hint == "did you mean 'loop'?"


def test_a_trip_count_that_contradicts_the_file(load: Load, tmp_path: Path) -> None:
    path = save_loop(tmp_path / "m.onnx", step([node("Relu", ["h"], ["next"])]), 5)
    assert load(path, trips=["loop=5"]).layers[0].bodies[0].trip_count == 5
    with pytest.raises(BindingError, match="'loop' runs 5 times, not 6"):
        load(path, trips=["loop=6"])


def test_what_grows_in_a_loop_has_no_size(load: Load, tmp_path: Path) -> None:
    grows = node("Concat", ["h", "x"], ["next"], axis=0)
    loaded = load(save_loop(tmp_path / "m.onnx", step([grows]), 5))
    assert loaded.outputs[0].shape == (None, 3)
    (body,) = loaded.layers[0].bodies
    assert body.graph.inputs[2].shape == (None, 3)


def test_loops_within_loops(load: Load, tmp_path: Path) -> None:
    inner = step([PRODUCT])
    for value_info in (*inner.input, *inner.output):
        assert value_info.name
    body = graph(
        [
            node("Identity", ["goes_on"], ["still"]),
            node("Loop", ["inner_trips", "", "h"], ["next", ""], name="inner", body=inner),
            node("Abs", ["next"], ["seen"]),
        ],
        [value("i", (), "INT64"), value("goes_on", (), "BOOL"), value("h", None)],
        ["still", "next", "seen"],
    )
    stored = [weight("w", (3, 3)), constant("inner_trips", 4)]
    loaded = load(save_loop(tmp_path / "m.onnx", body, 5, stored=stored))
    (layer,) = loaded.layers
    assert {tensor.name for tensor in layer.captures} == {"w", "inner_trips"}
    assert loaded.outputs[0].shape == (2, 3)
    assert cost(loaded).totals.macs == 5 * 4 * 18


def save_scan(
    path: Path, opset: int, inputs: Sequence[str], shapes: Any, **attributes: Any
) -> Path:
    body = graph(
        [node("Add", ["sum_in", "slice"], ["sum_out"]), node("Relu", ["sum_out"], ["kept"])],
        [value("sum_in", None), value("slice", None)],
        ["sum_out", "kept"],
        name="body",
    )
    layer = node(
        "Scan", inputs, ["y", "scanned"], name="scan", body=body, num_scan_inputs=1, **attributes
    )
    fed = [value(name, shape) for name, shape in shapes.items()]
    return save(path, [layer], fed, ["y", "scanned"], opset=opset)


@pytest.mark.parametrize(
    ("attributes", "trips", "scanned"),
    [
        pytest.param({}, 7, (7, 3), id="first axis"),
        pytest.param(
            {"scan_input_axes": [0], "scan_output_axes": [1]}, 7, (3, 7), id="output axis"
        ),
        pytest.param({"scan_output_axes": [-1]}, 7, (3, 7), id="negative output axis"),
    ],
)
def test_a_scan_runs_along_an_axis(
    load: Load, tmp_path: Path, attributes: dict[str, Any], trips: int, scanned: tuple[int, ...]
) -> None:
    shapes = {"start": (3,), "x": (7, 3)}
    loaded = load(save_scan(tmp_path / "m.onnx", 17, ["start", "x"], shapes, **attributes))
    assert loaded.layers[0].bodies[0].trip_count == trips
    assert [tensor.shape for tensor in loaded.outputs] == [(3,), scanned]


def test_a_scan_along_another_axis(load: Load, tmp_path: Path) -> None:
    shapes = {"start": (3,), "x": (3, 7)}
    path = save_scan(tmp_path / "m.onnx", 17, ["start", "x"], shapes, scan_input_axes=[1])
    loaded = load(path)
    assert loaded.layers[0].bodies[0].trip_count == 7
    assert loaded.layers[0].bodies[0].graph.inputs[1].shape == (3,)


def test_a_scan_of_opset_8_has_a_batch_axis(load: Load, tmp_path: Path) -> None:
    shapes = {"start": (2, 3), "x": (2, 7, 3)}
    loaded = load(save_scan(tmp_path / "m.onnx", 8, ["", "start", "x"], shapes))
    (body,) = loaded.layers[0].bodies
    assert body.trip_count == 2 * 7
    assert [tensor.shape for tensor in body.graph.inputs] == [(3,), (3,)]
    assert [tensor.shape for tensor in loaded.outputs] == [(2, 3), (2, 7, 3)]


def test_a_sequence_map(load: Load, tmp_path: Path) -> None:
    helper = onnx().helper
    sequence = helper.make_sequence_type_proto(helper.make_tensor_type_proto(1, (2, 3)))
    body = graph([node("MatMul", ["item", "w"], ["made"])], [value("item", None)], ["made"])
    nodes = [
        node("SequenceMap", ["items"], ["mapped"], name="map", body=body),
        node("ConcatFromSequence", ["mapped"], ["y"], axis=0),
    ]
    proto = graph(nodes, [helper.make_value_info("items", sequence)], ["y"], [weight("w", (3, 4))])
    path = tmp_path / "m.onnx"
    path.write_bytes(model(proto).SerializeToString())
    loaded = load(path, trips=["map=6"])
    assert loaded.layers[0].output.dtype is DType.HANDLE
    assert loaded.layers[0].bodies[0].graph.outputs[0].shape == (2, 4)
    assert cost(loaded).totals.macs == 6 * 2 * 4 * 3


def test_a_body_that_takes_other_inputs(load: Load, tmp_path: Path) -> None:
    body = step([node("Relu", ["h"], ["next"])])
    body.input.pop()
    with pytest.raises(BrokenArtifact, match="takes 2 inputs and is given 3"):
        load(save_loop(tmp_path / "m.onnx", body, 5))


def test_a_body_of_an_operator_that_no_one_knows(load: Load, tmp_path: Path) -> None:
    body = graph([node("Relu", ["h"], ["out"])], [value("h", (1, "n"))], ["out"])
    layer = node("Search", ["x"], ["y"], name="search", domain="vendor", decoder=body)
    path = save(tmp_path / "m.onnx", [layer], [value("x", ("n", 3))], ["y"], domains={"vendor": 1})
    (loaded,) = load(path, dims=["n=4"], trips=["search=9"]).layers
    assert [body.trip_count for body in loaded.bodies] == [9]
    assert loaded.bodies[0].graph.outputs[0].shape == (1, 4)


def test_graphs_inside_attention_see_the_scores(load: Load, tmp_path: Path) -> None:
    halved = graph(
        [node("Mul", ["scores", "half"], ["halved"])],
        [value("scores", None)],
        ["halved"],
        [constant("half", 0.5, "float32")],
    )
    attention = node(
        "FlexAttention",
        ["x", "key", "value"],
        ["y"],
        domain="ai.onnx.preview",
        score_mod=halved,
    )
    inputs = [value("x", (2, 4, 5, 8)), value("key", (2, 2, 7, 8)), value("value", (2, 2, 7, 6))]
    path = save(
        tmp_path / "m.onnx", [attention], inputs, ["y"], opset=24, domains={"ai.onnx.preview": 1}
    )
    loaded = load(path)
    assert loaded.outputs[0].shape == (2, 4, 5, 6)
    (multiplied,) = loaded.layers[0].bodies[0].graph.layers
    # Batch, query heads, queries, keys.
    assert multiplied.output.shape == (2, 4, 5, 7)
    assert cost(loaded).unknown_ops == {}
