"""The convention of fvcore's FlopCountAnalysis, which timm's tables follow."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from costdb.contracts import Counts
from costdb.cost.aten import aten_name
from costdb.cost.convention import convention
from costdb.ir import Layer, Role, Uncountable


@dataclass(frozen=True, slots=True)
class _Handler:
    """How fvcore counts an operator.

    Attributes:
        count: A layer, and what costdb's rule counts of it -> fvcore's number.
        text: The same in words.
        names: What ATen must call it to be counted, where that matters.
    """

    count: Callable[[Layer, Counts], int]
    text: str
    names: tuple[str, ...] = ()


def _macs(_: Layer, counts: Counts) -> int:
    return counts.macs


def _product(layer: Layer, _: Counts) -> int:
    """Every element of the left operand meets each column of the right one, without broadcast."""
    if min(layer.input(0).rank, layer.input(1).rank) < 2 and aten_name(layer) != "linear":
        raise Uncountable("fvcore fails on products with a vector")
    return layer.input(0).numel * layer.output.size(-1)


def _einsum(layer: Layer, counts: Counts) -> int:
    """Half of what NumPy prints of its best path, which has four digits."""
    equation = "".join(layer.string("equation").split())
    if len(layer.inputs) != 2:
        raise Uncountable("NumPy decides the order of contraction")
    if _alphabetical(equation) in {"abc,abd->acd", "abc,adc->adb"}:
        return counts.macs
    contracts = counts.macs > counts.dots
    operations = counts.macs * 2 if contracts else counts.macs
    return math.floor(float(f"{operations:.3e}") / 2)


def _alphabetical(equation: str) -> str:
    """An equation with its indices renamed a, b, c in the order of their first mention."""
    indices = dict.fromkeys(filter(str.isalpha, equation))
    return equation.translate({ord(index): 97 + place for place, index in enumerate(indices)})


def _batch_norm(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel * (2 if layer.has_input(1) else 1)


def _training_batch_norm(layer: Layer, _: Counts) -> int:
    scaled = any(tensor.role is Role.PARAMETER for tensor in layer.reads)
    return layer.input(0).numel * (5 if scaled else 4)


def _norm(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel * (5 if layer.has_input(1) else 4)


def _read(layer: Layer, _: Counts) -> int:
    return layer.input(0).numel


def _resize(layer: Layer, _: Counts) -> int:
    per_element = {"nearest": 1, "linear": 4}.get(layer.string("mode", "nearest"), 0)
    return layer.output.numel * per_element if layer.output.rank == 4 else 0


def _grid_sample(layer: Layer, _: Counts) -> int:
    return 4 * layer.output.numel


_ADAPTIVE = ("adaptive_avg_pool2d", "_adaptive_avg_pool2d")
_RESIZES = ("upsample_nearest2d", "upsample_bilinear2d")
_NORM = _Handler(_norm, "5 for each element, 4 without scale and bias")
_PRODUCT = "the left operand's elements times the right one's columns"

_HANDLERS: Mapping[str, _Handler] = {
    "Conv": _Handler(_macs, "multiply-accumulates"),
    "ConvTranspose": _Handler(_macs, "multiply-accumulates"),
    "Gemm": _Handler(_product, _PRODUCT, ("linear", "addmm")),
    "MatMul": _Handler(_product, _PRODUCT, ("matmul", "mm", "bmm")),
    "Einsum": _Handler(_einsum, "half of NumPy's figure, which has four digits", ("einsum",)),
    "BatchNormalization": _Handler(_batch_norm, "2 for each element, 1 without scale and bias"),
    "aten:batch_norm": _Handler(_training_batch_norm, _NORM.text),
    "LayerNormalization": _NORM,
    "GroupNormalization": _NORM,
    "InstanceNormalization": _NORM,
    "GlobalAveragePool": _Handler(_read, "1 for each input element", _ADAPTIVE),
    "Resize": _Handler(_resize, "1 or, bilinear, 4 for each element", _RESIZES),
    "GridSample": _Handler(_grid_sample, "4 for each element"),
    **{
        # A cell is traced as the two products that it is.
        f"aten:{name}_cell": _Handler(_macs, "multiply-accumulates")
        for name in ("lstm", "gru", "rnn_tanh", "rnn_relu")
    },
}

# Of the IR's pools and batch norms, those that have another handler by ATen's name.
_BY_NAME = {**dict.fromkeys(_ADAPTIVE, _HANDLERS["GlobalAveragePool"]), "instance_norm": _NORM}


@convention(
    "fvcore",
    unit="MACs",
    metric="macs",
    formulas={op: handler.text for op, handler in _HANDLERS.items()}
    | {"AveragePool": _HANDLERS["GlobalAveragePool"].text},
    omits="has no handler for it",
)
def fvcore(layer: Layer, counts: Counts) -> int:
    """Count multiply-accumulates, and a few for each element that is normalised or resampled.

    Files of other frameworks are counted as if PyTorch had written them.

    Source: fvcore/nn/flop_count.py and fvcore/nn/jit_handles.py of fvcore 0.1.5.post20221221.
    """
    name = aten_name(layer)
    handler = _BY_NAME.get(name) or _HANDLERS.get(layer.qualified_op)
    if handler is None or (name and handler.names and name not in handler.names):
        return 0
    return handler.count(layer, counts)
