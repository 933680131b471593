"""Recurrent layers: one cell that runs over the steps of a sequence, in one or two directions.

The full rectangle of steps and samples counts, whatever the lengths of the sequences.
"""

from dataclasses import dataclass

from costdb.contracts import ZERO, Counts, Coverage, dot_products, rule
from costdb.cost.rules.activation import activation
from costdb.cost.rules.quantization import DYNAMIC_QUANTIZE
from costdb.ir import Layer, Role, Uncountable

WEIGHTS = {1: Role.PARAMETER, 2: Role.PARAMETER, 3: Role.PARAMETER}
STATES = {4: Role.CONSTANT, 5: Role.CONSTANT}
CELL_WEIGHTS = WEIGHTS | STATES | {6: Role.CONSTANT, 7: Role.PARAMETER}


@dataclass(frozen=True, slots=True)
class Cell:
    """What one step computes, in vectors of the hidden size.

    Attributes:
        gates: Vectors that are projected from the input and from the state.
        functions: The activation functions, in the order of the attribute `activations`.
        activated: How many vectors go through each of them.
        update: Operations per hidden element that make the new state out of the gates.
        peepholes: Gates that may look at the cell's state.
    """

    gates: int
    functions: tuple[str, ...]
    activated: tuple[int, ...]
    update: Counts
    peepholes: int = 0


# C = f * C' + i * c and H = o * h(C).
LSTM = Cell(4, ("Sigmoid", "Tanh", "Tanh"), (3, 1, 1), Counts(muls=3, adds=1), peepholes=3)

# The reset gate's product, and H = (1 - z) * h + z * H'.
GRU = Cell(3, ("Sigmoid", "Tanh"), (2, 1), Counts(muls=3, adds=2))

RNN = Cell(1, ("Tanh",), (1,), ZERO)


def direction(
    cell: Cell, functions: tuple[str, ...], input_size: int, hidden: int, *, clipped: bool
) -> Counts:
    """One step of one sample in one direction, without biases and peepholes."""
    gated = cell.gates * hidden
    counts = dot_products(gated, length=input_size) + dot_products(gated, length=hidden)
    counts += Counts(adds=gated) + hidden * cell.update
    for name, vectors in zip(functions, cell.activated, strict=True):
        counts += vectors * hidden * activation(name)
    if clipped:
        counts += Counts(compares=2 * hidden * sum(cell.activated))
    return counts


def _functions(layer: Layer, cell: Cell, directions: int) -> list[tuple[str, ...]]:
    """The activation functions of each direction."""
    if directions not in {1, 2}:
        raise Uncountable(f"{layer.op} has weights for {directions} directions")
    count = len(cell.functions)
    given = layer.attributes.get("activations", cell.functions * directions)
    names = tuple(map(str, given)) if isinstance(given, tuple) else ()
    if len(names) != count * directions:
        raise Uncountable(f"{layer.op} does not have {count * directions} activations")
    return [names[start : start + count] for start in range(0, len(names), count)]


def _recurrence(layer: Layer, cell: Cell, *, hidden_axis: int = 2) -> Counts:
    """A layer of ONNX; `hidden_axis` is the axis of R that is as long as the state."""
    data, weights, recurrence = layer.input(0), layer.input(1), layer.input(2)
    # Layout 1 swaps the first two axes, steps and samples, which their product does not mind.
    steps = data.size(0) * data.size(1)
    directions, hidden = weights.size(0), recurrence.size(hidden_axis)
    clipped = layer.number("clip", 0.0) != 0.0
    counts = ZERO
    for functions in _functions(layer, cell, directions):
        counts += direction(cell, functions, data.size(2), hidden, clipped=clipped)
    if layer.has_input(3):
        counts += Counts(adds=directions * 2 * cell.gates * hidden)
    if cell.peepholes and layer.has_input(7):
        looked_at = directions * cell.peepholes * hidden
        counts += Counts(muls=looked_at, adds=looked_at)
    return steps * counts


@rule("LSTM", weights=CELL_WEIGHTS)
def lstm(layer: Layer) -> Counts:
    """Count long short-term memory.

    Formula: per step, sample and direction, with I inputs and a state of H: 4H dot products of
    length I and 4H of length H, 4H adds of the two, 8H of both biases, for peepholes 3H
    multiplications and adds, 3H sigmoids and 2H tanhs (or other functions), 3H multiplications and
    H adds for the new states; clipping compares the arguments of the functions twice.
    Source: https://onnx.ai/onnx/operators/onnx__LSTM.html
    Example: X (100, 1, 64), W (1, 256, 64), R (1, 256, 64), B (1, 512), Y (100, 1, 1, 64):
    macs 3,276,800.
    """
    return _recurrence(layer, LSTM)


@rule("GRU", weights=WEIGHTS | STATES)
def gru(layer: Layer) -> Counts:
    """Count a layer of gated recurrent units.

    Formula: per step, sample and direction, with I inputs and a state of H: 3H dot products of
    length I and 3H of length H, 3H adds of the two, 6H of both biases, 2H sigmoids and H tanhs (or
    other functions), 3H multiplications and 2H adds for the reset and the new state.
    `linear_before_reset` changes the order, not the counts.
    Source: https://onnx.ai/onnx/operators/onnx__GRU.html
    Example: X (100, 1, 64), W (1, 192, 64), R (1, 192, 64), B (1, 384), Y (100, 1, 1, 64):
    macs 2,457,600.
    """
    return _recurrence(layer, GRU)


