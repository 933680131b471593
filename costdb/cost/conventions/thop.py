"""The convention of ultralytics-thop, which counts modules."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from costdb.contracts import Counts
from costdb.cost.aten import aten_name
from costdb.cost.convention import convention
from costdb.ir import Layer, Role


@dataclass(frozen=True, slots=True)
class _Hook:
    """How thop counts an operator.

    Attributes:
        count: A layer, and what costdb's rule counts of it -> thop's number.
        text: The same in words.
        modules: The classes of PyTorch's that it has to be in to be seen, if it has to.
    """

    count: Callable[[Layer, Counts], int]
    text: str
    modules: tuple[str, ...] = ()


def _macs(_: Layer, counts: Counts) -> int:
    return counts.macs


def _product(layer: Layer, counts: Counts) -> int:
    """Outside PyTorch's modules, some functions alone are seen."""
    name = aten_name(layer)
    seen = not name or name in {"linear", "matmul", "bmm"} or _module(layer)
    return counts.macs if seen else 0


def _einsum(layer: Layer, counts: Counts) -> int:
    return counts.macs if len(layer.inputs) == 2 else 0


def _attention(layer: Layer, counts: Counts) -> int:
    """Both products and, as a module, the softmax: 3n - 1 for a row of n scores."""
    if _module(layer) != "MultiheadAttention":
        return counts.macs
    query, key = layer.input(0), layer.input(1)
    rows = query.numel // query.size(-1)
    return counts.macs + rows * (3 * key.size(-2) - 1)


def _norm(layer: Layer, _: Counts) -> int:
    scaled = layer.has_input(1) and layer.input(1).role is not Role.BUFFER
    return layer.input(0).numel * (4 if scaled else 2)


def _softmax(layer: Layer, counts: Counts) -> int:
    negated = layer.input(0).numel if _module(layer) == "Softmin" else 0
    return counts.operations + negated


def _pool(layer: Layer, counts: Counts) -> int:
    """An add for each element of a window and a divide for each window."""
    if _module(layer).startswith("Adaptive"):
        return _adaptive_pool(layer, counts)
    return counts.operations + layer.output.numel


def _adaptive_pool(layer: Layer, _: Counts) -> int:
    """The same; the sizes before and after decide those of the windows."""
    pairs = zip(layer.input(0).sizes, layer.output.sizes, strict=True)
    return math.prod(_window_sizes(*pair) for pair in pairs) + layer.output.numel


