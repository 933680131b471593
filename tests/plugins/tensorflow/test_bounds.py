"""Sizes that depend on data take their upper bound, and say so."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from builders import tensorflow_models as models

from costdb.ir import Graph

Load = Callable[..., Graph]


def kept(x: Any) -> Any:
    tf = models.tensorflow()
    return tf.image.non_max_suppression(x, tf.reduce_sum(x, 1), 5)


CASES = [
    pytest.param(lambda x: models.tensorflow().where(x > 0), (3, 4), (12, 2), id="Where"),
    pytest.param(
        lambda x: models.tensorflow().boolean_mask(x, x[:, 0] > 0),
        (3, 4),
        (3, 4),
        id="rows by a mask",
    ),
    pytest.param(lambda x: models.tensorflow().unique(x)[0], (9,), (9,), id="Unique"),
    pytest.param(
        lambda x: models.tensorflow().unique_with_counts(x)[2], (9,), (9,), id="UniqueWithCounts"
    ),
    pytest.param(kept, (20, 4), (5,), id="boxes, as many as asked for"),
    pytest.param(kept, (3, 4), (3,), id="boxes, as many as there are"),
    pytest.param(
        lambda x: models.tensorflow().dynamic_partition(x, models.tensorflow().cast(x, "int32"), 2)[
            0
        ],
        (9,),
        None,
        id="an operator without a bound stays unknown",
    ),
    pytest.param(
        lambda x: models.tensorflow().where(
            models.tensorflow().unique(models.tensorflow().reshape(x, [-1]))[0] > 0
        ),
        (3, 4),
        (12, 1),
        id="one behind another",
    ),
]


@pytest.mark.parametrize(("build", "shape", "bound"), CASES)
def test_a_size_that_depends_on_data(
    tmp_path: Path,
    load: Load,
    build: Callable[[Any], Any],
    shape: tuple[int, ...],
    bound: tuple[int, ...] | None,
) -> None:
    output = load(models.freeze(build, tmp_path / "model.pb", shape)).outputs[0]
    if bound is None:
        assert output.shape == (None,)
        assert not output.is_upper_bound
    else:
        assert output.shape == bound
        assert output.is_upper_bound


def test_an_exact_size_is_no_bound(tmp_path: Path, load: Load) -> None:
    tf = models.tensorflow()
    graph = load(models.freeze(lambda x: tf.unique(x)[1] + 1, tmp_path / "model.pb", (9,)))
    assert graph.outputs[0].shape == (9,)
    assert not graph.outputs[0].is_upper_bound
