"""Scalers and linear models of `ai.onnx.ml`."""

import pytest
from builders.rules import counted, node

from costdb.contracts import Counts
from costdb.ir import Layer, Uncountable

ML = "ai.onnx.ml"


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node(f"{ML}:Scaler", [(3, 4)], (3, 4)), Counts(adds=12, muls=12), id="offset and scale"
        ),
        pytest.param(
            node(f"{ML}:Binarizer", [(3, 4)], (3, 4)), Counts(compares=12), id="a threshold"
        ),
        pytest.param(
            node(f"{ML}:Normalizer", [(3, 4)], (3, 4)),
            3 * Counts(compares=3, divs=4), id="over the maximum",
        ),
        pytest.param(
            node(f"{ML}:Normalizer", [(3, 4)], (3, 4), norm="L1"),
            3 * Counts(adds=3, divs=4), id="over the sum",
        ),
        pytest.param(
            node(f"{ML}:Normalizer", [(3, 4)], (3, 4), norm="L2"),
            3 * Counts(muls=4, adds=3, divs=4, specials=4), id="roots of squares over their sum",
        ),
        pytest.param(node(f"{ML}:Normalizer", [(3, 0)], (3, 0)), Counts(), id="no feature"),
        pytest.param(
            node(f"{ML}:LinearRegressor", [(3, 4)], (3, 1)), Counts(macs=12, dots=3), id="a target"
        ),
        pytest.param(
            node(
                f"{ML}:LinearRegressor", [(3, 4)], (3, 2), targets=2, intercepts=(0.5, 1.5),
                post_transform="PROBIT",
            ),
            Counts(macs=24, dots=6, adds=6, specials=6), id="two targets with intercepts",
        ),
        pytest.param(
            node(
                f"{ML}:LinearClassifier", [(3, 4)], (3,), (3, 5),
                classlabels_ints=(0, 1, 2, 3, 4), post_transform="SOFTMAX",
            ),
            Counts(macs=60, dots=15, compares=12) + 3 * Counts(specials=5, adds=4, divs=5),
            id="five classes by softmax",
        ),
        pytest.param(
            node(
                f"{ML}:LinearClassifier", [(3, 4)], (3,),
                classlabels_strings=("cat", "dog"), post_transform="LOGISTIC",
            ),
            Counts(macs=24, dots=6, compares=3) + 6 * Counts(adds=2, specials=1, divs=1),
            id="two classes by sigmoid",
        ),
        pytest.param(
            node(f"{ML}:LinearRegressor", [(3, 0)], (3, 1)), Counts(), id="no feature, no row"
        ),
    ],
)  # fmt: skip
def test_counts(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(node(f"{ML}:LinearClassifier", [(3, 4)], (3,)), id="no classes"),
        pytest.param(
            node(f"{ML}:LinearRegressor", [(3, 4)], (3, 1), post_transform="MAGIC"),
            id="unknown transformation",
        ),
        pytest.param(
            node(f"{ML}:LinearRegressor", [(3, 4)], (3, 1), targets=-1), id="less than no target"
        ),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
