"""While, If and Case with functions that are missing, do not fit, or never end."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.cost.engine import cost
from costdb.errors import BrokenArtifact
from costdb.ir import Graph
from costdb_tensorflow import walk

Load = Callable[..., Graph]

FLOAT, BOOL = 1, 10


def function(
    name: str, *nodes: Any, takes: Sequence[int] = (FLOAT,), **returns: tuple[str, int]
) -> Any:
    """A FunctionDef with arguments `x0`, `x1`, ...; what it returns is named with its dtype."""
    from tensorflow.core.framework import function_pb2

    made = function_pb2.FunctionDef(node_def=nodes)
    made.signature.name = name
    for place, dtype in enumerate(takes):
        made.signature.input_arg.add(name=f"x{place}", type=dtype)
    for result, (value, dtype) in returns.items():
        made.signature.output_arg.add(name=result, type=dtype)
        made.ret[result] = value
    return made


def called(name: str) -> Any:
    """An AttrValue that names a function."""
    value = models.tensorflow().compat.v1.AttrValue()
    value.func.name = name
    return value


def running(name: str, op: str, *inputs: str, types: str = "T", **functions: str) -> Any:
    """A node that names functions; every value is a float."""
    tf = models.tensorflow()
    made = models.node(name, op, *inputs)
    for attribute, function_name in functions.items():
        made.attr[attribute].CopyFrom(called(function_name))
    if op == "If":
        made.attr["Tcond"].type = FLOAT
    for attribute in types.split():
        made.attr[attribute].list.type.extend([tf.float32.as_datatype_enum] * 1)
    return made


def write(path: Path, nodes: Sequence[Any], functions: Sequence[Any]) -> Path:
    tf = models.tensorflow()
    graph_def = tf.compat.v1.GraphDef(node=[models.placeholder("x", [4, 4]), *nodes])
    graph_def.library.function.extend(functions)
    graph_def.versions.producer = tf.version.GRAPH_DEF_VERSION
    path.write_bytes(graph_def.SerializeToString())
    return path


def condition() -> Any:
    """Whether the sum is small: data."""
    import numpy as np

    tf = models.tensorflow()
    return function(
        "goes_on",
        models.constant("axes", np.array([0, 1], np.int32)),
        models.constant("limit", np.float32(9)),
        models.node("sum", "Sum", "x0", "axes:output:0", T=tf.float32, Tidx=tf.int32),
        models.node("less", "Less", "sum:output:0", "limit:output:0", T=tf.float32),
        y=("less:z:0", BOOL),
    )


def product(name: str = "square") -> Any:
    tf = models.tensorflow()
    return function(
        name,
        models.node("product", "MatMul", "x0", "x0", T=tf.float32),
        y=("product:product:0", FLOAT),
    )


def loop(body: str = "square", name: str = "loop", given: str = "x") -> Any:
    return running(name, "While", given, body=body, cond="goes_on")


def recursive(name: str, other: str) -> Any:
    """A function whose body is a loop over another function."""
    return function(name, loop(other, "inner", "x0"), y=("inner:output:0", FLOAT))


def test_a_loop_of_functions_runs_its_body(tmp_path: Path, load: Load) -> None:
    path = write(tmp_path / "model.pb", [loop()], [product(), condition()])
    assert cost(load(path, trips=["loop=3"])).totals.macs == 3 * 4 * 4 * 4


def chain(depth: int) -> list[Any]:
    """Loops in loops: the innermost multiplies."""
    bodies = [recursive(f"f{n}", f"f{n + 1}" if n < depth - 2 else "square") for n in range(depth)]
    return [*bodies, product(), condition()]


def test_loops_may_nest(tmp_path: Path, load: Load) -> None:
    path = write(tmp_path / "model.pb", [loop("f0")], chain(50))
    assert cost(load(path)).totals.macs == 4 * 4 * 4


def growing(depth: int) -> list[Any]:
    """Loops in loops, each of which makes what it carries longer."""
    import numpy as np

    tf = models.tensorflow()

    def longer(name: str, *before: Any, value: str) -> Any:
        return function(
            name,
            *before,
            models.constant("axis", np.int32(0)),
            models.node(
                "longer", "ConcatV2", value, "x0", "axis:output:0", N=2, T=tf.float32, Tidx=tf.int32
            ),
            y=("longer:output:0", FLOAT),
        )

    return [
        *(
            longer(f"f{n}", loop(f"f{n + 1}", "inner", "x0"), value="inner:output:0")
            for n in range(depth)
        ),
        longer(f"f{depth}", value="x0"),
        condition(),
    ]


def test_loops_that_nest_and_grow_are_given_up(
    tmp_path: Path, load: Load, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each walks the one inside it twice: thirty of them would take a billion walks."""
    monkeypatch.setattr(walk, "MAX_REGION_WALKS", 200)
    path = write(tmp_path / "model.pb", [loop("f0")], growing(30))
    with pytest.raises(BrokenArtifact, match="nest so deep that their shapes cannot be followed"):
        load(path)


