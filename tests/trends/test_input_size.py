"""Whether the model's input is seen to have another size, and what that explains."""

from dataclasses import replace

import pytest
from builders.costs import conv, layer, relu

from costdb.contracts import Coverage
from costdb.cost.result import LayerCost
from costdb.ir import DType
from costdb.trends.alignment import align
from costdb.trends.input_size import InputSize, input_size

SMALL = relu("a", 3, 8)


def text(old: list[LayerCost], new: list[LayerCost]) -> str | None:
    found = input_size(align(old, new).pairs)
    return None if found is None else found.text


def embedding(words: int, length: int) -> LayerCost:
    """Looks up vectors of 16 numbers."""
    params = words * 16
    return layer(
        "Gather", "embedding", inputs=[(words, 16), (1, length)], outputs=[(1, length, 16)],
        params=params, weight_bytes=4 * params,
    )  # fmt: skip


def transpose(words: int) -> LayerCost:
    """Turns the table of an embedding, which another layer read first."""
    return layer("Transpose", "turn", inputs=[(words, 16)], outputs=[(16, words)])


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param([], [], None, id="nothing"),
        pytest.param([relu("a", 3, 8)], [relu("a", 3, 8)], None, id="the same"),
        pytest.param([relu("a", 3, 8)], [relu("a", 3, 9)], "input 8 -> 9", id="a square"),
        pytest.param(
            [layer("Relu", "a", inputs=[(1, 3, 8, 8)])],
            [layer("Relu", "a", inputs=[(1, 3, 9, 7)])],
            "input 8x8 -> 9x7", id="not a square",
        ),
        pytest.param(
            [layer("Relu", "a", inputs=[(1, 128)])], [layer("Relu", "a", inputs=[(1, 256)])],
            "input 1x128 -> 1x256", id="one axis",
        ),
        pytest.param(
            [layer("Relu", "a", inputs=[(8, 8)])], [layer("Relu", "a", inputs=[(9, 9, 1)])],
            None, id="another rank",
        ),
        pytest.param(
            [layer("Relu", "a", inputs=[None])], [layer("Relu", "a", inputs=[(4,)])],
            None, id="an unknown rank",
        ),
        pytest.param(
            [replace(SMALL, folded=True)], [replace(relu("a", 3, 9), folded=True)],
            None, id="weights that a folded layer prepares",
        ),
        pytest.param(
            [conv("a", (3, 8), 224)], [conv("a", (3, 8), 256, kernel=5)],
            "input 224 -> 256", id="read by a layer whose weights changed, too",
        ),
        pytest.param(
            [conv("a", (3, 8), 224)], [conv("a", (3, 8), 224, kernel=5)],
            None, id="only weights changed",
        ),
        pytest.param(
            [embedding(100, 12), transpose(100)], [embedding(200, 12), transpose(200)],
            None, id="weights that two layers read",
        ),
        pytest.param(
            [embedding(100, 12)], [embedding(100, 24)], "input 1x12 -> 1x24",
            id="indices of an embedding",
        ),
        pytest.param(
            [relu("a", 3, 8), layer("MaxPool", "p", inputs=[(1, 3, 8, 8)], outputs=[(1, 3, 4, 4)]),
             relu("b", 3, 4)],
            [relu("a", 3, 8), relu("b", 3, 8)],
            None, id="a removed pooling makes activations larger, not the input",
        ),
        pytest.param(
            [SMALL, relu("b", 3, 8)], [SMALL, relu("b", 3, 9)],
            None, id="what it read was an activation",
        ),
        pytest.param(
            [SMALL, relu("b", 3, 9)], [SMALL, relu("b", 3, 8)],
            None, id="what it reads is an activation",
        ),
    ],
)  # fmt: skip
def test_input_size(old: list[LayerCost], new: list[LayerCost], expected: str | None) -> None:
    assert text(old, new) == expected


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        pytest.param(SMALL, relu("a", 3, 9), True, id="other shapes"),
        pytest.param(SMALL, SMALL, False, id="unchanged"),
        pytest.param(
            SMALL, replace(SMALL, op="Gelu", input_shapes=((9,),)), False, id="another operator"
        ),
        pytest.param(SMALL, replace(relu("a", 3, 9), params=1), False, id="other weights"),
        pytest.param(SMALL, replace(relu("a", 3, 9), dtype=DType.INT8), False, id="another dtype"),
        pytest.param(SMALL, replace(relu("a", 3, 9), folded=True), False, id="folded"),
        pytest.param(
            SMALL, replace(relu("a", 3, 9), coverage=Coverage.BOUNDED), False, id="bounded"
        ),
        pytest.param(SMALL, replace(SMALL, activation_bytes=1), False, id="only other costs"),
    ],
)  # fmt: skip
def test_what_it_explains(old: LayerCost, new: LayerCost, *, expected: bool) -> None:
    (pair,) = align([old], [new]).pairs
    assert InputSize((8,), (9,), position=3).explains(3, pair) is expected
    assert not InputSize((8,), (9,), position=3).explains(2, pair)


def test_it_explains_no_new_layer() -> None:
    (pair,) = align([], [SMALL]).pairs
    assert not InputSize((8,), (9,), position=0).explains(0, pair)
