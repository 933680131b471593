"""Loops and branches cost what their bodies cost, as often as they run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.canonical import graph_from_json, names_json, structure_json
from costdb.contracts import Coverage
from costdb.cost.engine import cost
from costdb.cost.result import GraphCost
from costdb.errors import BindingError
from costdb.ir import Graph
from costdb_tensorflow import graph_def
from costdb_tensorflow.c_api import CLibrary
from costdb_tensorflow.python_api import PythonModule

Load = Callable[..., Graph]
Function = Callable[[Any], Any]

# Whether the frozen graph has the frames of TensorFlow 1, or While and If.
LOWERED = [pytest.param(False, id="functional"), pytest.param(True, id="lowered")]

STEPS, INPUTS, UNITS = 7, 5, 4


def weights(rows: int = 5, columns: int = 5) -> Any:
    """A stored matrix, different from any other."""
    import numpy as np

    generator = np.random.default_rng(models.SEED + rows * 100 + columns)
    return models.tensorflow().constant(generator.uniform(0.5, 1.5, (rows, columns)), "float32")


def numbers(result: GraphCost) -> tuple[int, int | None, int | None, int | None]:
    """Parameters, MACs, FLOPs and unknown layers."""
    totals = result.totals
    return totals.params, totals.macs, totals.flops, totals.unknown_layers


def recurrent(name: str, *, unroll: bool) -> Any:
    layers = models.keras().layers
    return models.sequential((STEPS, INPUTS), getattr(layers, name)(UNITS, unroll=unroll))


# A step multiplies the input and the state with a matrix for each gate.
GATES = [("LSTM", 4), ("GRU", 3), ("SimpleRNN", 1)]


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize(("name", "gates"), GATES)
def test_a_recurrent_layer_costs_what_it_costs_unrolled(
    tmp_path: Path, load: Load, name: str, gates: int, *, lowered: bool
) -> None:
    looped, unrolled = tmp_path / "looped.pb", tmp_path / "unrolled.pb"
    shape = (None, STEPS, INPUTS)
    models.freeze(recurrent(name, unroll=False), looped, shape, lowered=lowered)
    models.freeze(recurrent(name, unroll=True), unrolled, shape)
    found = cost(load(looped))
    assert numbers(found) == numbers(cost(load(unrolled)))
    assert found.totals.macs == STEPS * gates * UNITS * (INPUTS + UNITS)
    assert not found.coverage[Coverage.BOUNDED]
    trips = [body.trip_count for layer in load(looped).layers for body in layer.bodies]
    assert trips == [STEPS]


@pytest.mark.parametrize("lowered", LOWERED)
def test_recurrent_layers_in_both_directions_and_in_a_row(
    tmp_path: Path, load: Load, *, lowered: bool
) -> None:
    layers = models.keras().layers
    both = layers.Bidirectional(layers.LSTM(UNITS, return_sequences=True))
    model = models.sequential((STEPS, INPUTS), both, layers.GRU(3), models.dense(2))
    path = models.freeze(model, tmp_path / "model.pb", (None, STEPS, INPUTS), lowered=lowered)
    graph = load(path, inputs=[f"x=2x{STEPS}x{INPUTS}"])
    lstm = 2 * STEPS * 4 * UNITS * (INPUTS + UNITS)
    gru = STEPS * 3 * 3 * (2 * UNITS + 3)
    assert cost(graph).totals.macs == 2 * (lstm + gru + 3 * 2)
    assert cost(graph).totals.params == model.count_params()
    assert not cost(graph).is_lower_bound


@pytest.mark.parametrize("lowered", LOWERED)
def test_an_open_number_of_steps_is_bound_by_the_input(
    tmp_path: Path, load: Load, *, lowered: bool
) -> None:
    model = models.sequential((None, INPUTS), models.keras().layers.LSTM(UNITS))
    path = models.freeze(model, tmp_path / "model.pb", (None, None, INPUTS), lowered=lowered)
    found = cost(load(path, inputs=["x=2x9x5"]))
    assert found.totals.macs == 2 * 9 * 4 * UNITS * (INPUTS + UNITS)
    assert not found.is_lower_bound


def chain(times: int, x: Any, matrix: Any) -> Any:
    """As many matrix products in a row."""
    for _ in range(times):
        x = x @ matrix
    return x


def counted(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    return tf.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, y @ matrix), (0, x))[1]


def limited(x: Any) -> Any:
    """Ends at the maximum of iterations, 6, although the counter would run 50 times."""
    tf, matrix = models.tensorflow(), weights()
    loop = tf.while_loop(
        lambda i, _: i < 100, lambda i, y: (i + 2, y @ matrix), (0, x), maximum_iterations=6
    )
    return loop[1]


def nested(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()

    def inner(y: Any) -> Any:
        return tf.while_loop(lambda j, _: j < 4, lambda j, z: (j + 1, z @ matrix), (0, y))[1]

    return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 1, inner(y)), (0, x))[1]


def with_a_branch(x: Any) -> Any:
    """Each run takes a branch that data decide; the costlier one is a product."""
    tf, matrix = models.tensorflow(), weights()

    def body(i: Any, y: Any) -> Any:
        return i + 1, tf.cond(y[0, 0] > 0, lambda: y @ matrix, lambda: y)

    return tf.while_loop(lambda i, _: i < 3, body, (0, x))[1]


def in_a_branch(x: Any) -> Any:
    tf = models.tensorflow()
    return tf.cond(x[0, 0] > 0, lambda: counted(x), lambda: x)


def in_a_function(x: Any) -> Any:
    """The loop stands in a function that is called twice with the same weights."""
    tf, matrix = models.tensorflow(), weights()

    @tf.function  # type: ignore[untyped-decorator] # TensorFlow is Any here
    def inner(x: Any) -> Any:
        return tf.while_loop(lambda i, _: i < 5, lambda i, y: (i + 1, y @ matrix), (0, x))[1]

    return inner(inner(x))


def backwards(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    return tf.while_loop(lambda i, _: i > 0, lambda i, y: (i - 2, y @ matrix), (9, x))[1]


def stepped(x: Any) -> Any:
    """An autograph loop over a range, whose condition tells both directions apart."""
    tf, matrix = models.tensorflow(), weights()
    for _ in tf.range(1, 14, 3):
        x = x @ matrix
    return x


def overwritten(x: Any) -> Any:
    """What a run leaves for the next one is never read."""
    tf, matrix = models.tensorflow(), weights()
    loop = tf.while_loop(lambda i, _: i < 5, lambda i, _: (i + 1, tf.nn.tanh(x) @ matrix), (0, x))
    return loop[1]


def exchanged(x: Any) -> Any:
    """Each run exchanges what is carried."""
    tf, matrix = models.tensorflow(), weights()
    loop = tf.while_loop(lambda i, _, __: i < 5, lambda i, y, z: (i + 1, z, y @ matrix), (0, x, x))
    return loop[1]


# Function -> how many products of x with one matrix it comes to.
LOOPS = [
    pytest.param(counted, 5, id="counter"),
    pytest.param(limited, 6, id="maximum iterations"),
    pytest.param(nested, 3 * 4, id="nested"),
    pytest.param(with_a_branch, 3, id="branch in a loop"),
    pytest.param(in_a_branch, 5, id="loop in a branch"),
    pytest.param(in_a_function, 2 * 5, id="loop in a function"),
    pytest.param(backwards, 5, id="counting down"),
    pytest.param(stepped, 5, id="range with a step"),
    pytest.param(overwritten, 5, id="carried and never read"),
    pytest.param(exchanged, 5, id="carried values change places"),
]


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize(("build", "products"), LOOPS)
def test_a_loop_costs_its_body_times_its_trip_count(
    tmp_path: Path, load: Load, build: Function, products: int, *, lowered: bool
) -> None:
    looped = models.freeze(build, tmp_path / "looped.pb", (2, 5), lowered=lowered)
    unrolled = models.freeze(
        lambda x: chain(products, x, weights()), tmp_path / "unrolled.pb", (2, 5)
    )
    found = cost(load(looped))
    assert numbers(found)[:2] == numbers(cost(load(unrolled)))[:2]
    assert found.totals.macs == products * 2 * 5 * 5
    assert found.totals.unknown_layers == 0


def mapped(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    return tf.map_fn(lambda row: row @ matrix, x)


def scanned(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    return tf.scan(lambda state, row: state @ matrix + row, x, initializer=tf.zeros((2, 5)))


def folded(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    return tf.foldl(lambda state, row: state @ matrix + row, x, initializer=tf.zeros((2, 5)))


def rows(x: Any) -> Any:
    """An autograph loop over the rows of a tensor, which grows a TensorArray."""
    tf, matrix = models.tensorflow(), weights()
    written = tf.TensorArray(tf.float32, size=0, dynamic_size=True)
    for row in x:
        written = written.write(written.size(), row @ matrix)
    return written.stack() @ matrix


MAPS = [
    pytest.param(mapped, 7, (7, 2, 5), id="map_fn"),
    pytest.param(scanned, 7, (7, 2, 5), id="scan"),
    pytest.param(folded, 7, (2, 5), id="foldl"),
    pytest.param(rows, 7 + 7, (7, 2, 5), id="rows and a growing TensorArray"),
]


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize("bound", [True, False], ids=["fixed sizes", "open sizes"])
@pytest.mark.parametrize(("build", "products", "shape"), MAPS)
def test_the_items_of_lists_have_shapes(
    tmp_path: Path,
    load: Load,
    build: Function,
    products: int,
    shape: tuple[int, ...],
    *,
    bound: bool,
    lowered: bool,
) -> None:
    sizes = (7, 2, 5) if bound else (None, None, 5)
    path = models.freeze(build, tmp_path / "model.pb", sizes, lowered=lowered)
    graph = load(path, inputs=[] if bound else ["x=7x2x5"])
    assert cost(graph).totals.macs == products * 2 * 5 * 5
    assert not cost(graph).is_lower_bound
    assert [tensor.shape for tensor in graph.outputs] == [shape]


def until_data_say_so(x: Any) -> Any:
    tf, matrix = models.tensorflow(), weights()
    loop = tf.while_loop(lambda y: tf.reduce_sum(y) < 9, lambda y: (y @ matrix,), (x,))
    return loop[0] @ matrix


@pytest.mark.parametrize("lowered", LOWERED)
def test_a_trip_count_that_data_decide_is_bound_or_one(
    tmp_path: Path, load: Load, *, lowered: bool
) -> None:
    path = models.freeze(until_data_say_so, tmp_path / "model.pb", (2, 5), lowered=lowered)
    once, often = cost(load(path)), cost(load(path, trips=["while=20"]))
    assert once.totals.macs == (1 + 1) * 2 * 5 * 5
    product = next(layer for layer in once.layers if layer.op == "MatMul")
    assert product.coverage is Coverage.BOUNDED
    assert product.note.endswith("--trip while=N")
    assert often.totals.macs == (20 + 1) * 2 * 5 * 5
    assert not often.coverage[Coverage.BOUNDED]


@pytest.mark.parametrize(
    ("build", "trip", "message"),
    [
        pytest.param(counted, "while=4", "loop 'while' runs 5 times, not 4", id="contradicts"),
        pytest.param(counted, "wile=5", "the model has no loop 'wile'", id="no such loop"),
    ],
)
def test_a_trip_count_that_does_not_fit_is_refused(
    tmp_path: Path, load: Load, build: Function, trip: str, message: str
) -> None:
    path = models.freeze(build, tmp_path / "model.pb", (2, 5), lowered=False)
    with pytest.raises(BindingError, match=message):
        load(path, trips=[trip])


def one_or_two(x: Any) -> Any:
    """One product if the first element is positive, else two."""
    tf, matrix = models.tensorflow(), weights()
    return tf.cond(x[0, 0] > 0, lambda: chain(1, x, matrix), lambda: chain(2, x, matrix))


def by_batch(x: Any) -> Any:
    """One product for several rows, two for one row."""
    tf, matrix = models.tensorflow(), weights()
    return tf.cond(tf.shape(x)[0] > 1, lambda: chain(1, x, matrix), lambda: chain(2, x, matrix))


def by_number(x: Any) -> Any:
    """As many products as a number says, that data decide: one, three or two."""
    tf, matrix = models.tensorflow(), weights()
    number = tf.cast(x[0, 0], tf.int32)
    return tf.switch_case(number, [lambda n=n: chain(n, x, matrix) for n in (1, 3, 2)])


def by_place(x: Any) -> Any:
    """As many products as the batch: one, two, or five for any other."""
    tf, matrix = models.tensorflow(), weights()
    place = tf.shape(x)[0] - 1
    return tf.switch_case(place, [lambda n=n: chain(n, x, matrix) for n in (1, 2, 5)])


# Function, batch -> products, and whether data decide.
BRANCHES = [
    pytest.param(one_or_two, 2, 2, True, id="the costlier branch"),
    pytest.param(by_batch, 1, 2, False, id="a condition that does not hold"),
    pytest.param(by_batch, 2, 1, False, id="a condition that holds"),
    pytest.param(by_number, 2, 3, True, id="the costliest case"),
    pytest.param(by_place, 2, 2, False, id="a known case"),
    pytest.param(by_place, 9, 5, False, id="any other case"),
]


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize(("build", "batch", "products", "is_bounded"), BRANCHES)
def test_a_branch_costs_what_runs(
    tmp_path: Path,
    load: Load,
    build: Function,
    batch: int,
    products: int,
    *,
    is_bounded: bool,
    lowered: bool,
) -> None:
    path = models.freeze(build, tmp_path / "model.pb", (None, 5), lowered=lowered)
    found = cost(load(path, inputs=[f"x={batch}x5"]))
    assert found.totals.macs == products * batch * 5 * 5
    assert found.totals.params == 25
    assert bool(found.coverage[Coverage.BOUNDED]) is is_bounded
    assert not found.is_lower_bound


def test_weights_count_at_the_layer_in_the_body_that_uses_them(tmp_path: Path, load: Load) -> None:
    path = models.freeze(counted, tmp_path / "model.pb", (2, 5), lowered=False)
    assert {layer.op: layer.params for layer in cost(load(path)).layers if layer.params} == {
        "MatMul": 25
    }


def test_weights_that_others_use_as_well_are_taken_from_outside(tmp_path: Path, load: Load) -> None:
    path = models.freeze(until_data_say_so, tmp_path / "model.pb", (2, 5), lowered=False)
    graph = load(path)
    loop = next(layer for layer in graph.layers if layer.bodies)
    assert [tensor.shape for tensor in loop.captures] == [(5, 5)]
    assert cost(graph).totals.params == 25


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize("build", [nested, mapped, until_data_say_so, with_a_branch, by_number])
def test_both_ways_to_tensorflow_give_the_same_graph(
    tmp_path: Path,
    load: Load,
    monkeypatch: pytest.MonkeyPatch,
    build: Function,
    *,
    lowered: bool,
) -> None:
    shape = (7, 2, 5) if build is mapped else (2, 5)
    path = models.freeze(build, tmp_path / "model.pb", shape, lowered=lowered)
    monkeypatch.setattr(graph_def, "installed", CLibrary)
    by_library = load(path)
    monkeypatch.setattr(graph_def, "installed", PythonModule)
    assert load(path) == by_library


@pytest.mark.parametrize("lowered", LOWERED)
@pytest.mark.parametrize("build", [nested, in_a_branch, in_a_function, mapped])
def test_what_is_stored_costs_the_same(
    tmp_path: Path, load: Load, build: Function, *, lowered: bool
) -> None:
    shape = (7, 2, 5) if build is mapped else (2, 5)
    graph = load(models.freeze(build, tmp_path / "model.pb", shape, lowered=lowered))
    restored = graph_from_json(structure_json(graph), names_json(graph))
    assert structure_json(restored) == structure_json(graph)
    assert cost(restored).totals == cost(graph).totals


def test_a_gradient_runs_as_often_as_its_loop(tmp_path: Path, load: Load) -> None:
    """The backward loop counts down from where the forward loop ended: a product each."""
    tf = models.tensorflow()

    def gradient(x: Any) -> Any:
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = counted(tf.nn.tanh(x))
        return tape.gradient(y, x)

    path = models.freeze(gradient, tmp_path / "model.pb", (2, 5))
    assert cost(load(path)).totals.macs == 5 * 2 * 5 * 5
