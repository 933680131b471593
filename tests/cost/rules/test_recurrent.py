"""LSTM, GRU and RNN, each gate and state added up by hand."""

import pytest
from builders.rules import counted, node, rule_of

from costdb.contracts import Counts
from costdb.ir import Layer, Role, Uncountable

SIGMOID = Counts(adds=2, specials=1, divs=1)
TANH = Counts(specials=1)


def lstm_step(inputs: int, hidden: int) -> Counts:
    """One sample: gates without bias, three sigmoids, two tanhs, the new states."""
    return (
        Counts(macs=4 * hidden * (inputs + hidden), dots=8 * hidden, adds=4 * hidden)
        + 3 * hidden * SIGMOID
        + 2 * hidden * TANH
        + hidden * Counts(muls=3, adds=1)
    )


def gru_step(inputs: int, hidden: int) -> Counts:
    return (
        Counts(macs=3 * hidden * (inputs + hidden), dots=6 * hidden, adds=3 * hidden)
        + 2 * hidden * SIGMOID
        + hidden * TANH
        + hidden * Counts(muls=3, adds=2)
    )


def rnn_step(inputs: int, hidden: int) -> Counts:
    gates = Counts(macs=hidden * (inputs + hidden), dots=2 * hidden, adds=hidden)
    return gates + hidden * TANH


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("LSTM", [(100, 1, 64), (1, 256, 64), (1, 256, 64)], (100, 1, 1, 64)),
            100 * lstm_step(64, 64), id="ThanatosShinji/onnx-tool#64: 3,276,800 MACs",
        ),
        pytest.param(
            node("GRU", [(100, 1, 64), (1, 192, 64), (1, 192, 64)], (100, 1, 1, 64)),
            100 * gru_step(64, 64), id="ThanatosShinji/onnx-tool#64: 2,457,600 MACs",
        ),
        pytest.param(
            node("RNN", [(10, 2, 3), (1, 4, 3), (1, 4, 4)], (10, 1, 2, 4)),
            20 * rnn_step(3, 4), id="RNN: 20 steps",
        ),
        pytest.param(
            node("LSTM", [(5, 2, 3), (1, 16, 3), (1, 16, 4), (1, 32)], (5, 1, 2, 4)),
            10 * (lstm_step(3, 4) + Counts(adds=32)), id="LSTM with both biases, 8H adds",
        ),
        pytest.param(
            node("GRU", [(5, 2, 3), (1, 12, 3), (1, 12, 4), (1, 24)], (5, 1, 2, 4)),
            10 * (gru_step(3, 4) + Counts(adds=24)), id="GRU with both biases, 6H adds",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (1, 4, 3), (1, 4, 4), (1, 8)], (5, 1, 2, 4)),
            10 * (rnn_step(3, 4) + Counts(adds=8)), id="RNN with both biases, 2H adds",
        ),
        pytest.param(
            node(
                "LSTM", [(5, 2, 3), (2, 16, 3), (2, 16, 4), (2, 32)], (5, 2, 2, 4),
                direction="bidirectional",
            ),
            20 * (lstm_step(3, 4) + Counts(adds=32)), id="both directions: twice",
        ),
        pytest.param(
            node(
                "LSTM", [(2, 5, 3), (1, 16, 3), (1, 16, 4)], (2, 5, 1, 4),
                layout=1, direction="reverse",
            ),
            10 * lstm_step(3, 4), id="batch first, in reverse: the same",
        ),
        pytest.param(
            node("LSTM", [(5, 2, 3), (1, 16, 3), (1, 16, 4)], (1, 2, 4)),
            10 * lstm_step(3, 4), id="only the last state is asked for: the same",
        ),
        pytest.param(
            node(
                "LSTM",
                [(5, 2, 3), (1, 16, 3), (1, 16, 4), None, (2,), (1, 2, 4), (1, 2, 4), (1, 12)],
                (5, 1, 2, 4),
            ),
            10 * (lstm_step(3, 4) + Counts(muls=12, adds=12)), id="peepholes: 3H products and adds",
        ),
        pytest.param(
            node(
                "GRU", [(5, 2, 3), (1, 12, 3), (1, 12, 4)], (5, 1, 2, 4), linear_before_reset=1
            ),
            10 * gru_step(3, 4), id="linear before reset: another order, the same counts",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (1, 4, 3), (1, 4, 4)], (5, 1, 2, 4), activations=("Relu",)),
            10 * (Counts(macs=28, dots=8, adds=4) + Counts(compares=4)), id="RNN by ReLU",
        ),
        pytest.param(
            node(
                "GRU", [(1, 1, 3), (2, 12, 3), (2, 12, 4)], (1, 2, 1, 4),
                activations=("Sigmoid", "Tanh", "HardSigmoid", "Relu"),
            ),
            2 * gru_step(3, 4)
            + Counts(adds=8, muls=8, compares=16 + 4)
            + Counts(adds=-16, specials=-8 - 4, divs=-8),
            id="backwards 8 hard sigmoids for sigmoids, 4 ReLUs for tanhs",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (1, 4, 3), (1, 4, 4)], (5, 1, 2, 4), clip=3.0),
            10 * (rnn_step(3, 4) + Counts(compares=8)), id="clipped: twice per argument",
        ),
        pytest.param(
            node("LSTM", [(0, 2, 3), (1, 16, 3), (1, 16, 4)], (0, 1, 2, 4)), Counts(), id="no step"
        ),
        pytest.param(
            node("com.microsoft:DynamicQuantizeLSTM", [(5, 2, 3), (1, 3, 16), (1, 4, 16)],
                 (5, 1, 2, 4)),
            10 * (lstm_step(3, 4) + 7 * Counts(compares=5, divs=1, adds=1) + Counts(muls=32)),
            id="3 inputs and 4 states quantised, 8H sums scaled",
        ),
    ],
)  # fmt: skip
def test_recurrence(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


BIASED = (lstm_step(3, 4) + Counts(adds=32), lstm_step(8, 4) + Counts(adds=32))
BOTH_WAYS = [(16, 3), (16, 4), (16,), (16,)] * 2 + [(16, 8), (16, 4), (16,), (16,)] * 2


@pytest.mark.parametrize(
    ("layer", "counts"),
    [
        pytest.param(
            node("aten:lstm", [(5, 2, 3), (4, 2, 4), (4, 2, 4), *BOTH_WAYS], (5, 2, 8)),
            10 * 2 * (BIASED[0] + BIASED[1]), id="two layers, both directions",
        ),
        pytest.param(
            node("aten:lstm", [(10, 3), (5,), (1, 2, 4), (1, 2, 4), (16, 3), (16, 4)], (10, 4)),
            10 * lstm_step(3, 4), id="packed sequences of ten tokens in all",
        ),
        pytest.param(
            node("aten:lstm", [(5, 3), (1, 2), (1, 4), (16, 3), (16, 2), (2, 4)], (5, 2)),
            5
            * (
                lstm_step(3, 4)
                + Counts(macs=-32)  # the state that comes back has 2 elements, not 4
                + Counts(macs=8, dots=2)
            ),
            id="a state that is projected from 4 to 2",
        ),
        pytest.param(
            node("aten:lstm_cell", [(2, 3), (2, 4), (2, 4), (16, 3), (16, 4)], (2, 4), (2, 4)),
            2 * lstm_step(3, 4), id="one cell",
        ),
        pytest.param(
            node("aten:gru", [(5, 2, 3), (1, 2, 4), (12, 3), (12, 4), (12,), (12,)], (5, 2, 4)),
            10 * (gru_step(3, 4) + Counts(adds=24)), id="GRU",
        ),
        pytest.param(
            node("aten:rnn_tanh", [(5, 2, 3), (1, 2, 4), (4, 3), (4, 4)], (5, 2, 4)),
            10 * rnn_step(3, 4), id="RNN by tanh",
        ),
        pytest.param(
            node("aten:rnn_relu_cell", [(2, 3), (2, 4), (4, 3), (4, 4)], (2, 4)),
            2 * Counts(macs=28, dots=8, adds=4, compares=4), id="one cell by ReLU",
        ),
        pytest.param(
            node("aten:gru", [(5, 2, 0), (1, 2, 4)], (5, 2, 4)), Counts(), id="nothing at all"
        ),
    ],
)  # fmt: skip
def test_stacked_recurrence(layer: Layer, counts: Counts) -> None:
    assert counted(layer) == counts


def test_slots_of_an_lstm() -> None:
    weights = rule_of(node("LSTM", [(5, 2, 3)], (5, 1, 2, 4))).weights
    assert {place for place, role in weights.items() if role is Role.PARAMETER} == {1, 2, 3, 7}
    assert {place for place, role in weights.items() if role is Role.CONSTANT} == {4, 5, 6}


@pytest.mark.parametrize(
    "layer",
    [
        pytest.param(
            node("LSTM", [(5, 2, 3), (1, 16, 3), (1, 16, 4)], (5, 1, 2, 4), activations=("Tanh",)),
            id="too few activations",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (1, 4, 3), (1, 4, 4)], (5, 1, 2, 4), activations="Tanh"),
            id="no list of activations",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (1, 4, 3), (1, 4, 4)], (5, 1, 2, 4), activations=("Magic",)),
            id="unknown activation",
        ),
        pytest.param(
            node("RNN", [(5, 2, 3), (10**9, 4, 3), (10**9, 4, 4)], (5, 10**9, 2, 4)),
            id="more directions than two",
        ),
    ],
)
def test_what_does_not_say_enough_is_uncountable(layer: Layer) -> None:
    with pytest.raises(Uncountable):
        counted(layer)