def test_what_a_loop_lengthens_is_of_unknown_length(tmp_path: Path, load: Load) -> None:
    path = write(tmp_path / "model.pb", [loop("f0")], growing(1))
    assert [tensor.shape for tensor in load(path).outputs] == [(None, 4)]


def twice(depth: int) -> list[Any]:
    """Functions of which each runs the next one in two loops."""

    def both(name: str, inner: str) -> Any:
        nodes = (loop(inner, "a", "x0"), loop(inner, "b", "a:output:0"))
        return function(name, *nodes, y=("b:output:0", FLOAT))

    bodies = [both(f"f{n}", f"f{n + 1}") for n in range(depth)]
    return [*bodies, product(f"f{depth}"), condition()]


def framed() -> Any:
    """A function whose body is a loop of TensorFlow 1."""
    import numpy as np

    tf = models.tensorflow()
    return function(
        "framed",
        models.constant("zero", np.int32(0)),
        models.constant("one", np.int32(1)),
        models.constant("five", np.int32(5)),
        models.node("enter_i", "Enter", "zero:output:0", T=tf.int32, frame_name="loop"),
        models.node("enter", "Enter", "x0", T=tf.float32, frame_name="loop"),
        models.node("kept", "Enter", "x0", T=tf.float32, frame_name="loop", is_constant=True),
        models.node("i", "Merge", "enter_i:output:0", "next_i:output:0", T=tf.int32, N=2),
        models.node("y", "Merge", "enter:output:0", "next:output:0", T=tf.float32, N=2),
        models.node("less", "Less", "i:output:0", "five:output:0", T=tf.int32),
        models.node("goes_on", "LoopCond", "less:z:0"),
        models.node("switch_i", "Switch", "i:output:0", "goes_on:output:0", T=tf.int32),
        models.node("switch", "Switch", "y:output:0", "goes_on:output:0", T=tf.float32),
        models.node("more", "AddV2", "switch_i:output_true:0", "one:output:0", T=tf.int32),
        models.node("product", "MatMul", "switch:output_true:0", "kept:output:0", T=tf.float32),
        models.node("next_i", "NextIteration", "more:z:0", T=tf.int32),
        models.node("next", "NextIteration", "product:product:0", T=tf.float32),
        models.node("exit", "Exit", "switch:output_false:0", T=tf.float32),
        y=("exit:output:0", FLOAT),
    )


def test_a_function_may_have_loops_of_frames(tmp_path: Path, load: Load) -> None:
    """It is called twice, and each call has a loop of its own."""
    calls = [models.node("one", "framed", "x"), models.node("two", "framed", "one")]
    path = write(tmp_path / "model.pb", calls, [framed()])
    graph = load(path)
    assert [layer.name for layer in graph.layers if layer.bodies] == ["one/loop", "two/loop"]
    assert cost(graph).totals.macs == 2 * 5 * 4 * 4 * 4


