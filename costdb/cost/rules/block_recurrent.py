"""Recurrent layers of TensorFlow, whose weights stand in one matrix or one vector.

The full rectangle of steps and samples counts, whatever the lengths of the sequences.
"""

from costdb.contracts import ZERO, Counts, dot_products, rule
from costdb.cost.rules.elementwise import SIGMOID, SPECIAL
from costdb.cost.rules.recurrent import GRU, LSTM, RNN, direction
from costdb.ir import Layer, Role, Uncountable


def _gates(inputs: int, hidden: int, gates: int) -> Counts:
    """So many gates over inputs and state in a row, each with a bias."""
    width = gates * hidden
    return dot_products(width, length=inputs + hidden) + Counts(adds=width)


def _long_short_term(layer: Layer, first: int) -> Counts:
    """One step of one sample; `first` is the position of the data, the states behind it."""
    data, weights = layer.input(first), layer.input(first + 3)
    width = weights.size(1)
    if width % 4:
        raise Uncountable(f"{layer.op} has weights of {width} columns for 4 gates")
    hidden = width // 4
    counts = _gates(data.size(-1), hidden, 4) + hidden * (3 * SIGMOID + 2 * SPECIAL + LSTM.update)
    if layer.op != "BlockLSTMV2" and layer.number("forget_bias", 1.0) != 0.0:
        counts += Counts(adds=hidden)
    if layer.integer("use_peephole", 0):
        counts += Counts(muls=3 * hidden, adds=3 * hidden)
    if layer.number("cell_clip", 0.0) > 0.0:
        counts += Counts(compares=2 * hidden)
    return counts


def _slots(first: int) -> dict[int, Role]:
    """The states, the weights, the peepholes and the bias behind the data."""
    parts = (Role.CONSTANT, Role.CONSTANT, *(Role.PARAMETER,) * 5)
    return dict(enumerate(parts, first + 1))


@rule("BlockLSTM", "BlockLSTMV2", domain="tf", weights=_slots(1))
def block_lstm(layer: Layer) -> Counts:
    """Count long short-term memory over steps, samples and inputs (T, B, I).

    Formula: per step and sample, with a state of H: 4H dot products of length I + H, 4H adds of a
    bias and H of the forget gate's (but in V2), 3H sigmoids, 2H tanhs, 3H multiplications and H
    adds for the new states; for peepholes 3H multiplications and adds, for `cell_clip` 2H
    comparisons.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/BlockLSTM
    Example: length (), X (100, 1, 64), C (1, 64), H (1, 64), W (128, 256), wi (64,), wf (64,),
    wo (64,), B (256,), Y (100, 1, 64): macs 3,276,800.
    """
    data = layer.input(1)
    return data.size(0) * data.size(1) * _long_short_term(layer, 1)


@rule("LSTMBlockCell", domain="tf", weights=_slots(0))
def lstm_block_cell(layer: Layer) -> Counts:
    """Count one step of long short-term memory over samples and inputs (B, I).

    Formula: as a step of BlockLSTM.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/LSTMBlockCell
    Example: X (1, 64), C (1, 64), H (1, 64), W (128, 256), wi (64,), wf (64,), wo (64,), B (256,),
    Y (1, 64): macs 32,768.
    """
    return layer.input(0).size(0) * _long_short_term(layer, 0)


@rule("GRUBlockCell", domain="tf", weights=dict.fromkeys((2, 3, 4, 5), Role.PARAMETER))
def gru_block_cell(layer: Layer) -> Counts:
    """Count one step of gated recurrent units over samples and inputs (B, I).

    Formula: per sample, with a state of H: 3H dot products of length I + H, 3H adds of biases, 2H
    sigmoids, H tanhs, 3H multiplications and 2H adds for the reset and the new state.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/GRUBlockCell
    Example: X (1, 64), H (1, 64), Wru (128, 128), Wc (128, 64), bru (128,), bc (64,), Y (1, 64):
    macs 24,576.
    """
    data, hidden = layer.input(0), layer.input(1).size(1)
    cell = _gates(data.size(1), hidden, 3) + hidden * (2 * SIGMOID + SPECIAL + GRU.update)
    return data.size(0) * cell


# By how many gates there are; a simple layer is taken as one of tanhs.
_CELLS = {cell.gates: cell for cell in (LSTM, GRU, RNN)}


@rule("CudnnRNN", "CudnnRNNV2", "CudnnRNNV3", domain="tf", weights={3: Role.PARAMETER})
def stacked_recurrence_of_one_vector(layer: Layer) -> Counts:
    """Count recurrent layers whose weights are one vector, which tells how many gates there are.

    Formula: as ONNX's LSTM, GRU or RNN for each layer and direction, both biases included. The
    layers behind the first one take the states of all directions.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/CudnnRNNV3
    Example: X (100, 1, 64), H (1, 1, 64), C (1, 1, 64), params (33280,), Y (100, 1, 64):
    macs 3,276,800.
    """
    data, hidden = layer.input(0), layer.input(1).size(2)
    directions = layer.output.size(2) // hidden if hidden else 0
    if directions not in {1, 2}:
        raise Uncountable(f"{layer.op} puts out {directions} directions")
    layers = layer.input(1).size(0) // directions
    inputs = [data.size(2), *[directions * hidden] * (layers - 1)][:layers]
    # A gate has a row of weights and two biases for each element of the state.
    per_gate = sum(directions * hidden * (width + hidden + 2) for width in inputs)
    gates = layer.input(3).numel // per_gate if per_gate else 0
    if gates not in _CELLS or gates * per_gate != layer.input(3).numel:
        raise Uncountable(f"the weights of {layer.op} fit no cell that is known")
    cell = _CELLS[gates]
    biases = Counts(adds=2 * gates * hidden)
    counts = ZERO
    for width in inputs:
        step = direction(cell, cell.functions, width, hidden, clipped=False) + biases
        counts += directions * step
    return data.size(0) * data.size(1) * counts
