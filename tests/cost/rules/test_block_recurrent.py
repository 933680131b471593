"""TensorFlow's recurrent layers against ONNX's of the same sizes, and by hand."""

from dataclasses import replace

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role, Uncountable

SIGMOID = Counts(adds=2, specials=1, divs=1)
# A step of 5 inputs and a state of 3, by hand: 12 dot products of length 8 and their biases, three
# sigmoids, two tanhs, three products and a sum for each element.
STEP = Counts(macs=96, dots=12, adds=12) + 3 * (
    3 * SIGMOID + Counts(specials=2) + Counts(muls=3, adds=1)
)
FORGET = Counts(adds=3)
VECTORS = [(3,), (3,), (3,), (12,)]


def block(op: str, **attributes: float) -> Layer:
    inputs = [(), (7, 2, 5), (2, 3), (2, 3), (8, 12), *VECTORS]
    return replace(node(f"tf:{op}", inputs, *[(7, 2, 3)] * 7), attributes=attributes)


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(block("BlockLSTM"), 14 * (STEP + FORGET), id="seven steps of two samples"),
        pytest.param(block("BlockLSTM", forget_bias=0.0), 14 * STEP, id="no forget bias"),
        pytest.param(block("BlockLSTMV2"), 14 * STEP, id="V2 has no forget bias"),
        pytest.param(
            block("BlockLSTMV2", use_peephole=1, cell_clip=3.0),
            14 * (STEP + Counts(muls=9, adds=9, compares=6)), id="peepholes, clipped",
        ),
        pytest.param(
            node("tf:LSTMBlockCell", [(2, 5), (2, 3), (2, 3), (8, 12), *VECTORS], (2, 3)),
            2 * (STEP + FORGET), id="one step of two samples",
        ),
        pytest.param(
            node("tf:GRUBlockCell", [(2, 5), (2, 3), (8, 6), (8, 3), (6,), (3,)], (2, 3)),
            2 * (
                Counts(macs=72, dots=9, adds=9)
                + 3 * (2 * SIGMOID + Counts(specials=1) + Counts(muls=3, adds=2))
            ),
            id="a step of gated units",
        ),
    ],
)  # fmt: skip
def test_blocks(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


def cudnn(gates: int, *, directions: int = 1, layers: int = 1) -> Layer:
    """Four steps of two samples, 5 inputs, a state of 3."""
    widths = [5] + [3 * directions] * (layers - 1)
    params = sum(directions * gates * 3 * (width + 3 + 2) for width in widths)
    state = (layers * directions, 2, 3)
    return node("tf:CudnnRNNV3", [(4, 2, 5), state, state, (params,), (2,)], (4, 2, 3 * directions))


def onnx(op: str, gates: int, directions: int, width: int) -> Counts:
    """The same by ONNX's operator, which has an example and tests of its own."""
    size = gates * 3
    inputs = [(4, 2, width), (directions, size, width), (directions, size, 3)]
    return counted(node(op, [*inputs, (directions, 2 * size)], (4, directions, 2, 3)))


@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize(("op", "gates"), [("LSTM", 4), ("GRU", 3), ("RNN", 1)])
def test_a_vector_of_weights_costs_what_its_matrices_do(
    op: str, gates: int, directions: int
) -> None:
    assert counted(cudnn(gates, directions=directions)) == onnx(op, gates, directions, 5)


def test_layers_take_the_states_of_those_below() -> None:
    stacked = onnx("LSTM", 4, 2, 5) + onnx("LSTM", 4, 2, 6)
    assert counted(cudnn(4, directions=2, layers=2)) == stacked


@pytest.mark.parametrize(
    ("layer", "reason"),
    [
        pytest.param(
            node("tf:LSTMBlockCell", [(2, 5), (2, 3), (2, 3), (8, 11), *VECTORS], (2, 3)),
            "11 columns for 4 gates", id="odd gates",
        ),
        pytest.param(
            node("tf:CudnnRNN", [(4, 2, 5), (1, 2, 3), (1, 2, 3), (121,)], (4, 2, 3)),
            "fit no cell", id="weights left over",
        ),
        pytest.param(
            node("tf:CudnnRNN", [(4, 2, 5), (1, 2, 3), (1, 2, 3), (60,)], (4, 2, 3)),
            "fit no cell", id="two gates",
        ),
        pytest.param(
            node("tf:CudnnRNN", [(4, 2, 5), (0, 2, 3), (0, 2, 3), (120,)], (4, 2, 3)),
            "fit no cell", id="no layers",
        ),
        pytest.param(
            node("tf:CudnnRNN", [(4, 2, 5), (1, 2, 3), (1, 2, 3), (120,)], (4, 2, 9)),
            "3 directions", id="three directions",
        ),
        pytest.param(
            node("tf:CudnnRNN", [(4, 2, 5), (1, 2, 0), (1, 2, 0), (120,)], (4, 2, 3)),
            "0 directions", id="no state",
        ),
    ],
)  # fmt: skip
def test_weights_that_do_not_fit_are_uncountable(layer: Layer, reason: str) -> None:
    with pytest.raises(Uncountable, match=reason):
        counted(layer)


def test_states_are_no_parameters_and_what_is_behind_them_is() -> None:
    slots = rule_of(block("BlockLSTM")).weights
    assert {place for place, role in slots.items() if role is Role.CONSTANT} == {2, 3}
    assert {place for place, role in slots.items() if role is Role.PARAMETER} == {4, 5, 6, 7, 8}
