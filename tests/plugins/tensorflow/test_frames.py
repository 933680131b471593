"""Loops and branches as TensorFlow 1 writes them, and what is made of broken ones."""

import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.errors import BrokenArtifact
from costdb.ir import Graph

Load = Callable[..., Graph]

SIZE = 3

# How many times each graph is rewired at random.
ROUNDS = 60


def matrix(v1: Any) -> Any:
    import numpy as np

    return v1.constant(np.arange(SIZE * SIZE, dtype=np.float32).reshape(SIZE, SIZE), name="w")


def placeholder(v1: Any) -> Any:
    return v1.placeholder(v1.float32, [2, SIZE], name="x")


def counter(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)
    loop = v1.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, v1.matmul(y, w)), (0, x))
    v1.identity(loop[1], "y")


def unread(v1: Any) -> None:
    """The loop's results are the graph's."""
    x, w = placeholder(v1), matrix(v1)
    v1.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, v1.matmul(y, w)), (0, x))


def nested(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)

    def inner(y: Any) -> Any:
        return v1.while_loop(lambda j, _: j < 4, lambda j, z: (j + 1, v1.matmul(z, w)), (0, y))[1]

    v1.identity(v1.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, inner(y)), (0, x))[1], "y")


def mapped(v1: Any) -> None:
    x, w = v1.placeholder(v1.float32, [7, 2, SIZE], name="x"), matrix(v1)
    v1.identity(v1.map_fn(lambda row: v1.matmul(row, w), x), "y")


def branch(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)
    product = v1.cond(
        v1.reduce_sum(x) > 0, lambda: v1.matmul(v1.matmul(x, w), w), lambda: v1.zeros([2, SIZE])
    )
    v1.identity(product, "y")


def branches_in_branches(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)
    positive = v1.reduce_sum(x) > 0
    product = v1.cond(
        positive,
        lambda: v1.cond(x[0, 0] > 0, lambda: v1.matmul(x, w), lambda: x),
        lambda: v1.cond(x[0, 1] > 0, lambda: v1.matmul(v1.matmul(x, w), w), lambda: x),
    )
    v1.identity(product, "y")


def branches_in_a_row(v1: Any) -> None:
    """Both hang on one condition, and the second reads what the first yields."""
    x, w = placeholder(v1), matrix(v1)
    positive = v1.reduce_sum(x) > 0
    y = v1.cond(positive, lambda: v1.matmul(x, w), lambda: x)
    v1.identity(v1.cond(positive, lambda: v1.matmul(y, w), lambda: y), "y")


def several_results(v1: Any) -> None:
    """One product on either side, for another result each: only one of them runs."""
    x, w = placeholder(v1), matrix(v1)
    one, two = v1.cond(
        v1.reduce_sum(x) > 0, lambda: (v1.matmul(x, w), x), lambda: (x, v1.matmul(x, w))
    )
    v1.add(one, two, name="y")


def branch_in_a_loop(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)

    def body(i: Any, y: Any) -> Any:
        return i + 1, v1.cond(y[0, 0] > 0, lambda: v1.matmul(y, w), lambda: y)

    v1.identity(v1.while_loop(lambda i, _: i < 5, body, (0, x))[1], "y")


def loop_in_a_branch(v1: Any) -> None:
    x, w = placeholder(v1), matrix(v1)

    def loop() -> Any:
        return v1.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, v1.matmul(y, w)), (0, x))[1]

    v1.identity(v1.cond(x[0, 0] > 0, loop, lambda: x), "y")


def noise(v1: Any) -> None:
    """The body makes numbers out of stored values alone, anew in each run."""
    x = placeholder(v1)
    loop = v1.while_loop(
        lambda i, _: i < 5,
        lambda i, y: (i + 1, y + v1.matmul(v1.random_uniform([2, 4]), v1.random_uniform([4, 3]))),
        (0, x),
    )
    v1.identity(loop[1], "y")