def _window_sizes(before: int, after: int) -> int:
    """The sum of the windows' sizes along an axis: floor(j * n / m) to ceil((j + 1) * n / m)."""
    if before == after:
        return after
    return sum(-(-(j + 1) * before // after) - j * before // after for j in range(after))


def _resize(layer: Layer, _: Counts) -> int:
    linear = {3: 5, 4: 11, 5: 31}.get(layer.output.rank, 0)
    per_element = {"linear": linear, "cubic": 259}
    return layer.output.numel * per_element.get(layer.string("mode", "nearest"), 0)


def _read(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel


def _bilinear(layer: Layer, _: Counts) -> int:
    weights = layer.input(2)
    return (weights.size(1) + 1) * weights.size(2) * layer.output.numel


def _recurrent(gates: int, elementwise: int) -> Callable[[Layer, Counts], int]:
    """In each step every weight and bias, and so many operations on each cell's states."""

    def count(layer: Layer, _: Counts) -> int:
        data = layer.input(0)
        weights = [tensor for tensor in layer.reads if tensor.role is Role.PARAMETER]
        states = weights[0].size(0) // gates
        cells = layer.integer("num_layers", 1) * (1 + layer.integer("bidirectional", 0))
        steps = data.numel // data.size(-1)
        return steps * (sum(weight.numel for weight in weights) + cells * elementwise * states)

    return count


def _module(layer: Layer) -> str:
    """The class of the module that a layer is in, if it is one of PyTorch's own."""
    module = layer.source_module
    return module.rpartition(".")[2] if module.startswith("torch.nn.") else ""


def _each(prefix: str) -> tuple[str, ...]:
    return tuple(f"{prefix}{rank}d" for rank in (1, 2, 3))


_ADAPTIVE_POOLS = _each("AdaptiveAvgPool")
_SOFTMAXES = ("Softmax", "Softmax2d", "Softmin", "MultiheadAttention")
_UPSAMPLINGS = ("Upsample", "UpsamplingBilinear2d", "UpsamplingNearest2d")
_NORM = _Hook(_norm, "4 for each element, 2 without scale and bias")
_POOL = "1 for each element of a window and 1 for the divide"
_SOFTMAX = "3n - 1 for a row of n"
_CELLS = "each weight and bias, and the states' products, once a step"

# Convolutions and norms have weights: a class of someone's own that calls one is taken for a
# subclass of PyTorch's, which thop sees, since files do not name a class's ancestors.
_HOOKS: Mapping[str, _Hook] = {
    "Conv": _Hook(_macs, "multiply-accumulates"),
    "ConvTranspose": _Hook(_macs, "multiply-accumulates"),
    "Gemm": _Hook(_product, "multiply-accumulates"),
    "MatMul": _Hook(_product, "multiply-accumulates"),
    "Einsum": _Hook(_einsum, "multiply-accumulates"),
    "aten:scaled_dot_product_attention": _Hook(
        _attention, f"multiply-accumulates and, of the softmax, {_SOFTMAX}"
    ),
    "BatchNormalization": _NORM,
    "aten:batch_norm": _NORM,
    "InstanceNormalization": _NORM,
    "GroupNormalization": _NORM,
    "LayerNormalization": _NORM,
    "RMSNormalization": _NORM,
    "AveragePool": _Hook(_pool, _POOL, (*_each("AvgPool"), *_ADAPTIVE_POOLS)),
    "GlobalAveragePool": _Hook(_adaptive_pool, _POOL, _ADAPTIVE_POOLS),
    "Softmax": _Hook(_softmax, _SOFTMAX, _SOFTMAXES),
    "LogSoftmax": _Hook(_softmax, "3n for a row of n", ("LogSoftmax",)),
    "Resize": _Hook(_resize, "by the mode: 11 for each element if bilinear", _UPSAMPLINGS),
    "PRelu": _Hook(_read, "1 for each element", ("PReLU",)),
    "aten:bilinear": _Hook(_bilinear, "both contractions", ("Bilinear",)),
    "aten:lstm": _Hook(_recurrent(gates=4, elementwise=8), _CELLS, ("LSTM",)),
    "aten:lstm_cell": _Hook(_recurrent(gates=4, elementwise=8), _CELLS, ("LSTMCell",)),
    "aten:gru": _Hook(_recurrent(gates=3, elementwise=7), _CELLS, ("GRU",)),
    "aten:gru_cell": _Hook(_recurrent(gates=3, elementwise=7), _CELLS, ("GRUCell",)),
    **{
        f"aten:rnn_{name}": _Hook(_recurrent(gates=1, elementwise=1), _CELLS, ("RNN", "RNNCell"))
        for name in ("tanh", "relu", "tanh_cell", "relu_cell")
    },
}


@convention(
    "thop",
    unit="MACs",
    metric="macs",
    formulas={op: hook.text for op, hook in _HOOKS.items()},
    omits="has no rule for it, or sees no module around it",
)
def thop(layer: Layer, counts: Counts) -> int:
    """Count multiply-accumulates, and the adds and divides of PyTorch's norms, pools and softmax.

    Modules are counted, and of functions only the products. Where a file names no modules, every
    operator counts as if it was in one.

    Source: thop/profile.py and thop/vision/basic_hooks.py of ultralytics-thop 2.2.3; PyPI's `thop`
    is an older tool that installs the same module.
    """
    hook = _HOOKS.get(layer.qualified_op)
    if hook is None:
        return 0
    unseen = hook.modules and layer.source_module and _module(layer) not in hook.modules
    return 0 if unseen else hook.count(layer, counts)
