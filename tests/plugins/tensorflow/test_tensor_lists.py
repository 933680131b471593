"""What is taken out of a list has the shape that TensorFlow gives it when it runs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.cost.engine import cost
from costdb.ir import Graph

Load = Callable[..., Graph]

ROWS, COLUMNS = 6, 4

# The lists are written and read in bodies of their own, so that TensorFlow cannot look through.
OPAQUE = 1


def through_a_loop(tf: Any, listed: Any) -> Any:
    """The same list, out of a loop that hands it on; it is emptied if the loop runs too often."""

    def body(i: Any, kept: Any) -> Any:
        return i + 1, tf.raw_ops.TensorListResize(input_handle=kept, size=ROWS)

    return tf.while_loop(lambda i, _: i < OPAQUE, body, (0, listed))[1]


def from_rows(tf: Any, x: Any) -> Any:
    made = tf.raw_ops.TensorListFromTensor(tensor=x, element_shape=tf.constant(-1))
    return through_a_loop(tf, made)


def stacked(tf: Any, x: Any) -> Any:
    return tf.raw_ops.TensorListStack(
        input_handle=from_rows(tf, x), element_shape=-1, element_dtype=tf.float32
    )


def one_item(tf: Any, x: Any) -> Any:
    return tf.raw_ops.TensorListGetItem(
        input_handle=from_rows(tf, x), index=2, element_shape=-1, element_dtype=tf.float32
    )


def gathered(tf: Any, x: Any) -> Any:
    return tf.raw_ops.TensorListGather(
        input_handle=from_rows(tf, x), indices=[4, 1, 1], element_shape=-1, element_dtype=tf.float32
    )


def last_item(tf: Any, x: Any) -> Any:
    return tf.raw_ops.TensorListPopBack(
        input_handle=from_rows(tf, x), element_shape=-1, element_dtype=tf.float32
    ).tensor


def all_but_the_last(tf: Any, x: Any) -> Any:
    rest = tf.raw_ops.TensorListPopBack(
        input_handle=from_rows(tf, x), element_shape=-1, element_dtype=tf.float32
    ).output_handle
    return tf.raw_ops.TensorListStack(input_handle=rest, element_shape=-1, element_dtype=tf.float32)


def concatenated(tf: Any, x: Any) -> Any:
    made = from_rows(tf, tf.reshape(x, (ROWS, 2, 2)))
    return tf.raw_ops.TensorListConcatV2(
        input_handle=made, element_shape=-1, leading_dims=tf.constant([], tf.int64),
        element_dtype=tf.float32,
    ).tensor  # fmt: skip


def reserved_and_set(tf: Any, x: Any) -> Any:
    made = tf.raw_ops.TensorListReserve(
        element_shape=[-1, COLUMNS], num_elements=tf.shape(x)[1], element_dtype=tf.float32
    )

    def body(i: Any, filled: Any) -> Any:
        written = tf.raw_ops.TensorListSetItem(input_handle=filled, index=i, item=x)
        return i + 1, written

    filled = tf.while_loop(lambda i, _: i < COLUMNS, body, (0, made))[1]
    return tf.raw_ops.TensorListStack(
        input_handle=filled, element_shape=-1, element_dtype=tf.float32
    )


def pushed(tf: Any, x: Any) -> Any:
    made = tf.raw_ops.EmptyTensorList(
        element_shape=-1, max_num_elements=-1, element_dtype=tf.float32
    )

    def body(i: Any, grown: Any) -> Any:
        once = tf.raw_ops.TensorListPushBack(input_handle=grown, tensor=x[0])
        return i + 1, tf.raw_ops.TensorListPushBack(input_handle=once, tensor=x[1])

    grown = tf.while_loop(lambda i, _: i < 5, body, (0, made))[1]
    return tf.raw_ops.TensorListStack(
        input_handle=grown, element_shape=-1, element_dtype=tf.float32
    )


def scattered(tf: Any, x: Any) -> Any:
    made = tf.raw_ops.TensorListScatterV2(
        tensor=x, indices=[5, 4, 3, 2, 1, 0], element_shape=-1, num_elements=ROWS
    )
    return tf.raw_ops.TensorListStack(
        input_handle=through_a_loop(tf, made), element_shape=-1, element_dtype=tf.float32
    )


def split(tf: Any, x: Any) -> Any:
    made = tf.raw_ops.TensorListSplit(
        tensor=x, element_shape=[3, COLUMNS], lengths=tf.constant([3, 3], tf.int64)
    )
    return tf.raw_ops.TensorListGetItem(
        input_handle=through_a_loop(tf, made), index=1, element_shape=-1, element_dtype=tf.float32
    )


def length(tf: Any, x: Any) -> Any:
    return tf.raw_ops.TensorListLength(input_handle=from_rows(tf, x))


def of_a_branch(tf: Any, x: Any) -> Any:
    """Either branch writes a list of the same items."""
    made = tf.cond(
        x[0, 0] > 0,
        lambda: tf.raw_ops.TensorListFromTensor(tensor=x, element_shape=-1),
        lambda: tf.raw_ops.TensorListFromTensor(tensor=x * 2.0, element_shape=-1),
    )
    return tf.raw_ops.TensorListStack(input_handle=made, element_shape=-1, element_dtype=tf.float32)


BUILDS = [
    stacked, one_item, gathered, last_item, all_but_the_last, concatenated, reserved_and_set,
    pushed, scattered, split, length, of_a_branch,
]  # fmt: skip


@pytest.mark.parametrize("build", BUILDS)
def test_what_comes_out_of_a_list_has_a_shape(
    tmp_path: Path, load: Load, build: Callable[[Any, Any], Any]
) -> None:
    tf = models.tensorflow()
    expected = tuple(build(tf, tf.zeros((ROWS, COLUMNS))).shape)
    path = models.freeze(
        lambda x: build(tf, x), tmp_path / "model.pb", (None, COLUMNS), lowered=False
    )
    graph = load(path, inputs=[f"x={ROWS}x{COLUMNS}"])
    assert [tensor.shape for tensor in graph.outputs] == [expected]
    assert not cost(graph).unknown_ops


def test_a_list_that_data_fill_has_items_but_no_length(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()

    def build(x: Any) -> Any:
        made = tf.raw_ops.EmptyTensorList(
            element_shape=-1, max_num_elements=-1, element_dtype=tf.float32
        )

        def body(y: Any, grown: Any) -> Any:
            return y * 2.0, tf.raw_ops.TensorListPushBack(input_handle=grown, tensor=y)

        grown = tf.while_loop(lambda y, _: y[0, 0] < 9.0, body, (x, made))[1]
        return tf.raw_ops.TensorListStack(
            input_handle=grown, element_shape=-1, element_dtype=tf.float32
        )

    path = models.freeze(build, tmp_path / "model.pb", (2, 3), lowered=False)
    assert [tensor.shape for tensor in load(path).outputs] == [(None, 2, 3)]
    known = load(path, trips=["while=4"])
    assert [tensor.shape for tensor in known.outputs] == [(4, 2, 3)]


def array(v1: Any, x: Any, size: int) -> tuple[Any, Any]:
    """A TensorArray of TensorFlow 1 with the rows of x: its handle and its flow."""
    made = v1.raw_ops.TensorArrayV3(size=size, dtype=v1.float32, element_shape=None)
    flow = v1.raw_ops.TensorArrayScatterV3(
        handle=made.handle, indices=list(range(size)), value=x, flow_in=made.flow
    )
    return made.handle, flow


ARRAYS: dict[str, tuple[Callable[[Any, Any], Any], tuple[int, ...]]] = {
    "read": (
        lambda v1, a: v1.raw_ops.TensorArrayReadV3(
            handle=a[0], index=2, flow_in=a[1], dtype=v1.float32
        ),
        (2, 4),
    ),
    "gathered": (
        lambda v1, a: v1.raw_ops.TensorArrayGatherV3(
            handle=a[0], indices=[0, 2], flow_in=a[1], dtype=v1.float32
        ),
        (2, 2, 4),
    ),
    "concatenated": (
        lambda v1, a: (
            v1.raw_ops.TensorArrayConcatV3(handle=a[0], flow_in=a[1], dtype=v1.float32).value
        ),
        (6, 4),
    ),
}


@pytest.mark.parametrize("name", ARRAYS)
def test_what_comes_out_of_an_array_has_a_shape(tmp_path: Path, load: Load, name: str) -> None:
    read, shape = ARRAYS[name]

    def build(v1: Any) -> None:
        x = v1.placeholder(v1.float32, [3, 2, 4], name="x")
        v1.identity(read(models.tensorflow(), array(models.tensorflow(), x, 3)), "y")

    graph = load(models.write_graph(build, tmp_path / "model.pb"), outputs=["y"])
    assert [tensor.shape for tensor in graph.outputs] == [shape]


def test_pieces_of_an_array_have_the_axes_of_what_was_split(tmp_path: Path, load: Load) -> None:
    def build(v1: Any) -> None:
        tf = models.tensorflow()
        x = v1.placeholder(v1.float32, [6, 4], name="x")
        made = tf.raw_ops.TensorArrayV3(size=2, dtype=tf.float32)
        flow = tf.raw_ops.TensorArraySplitV3(
            handle=made.handle, value=x, lengths=[2, 4], flow_in=made.flow
        )
        item = tf.raw_ops.TensorArrayReadV3(
            handle=made.handle, index=0, flow_in=flow, dtype=tf.float32
        )
        v1.identity(item, "y")

    graph = load(models.write_graph(build, tmp_path / "model.pb"), outputs=["y"])
    assert [tensor.shape for tensor in graph.outputs] == [(None, 4)]