def variables(v1: Any) -> None:
    """The body reads a variable of either kind."""
    x = placeholder(v1)
    held = [
        v1.get_variable(f"v{is_resource:d}", [SIZE, SIZE], use_resource=is_resource)
        for is_resource in (False, True)
    ]
    loop = v1.while_loop(
        lambda i, _: i < 5,
        lambda i, y: (i + 1, v1.matmul(v1.matmul(y, held[0]), held[1])),
        (0, x),
    )
    v1.identity(loop[1], "y")


# Graph -> products of 2xSIZE with SIZExSIZE, parameters, and whether data decide.
GRAPHS = [
    pytest.param(counter, 5, 9, False, id="counter"),
    pytest.param(unread, 5, 9, False, id="a loop whose results nothing reads"),
    pytest.param(nested, 12, 9, False, id="nested loops"),
    pytest.param(mapped, 7, 9, False, id="TensorArray"),
    pytest.param(variables, 2 * 5, 2 * 9, False, id="variables"),
    pytest.param(branch, 2, 9 + 6, True, id="a branch that yields a constant"),
    pytest.param(branches_in_branches, 2, 9, True, id="branches in branches"),
    pytest.param(branches_in_a_row, 2, 9, True, id="branches in a row"),
    pytest.param(several_results, 1, 9, True, id="branches with several results"),
    pytest.param(branch_in_a_loop, 5, 9, True, id="a branch in a loop"),
    pytest.param(loop_in_a_branch, 5, 9, True, id="a loop in a branch"),
]


@pytest.mark.parametrize(("build", "products", "params", "is_bounded"), GRAPHS)
def test_frames_cost_what_runs(
    tmp_path: Path,
    load: Load,
    build: Callable[[Any], None],
    products: int,
    params: int,
    *,
    is_bounded: bool,
) -> None:
    path = models.write_graph(build, tmp_path / "model.pb")
    assert b"Merge" in path.read_bytes()
    found = cost(load(path))
    assert found.totals.macs == products * 2 * SIZE * SIZE
    assert found.totals.params == params
    assert bool(found.coverage[Coverage.BOUNDED]) is is_bounded
    assert not found.is_lower_bound


def test_what_a_body_makes_of_stored_values_is_made_in_each_run(tmp_path: Path, load: Load) -> None:
    path = models.write_graph(noise, tmp_path / "model.pb")
    assert cost(load(path)).totals.macs == 5 * 2 * 4 * 3


def test_a_loop_is_named_for_its_frame(tmp_path: Path, load: Load) -> None:
    graph = load(models.write_graph(counter, tmp_path / "model.pb"))
    assert [layer.name for layer in graph.layers if layer.bodies] == ["while"]


def test_what_a_loop_counts_is_no_output(tmp_path: Path, load: Load) -> None:
    graph = load(models.write_graph(counter, tmp_path / "model.pb"))
    assert [tensor.name for tensor in graph.outputs] == ["y"]


def test_an_exit_may_be_asked_for(tmp_path: Path, load: Load) -> None:
    path = models.write_graph(counter, tmp_path / "model.pb")
    graph = load(path, outputs=["while/Exit_1"])
    assert [tensor.shape for tensor in graph.outputs] == [(2, SIZE)]
    assert cost(graph).totals.macs == 5 * 2 * SIZE * SIZE


def test_what_each_run_computes_cannot_be_asked_for(tmp_path: Path, load: Load) -> None:
    path = models.write_graph(counter, tmp_path / "model.pb")
    with pytest.raises(BrokenArtifact, match="'while/MatMul' is computed anew in each run"):
        load(path, outputs=["while/MatMul"])


def test_every_node_is_asked_for_but_those_of_loops(tmp_path: Path, load: Load) -> None:
    path = models.write_graph(counter, tmp_path / "model.pb")
    assert cost(load(path, outputs=["*"])).totals.macs == 5 * 2 * SIZE * SIZE


