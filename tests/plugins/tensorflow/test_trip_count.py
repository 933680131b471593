"""How often a loop runs is what TensorFlow does, wherever the graph says it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.ir import Graph

Load = Callable[..., Graph]

BATCH = 6


def trips_of(graph: Graph) -> list[int | None]:
    return [body.trip_count for layer in graph.all_layers() for body in layer.bodies]


def executed(build: Callable[[Any], Any], x: Any) -> int:
    """How often TensorFlow itself runs the body of the loop, which returns the count."""
    return int(build(x))


# How an operator compares a counter with a limit, and what each run adds.
COUNTERS = [
    pytest.param((start, step, limit), compare, id=f"{start} by {step} {compare} {limit}")
    for start, step, limit, compare in (
        (0, 1, 7, "less"),
        (0, 3, 7, "less"),
        (2, 3, 8, "less"),
        (0, 1, 7, "less_equal"),
        (1, 3, 7, "less_equal"),
        (7, 1, 7, "less"),
        (9, 1, 7, "less_equal"),
        (7, -1, 0, "greater"),
        (7, -2, 0, "greater"),
        (7, -2, 1, "greater_equal"),
        (0, -1, 3, "greater"),
        (0, 2, 8, "not_equal"),
        (8, -4, -8, "not_equal"),
        (3, 1, 3, "not_equal"),
    )
]


@pytest.mark.parametrize("swapped", [False, True], ids=["counter first", "limit first"])
@pytest.mark.parametrize(("numbers", "compare"), COUNTERS)
def test_a_counter_runs_up_or_down_to_its_limit(
    tmp_path: Path, load: Load, numbers: tuple[int, int, int], compare: str, *, swapped: bool
) -> None:
    tf = models.tensorflow()
    start, step, limit = numbers
    mirrored = {"less": "greater", "greater": "less", "not_equal": "not_equal"} | {
        "less_equal": "greater_equal",
        "greater_equal": "less_equal",
    }

    def goes_on(i: Any, _: Any) -> Any:
        if swapped:
            return getattr(tf.math, mirrored[compare])(limit, i)
        return getattr(tf.math, compare)(i, limit)

    def build(x: Any) -> Any:
        runs = tf.cast(tf.shape(x)[0] * 0, tf.int32)
        return tf.while_loop(goes_on, lambda i, n: (i + step, n + 1), (start, runs))[1]

    path = models.freeze(build, tmp_path / "model.pb", (None, 2), lowered=False)
    assert trips_of(load(path)) == [executed(build, tf.zeros((BATCH, 2)))]


# What a graph may compute a limit from, given x of shape (6, 4), whose batch the file leaves open.
LIMITS: dict[str, Callable[[Any, Any], Any]] = {
    "the batch": lambda tf, x: tf.shape(x)[0],
    "the last axis": lambda tf, x: tf.shape(x)[-1],
    "a slice of the shape": lambda tf, x: tf.reduce_sum(tf.shape(x)[0:2]),
    "every second size": lambda tf, x: tf.reduce_max(tf.shape(tf.reshape(x, (-1, 3, 2)))[::2]),
    "the number of elements": lambda tf, x: tf.size(x) // 5,
    "the product of sizes": lambda tf, x: tf.reduce_prod(tf.shape(x)) % 7,
    "the rank": lambda tf, x: tf.rank(x),
    "a minimum": lambda tf, x: tf.minimum(tf.shape(x)[0], 4),
    "a maximum": lambda tf, x: tf.maximum(tf.shape(x)[0], 9),
    "a difference": lambda tf, x: 9 - tf.shape(x)[0],
    "a negative number": lambda tf, x: -tf.shape(x)[0],
    "an absolute value": lambda tf, x: tf.abs(2 - tf.shape(x)[0]),
    "a product": lambda tf, x: tf.shape(x)[0] * 2,
    "an int64": lambda tf, x: tf.shape(x, out_type=tf.int64)[0] + 1,
    "a cast": lambda tf, x: tf.cast(tf.shape(x)[0], tf.int64),
    "sizes joined": lambda tf, x: tf.reduce_sum(tf.concat([tf.shape(x), tf.shape(x)], 0)),
    "sizes packed": lambda tf, x: tf.stack([tf.shape(x)[0], 3])[1],
    "sizes gathered": lambda tf, x: tf.gather(tf.shape(x), [1, 0])[1],
    "a range": lambda tf, x: tf.range(0, tf.shape(x)[0], 2)[-1],
    "a filled vector": lambda tf, x: tf.reduce_sum(tf.fill([tf.shape(x)[0]], 2)),
    "a choice": lambda tf, x: tf.where(tf.shape(x)[0] > 3, 5, 8),
    "a sign": lambda tf, x: tf.sign(tf.shape(x)[0]),
    "a remainder": lambda tf, x: tf.math.floormod(-tf.shape(x)[0], 4),
    "a quotient of truncation": lambda tf, x: tf.truncatediv(tf.shape(x)[0] * 3, 4),
    "a truth value": lambda tf, x: tf.cast(
        tf.logical_and(tf.shape(x)[0] > 3, tf.logical_not(tf.shape(x)[1] > 4)), tf.int32
    ),
    "a reduction of truth values": lambda tf, x: tf.cast(
        tf.logical_or(tf.reduce_any(tf.shape(x) > 5), tf.reduce_all(tf.shape(x) > 5)), tf.int32
    ),
    "an expanded number": lambda tf, x: tf.squeeze(tf.expand_dims(tf.shape(x)[0], 0), [0]),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_may_follow_from_sizes(tmp_path: Path, load: Load, name: str) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        limit = LIMITS[name](tf, x)
        zero = tf.zeros((), limit.dtype)
        return tf.while_loop(lambda i: i < limit, lambda i: (i + 1,), (zero,))[0]

    path = models.freeze(build, tmp_path / "model.pb", (None, 4), lowered=False)
    graph = load(path, inputs=[f"x={BATCH}x4"])
    assert trips_of(graph) == [executed(build, tf.zeros((BATCH, 4)))]


def test_a_limit_may_be_an_input_that_is_bound_to_a_value(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        return tf.while_loop(lambda i: i < x, lambda i: (i + 2,), (0,))[0]

    path = models.freeze(build, tmp_path / "model.pb", (), "int32", lowered=False)
    assert trips_of(load(path)) == [None]
    assert trips_of(load(path, inputs=["x:=9"])) == [5]


def endless(tf: Any, _: Any) -> Any:
    return tf.while_loop(lambda i: i < 3, lambda i: (i * 2,), (0,))[0]


def doubled(tf: Any, _: Any) -> Any:
    return tf.while_loop(lambda i: i < 30, lambda i: (i * 2,), (1,))[0]


def standing(tf: Any, x: Any) -> Any:
    return tf.while_loop(lambda i, _: i < 3, lambda i, y: (i + 0, y * 2.0), (0, x))[1]


def away(tf: Any, _: Any) -> Any:
    return tf.while_loop(lambda i: i < 3, lambda i: (i - 1,), (0,))[0]


def passing(tf: Any, _: Any) -> Any:
    """The counter never is what it must not be."""
    return tf.while_loop(lambda i: tf.not_equal(i, 5), lambda i: (i + 2,), (0,))[0]


def floating(tf: Any, _: Any) -> Any:
    return tf.while_loop(lambda i: i < 1.0, lambda i: (i + 0.1,), (0.0,))[0]


def early(tf: Any, x: Any) -> Any:
    """Data may end the loop before the counter does."""
    loop = tf.while_loop(
        lambda i, y: tf.logical_and(i < 5, y[0, 0] < 9.0), lambda i, y: (i + 1, y * 2.0), (0, x)
    )
    return loop[1]


def either(tf: Any, x: Any) -> Any:
    loop = tf.while_loop(
        lambda i, y: tf.logical_or(i < 5, y[0, 0] < 9.0), lambda i, y: (i + 1, y * 2.0), (0, x)
    )
    return loop[1]


@pytest.mark.parametrize(
    "build", [endless, doubled, standing, away, passing, floating, early, either]
)
def test_any_other_condition_is_data(
    tmp_path: Path, load: Load, build: Callable[[Any, Any], Any]
) -> None:
    tf = models.tensorflow()
    path = models.freeze(lambda x: build(tf, x), tmp_path / "model.pb", (1, 2), lowered=False)
    assert trips_of(load(path)) == [None]


def test_a_condition_that_never_holds_runs_nothing(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        rows = tf.shape(x)[0]
        return tf.while_loop(
            lambda _, y: tf.logical_and(rows > 99, y[0, 0] < 9.0),
            lambda i, y: (i + 1, y * 2.0),
            (0, x),
        )[1]

    path = models.freeze(build, tmp_path / "model.pb", (None, 2), lowered=False)
    assert trips_of(load(path)) == [0]