def test_a_loop_may_run_loops_of_frames(tmp_path: Path, load: Load) -> None:
    path = write(tmp_path / "model.pb", [loop("framed")], [framed(), condition()])
    assert cost(load(path, trips=["loop=3"])).totals.macs == 3 * 5 * 4 * 4 * 4


def two_results() -> Any:
    tf = models.tensorflow()
    nodes = (models.node("a", "Relu", "x0", T=tf.float32),)
    return function("two", *nodes, y=("a:activations:0", FLOAT), z=("a:activations:0", FLOAT))


BROKEN = [
    pytest.param([loop], [], "'loop' calls a function that is not in the file", id="no functions"),
    pytest.param(
        [loop], [product], "'loop' calls a function that is not in the file", id="no condition"
    ),
    pytest.param(
        [lambda: running("loop", "While", "x")],
        [],
        "'loop' calls a function that is not in the file",
        id="a loop that names nothing",
    ),
    pytest.param(
        [lambda: loop("f0")],
        [lambda: recursive("f0", "f0"), condition],
        "function 'f0' is called 64 functions deep",
        id="a loop that runs itself",
    ),
    pytest.param(
        [lambda: loop("f0")],
        [lambda: recursive("f0", "f1"), lambda: recursive("f1", "f0"), condition],
        "is called 64 functions deep",
        id="loops that run each other",
    ),
    pytest.param(
        [lambda: loop("f0")],
        [lambda: chain(100)],
        "is called 64 functions deep",
        id="loops that nest too deep",
    ),
    pytest.param(
        [lambda: loop("f0")],
        [lambda: twice(40)],
        "unfold to more than 2,000,000 nodes",
        id="loops that unfold without end",
    ),
    pytest.param(
        [lambda: loop("two")],
        [two_results, condition],
        "carries 1 values, its body returns 2 and its condition 1",
        id="a body with too many results",
    ),
    pytest.param(
        [lambda: running("loop", "While", "x", body="square", cond="two")],
        [product, two_results],
        "carries 1 values, its body returns 1 and its condition 2",
        id="a condition with two results",
    ),
    pytest.param(
        [lambda: running("loop", "While", "x", "x", body="square", cond="goes_on")],
        [product, condition],
        "gives 2 arguments to function 'square', which takes 1",
        id="a body with too few arguments",
    ),
    pytest.param(
        [lambda: running("if", "If", "x", "x", types="Tin Tout", then_branch="square")],
        [product],
        "'if' calls a function that is not in the file",
        id="a branch that is missing",
    ),
    pytest.param(
        [lambda: running("if", "If", types="Tout", then_branch="square", else_branch="square")],
        [product],
        "'if' calls a function that is not in the file",
        id="a branch without a condition",
    ),
    pytest.param(
        [
            lambda: running(
                "if", "If", "x", "x", types="Tin Tout", then_branch="square", else_branch="two"
            )
        ],
        [product, two_results],
        "a branch of 'if' returns 2 values, not 1",
        id="a branch with too many results",
    ),
    pytest.param(
        [lambda: running("case", "Case", "x", "x", types="Tin Tout")],
        [],
        "'case' calls a function that is not in the file",
        id="a case without branches",
    ),
]


def expanded(builders: Sequence[Callable[[], Any]]) -> list[Any]:
    made = [build() for build in builders]
    return [entry for one in made for entry in (one if isinstance(one, list) else [one])]


@pytest.mark.parametrize(("nodes", "functions", "message"), BROKEN)
def test_control_flow_that_does_not_fit_is_refused(
    tmp_path: Path,
    load: Load,
    nodes: Sequence[Callable[[], Any]],
    functions: Sequence[Callable[[], Any]],
    message: str,
) -> None:
    path = write(tmp_path / "model.pb", expanded(nodes), expanded(functions))
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(path)
    assert "\n" not in raised.value.message