def frame(*changed: Any, without: str = "") -> list[Any]:
    """A loop of one value, some of its nodes changed or left out."""
    import numpy as np

    tf = models.tensorflow()
    nodes = [
        models.placeholder("x", [4, 4]),
        models.node("enter", "Enter", "x", T=tf.float32, frame_name="loop"),
        models.node("merge", "Merge", "enter", "next", T=tf.float32, N=2),
        models.constant("limit", np.float32(9)),
        models.constant("axes", np.array([0, 1], np.int32)),
        models.node("sum", "Sum", "merge", "axes", T=tf.float32, Tidx=tf.int32),
        models.node("enough", "Less", "sum", "limit", T=tf.float32),
        models.node("condition", "LoopCond", "enough"),
        models.node("switch", "Switch", "merge", "condition", T=tf.float32),
        models.node("body", "MatMul", "switch:1", "switch:1", T=tf.float32),
        models.node("next", "NextIteration", "body", T=tf.float32),
        models.node("exit", "Exit", "switch", T=tf.float32),
        models.node("after", "Relu", "exit", T=tf.float32),
    ]
    replaced = {entry.name: entry for entry in changed}
    return [replaced.get(entry.name, entry) for entry in nodes if entry.name != without]


def test_a_frame_whose_condition_is_data_runs_once(tmp_path: Path, load: Load) -> None:
    path = models.write_nodes(tmp_path / "model.pb", *frame())
    assert cost(load(path)).totals.macs == 4 * 4 * 4
    assert cost(load(path, trips=["loop=3"])).totals.macs == 3 * 4 * 4 * 4


def deep(levels: int) -> list[Any]:
    """Frames in frames."""
    tf = models.tensorflow()
    enters = [
        models.node(f"e{n}", "Enter", f"e{n - 1}" if n else "x", T=tf.float32, frame_name=f"f{n}")
        for n in range(levels)
    ]
    exits = [
        models.node(f"o{n}", "Exit", f"o{n - 1}" if n else f"e{levels - 1}", T=tf.float32)
        for n in range(levels)
    ]
    last = models.node("y", "Relu", f"o{levels - 1}", T=tf.float32)
    return [models.placeholder("x", [2]), *enters, *exits, last]


BROKEN = [
    pytest.param(
        lambda tf: frame(models.node("merge", "Merge", "enter", "enter", T=tf.float32, N=2)),
        "does not close",
        id="no next iteration",
    ),
    pytest.param(
        lambda tf: frame(models.node("merge", "Merge", "next", "next", T=tf.float32, N=2)),
        "does not close",
        id="nothing enters",
    ),
    pytest.param(
        lambda tf: frame(models.node("condition", "Identity", "enough", T=tf.bool)),
        "the loop at 'loop' does not close",
        id="no condition",
    ),
    pytest.param(
        lambda tf: frame(models.node("next", "NextIteration", T=tf.float32)),
        r"node 'next' \(NextIteration\) reads nothing",
        id="a next iteration of nothing",
    ),
    pytest.param(
        lambda tf: frame(models.node("exit", "Exit", "x", T=tf.float32)),
        "the loop at 'exit' does not close",
        id="an exit without a loop",
    ),
    pytest.param(
        lambda tf: frame(models.node("exit", "Identity", "switch", T=tf.float32)),
        "is computed anew in each run of a loop",
        id="no exit",
    ),
    pytest.param(
        lambda tf: frame(models.node("enter", "Identity", "x", T=tf.float32)),
        "does not close",
        id="no enter",
    ),
    pytest.param(
        lambda _: frame(without="next"), "reads 'next', which is not in the file", id="cut off"
    ),
    pytest.param(lambda _: deep(200), "loops nest more than 64 deep", id="too deep"),
    pytest.param(lambda _: deep(20), "the loop at 'f19' does not close", id="empty frames"),
]


@pytest.mark.parametrize(("build", "message"), BROKEN)
def test_a_broken_frame_is_refused(
    tmp_path: Path, load: Load, build: Callable[[Any], list[Any]], message: str
) -> None:
    path = models.write_nodes(tmp_path / "model.pb", *build(models.tensorflow()))
    with pytest.raises(BrokenArtifact, match=message) as raised:
        load(path)
    assert "\n" not in raised.value.message