@rule("RNN", weights=WEIGHTS | STATES)
def simple_recurrence(layer: Layer) -> Counts:
    """Count a simple recurrent layer, H = f(W X + R H' + Wb + Rb).

    Formula: per step, sample and direction, with I inputs and a state of H: H dot products of
    length I and H of length H, H adds of the two, 2H of both biases, H tanhs (or another function).
    Source: https://onnx.ai/onnx/operators/onnx__RNN.html
    Example: X (10, 2, 32), W (1, 64, 32), R (1, 64, 64), Y (10, 1, 2, 64): macs 122,880.
    """
    return _recurrence(layer, RNN)


@rule(
    "DynamicQuantizeLSTM",
    domain="com.microsoft",
    weights=CELL_WEIGHTS | dict.fromkeys((8, 9, 10, 11), Role.CONSTANT),
    coverage=Coverage.ESTIMATED,
)
def dynamically_quantized_lstm(layer: Layer) -> Counts:
    """Count an LSTM with integer weights, whose inputs and states are quantised at run time.

    Formula: as LSTM; a dynamic quantisation of each element of X and of each state, and a
    multiplication by the scales for each of the 8H dot products.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: X (100, 1, 64), W (1, 64, 256), R (1, 64, 256), Y (100, 1, 1, 64): macs 3,276,800.
    """
    data, weights, recurrence = layer.input(0), layer.input(1), layer.input(2)
    steps, directions = data.size(0) * data.size(1), weights.size(0)
    hidden = recurrence.size(1)
    quantized = data.size(2) + directions * hidden
    rescaled = directions * 2 * LSTM.gates * hidden
    return _recurrence(layer, LSTM, hidden_axis=1) + steps * (
        quantized * DYNAMIC_QUANTIZE + Counts(muls=rescaled)
    )


def _stacked(layer: Layer, cell: Cell, functions: tuple[str, ...], states: int) -> Counts:
    """Layers of ATen's: input, states, then for each layer and direction its weights and biases.

    Weights are (gates * H, I) and (gates * H, H); a projection of the state is (P, H).
    """
    data = layer.input(0)
    width = data.size(-1)
    steps = data.numel // width if width else 0
    # Packed sequences are (tokens, I), with the sizes of their batches behind.
    first = 1 + states + (layer.input(1).rank == 1)
    weights = [tensor for tensor in layer.inputs[first:] if tensor is not None]
    matrices = [tensor for tensor in weights if tensor.rank == 2]
    gated = matrices[0].size(0) if matrices else 0
    hidden = gated // cell.gates
    counts = ZERO
    for matrix in matrices:
        counts += dot_products(matrix.size(0), length=matrix.size(1))
    cells = sum(matrix.size(0) == gated for matrix in matrices) // 2
    update = Counts(adds=gated) + hidden * cell.update
    for name, vectors in zip(functions, cell.activated, strict=True):
        update += vectors * hidden * activation(name)
    biases = sum(tensor.numel for tensor in weights if tensor.rank == 1)
    return steps * (counts + cells * update + Counts(adds=biases))


@rule("lstm", "lstm_cell", domain="aten")
def stacked_lstm(layer: Layer) -> Counts:
    """Count layers of long short-term memory, in one or two directions, or one cell.

    Formula: as ONNX's LSTM for each layer and direction; a projection of the state adds its
    matrix.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.LSTM.html
    Example: X (100, 1, 64), H (1, 1, 64), C (1, 1, 64), W (256, 64), R (256, 64), Wb (256,),
    Rb (256,), Y (100, 1, 64): macs 3,276,800.
    """
    return _stacked(layer, LSTM, LSTM.functions, states=2)


@rule("gru", "gru_cell", domain="aten")
def stacked_gru(layer: Layer) -> Counts:
    """Count layers of gated recurrent units, in one or two directions, or one cell.

    Formula: as ONNX's GRU for each layer and direction.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.GRU.html
    Example: X (100, 1, 64), H (1, 1, 64), W (192, 64), R (192, 64), Wb (192,), Rb (192,),
    Y (100, 1, 64): macs 2,457,600.
    """
    return _stacked(layer, GRU, GRU.functions, states=1)


@rule("rnn_tanh", "rnn_relu", "rnn_tanh_cell", "rnn_relu_cell", domain="aten")
def stacked_recurrence(layer: Layer) -> Counts:
    """Count simple recurrent layers, in one or two directions, or one cell.

    Formula: as ONNX's RNN for each layer and direction.
    Source: https://pytorch.org/docs/stable/generated/torch.nn.RNN.html
    Example: X (10, 2, 32), H (1, 2, 64), W (64, 32), R (64, 64), Y (10, 2, 64): macs 122,880.
    """
    return _stacked(layer, RNN, (layer.op.split("_")[1],), states=1)