def test_a_merge_that_nothing_decides_is_named_unknown(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2]),
        models.node("one", "Relu", "x", T=tf.float32),
        models.node("two", "Exp", "x", T=tf.float32),
        models.node("merge", "Merge", "one", "two", T=tf.float32, N=2),
        models.node("y", "Tanh", "merge", T=tf.float32),
    )
    found = cost(load(path))
    assert set(found.unknown_ops) == {"tf:Merge"}
    assert [layer.op for layer in found.layers if layer.counts.specials] == ["Exp", "Tanh"]


# In a process of its own: a native abort or a loop without end must not end the tests unheard.
READING = """
import sys
from pathlib import Path
from costdb.binding import Binding
from costdb.cost.engine import cost
from costdb.errors import CostdbError
from costdb.source import Source
from costdb_tensorflow import TensorflowLoader

for path in sorted(Path(sys.argv[1]).iterdir()):
    print(path.name, flush=True)
    try:
        with Source(path) as source:
            cost(TensorflowLoader().load(source, Binding()))
    except CostdbError as error:
        assert error.message and "\\n" not in error.message
"""


def write_rewired(original: Path, folder: Path) -> None:
    """Write copies of a graph in which some nodes read at random."""
    graph_def = models.tensorflow().compat.v1.GraphDef
    generator = random.Random(models.SEED)  # noqa: S311 - nothing here is secret
    for number in range(ROUNDS):
        rewired = graph_def.FromString(original.read_bytes())
        reading = [node for node in rewired.node if node.input]
        for _ in range(generator.choice((1, 2, 4))):
            node = generator.choice(reading)
            source = generator.choice(rewired.node).name + generator.choice(("", ":1"))
            node.input[generator.randrange(len(node.input))] = source
        name = f"{original.stem}-{number}.pb"
        (folder / name).write_bytes(rewired.SerializeToString())


def test_any_rewired_graph_gives_an_error_or_a_graph(tmp_path: Path) -> None:
    folder = tmp_path / "rewired"
    folder.mkdir()
    graphs = (nested, mapped, branches_in_branches, branch_in_a_loop, loop_in_a_branch)
    for build in graphs:
        write_rewired(models.write_graph(build, tmp_path / f"{build.__name__}.pb"), folder)
    command = [sys.executable, "-c", READING, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stdout[-80:] + done.stderr[-2000:]
    assert len(done.stdout.splitlines()) == len(graphs) * ROUNDS


def test_switches_in_a_circle_are_refused(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    path = models.write_nodes(
        tmp_path / "model.pb",
        models.placeholder("x", [2]),
        models.placeholder("p", [], "bool"),
        models.node("a", "Switch", "b:1", "p", T=tf.float32),
        models.node("b", "Switch", "a:1", "p", T=tf.float32),
        models.node("one", "Relu", "b:1", T=tf.float32),
        models.node("c", "Switch", "x", "p", T=tf.float32),
        models.node("two", "Relu", "c", T=tf.float32),
        models.node("y", "Merge", "two", "one", T=tf.float32, N=2),
    )
    with pytest.raises(BrokenArtifact, match="TensorFlow refuses the graph: 2 nodes in a cycle"):
        load(path)


def test_branches_that_nest_too_deep_are_refused(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    nodes = [models.placeholder("x", [2])]
    for n in range(200):
        nodes += [
            models.placeholder(f"p{n}", [], "bool"),
            models.node(f"s{n}", "Switch", f"s{n - 1}" if n else "x", f"p{n}", T=tf.float32),
        ]
    nodes += [
        models.node("one", "Relu", "s199", T=tf.float32),
        models.node("two", "Relu", "s199:1", T=tf.float32),
        models.node("y", "Merge", "one", "two", T=tf.float32, N=2),
    ]
    path = models.write_nodes(tmp_path / "model.pb", *nodes)
    with pytest.raises(BrokenArtifact, match="branches nest more than 64 deep"):
        load(path)
