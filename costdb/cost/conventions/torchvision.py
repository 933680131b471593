"""The convention of torchvision's `_ops` and of PyTorch's FlopCounterMode, halved."""

from costdb.contracts import Counts
from costdb.cost.aten import aten_name
from costdb.cost.convention import convention
from costdb.ir import Layer, Uncountable

# Products with vectors, which PyTorch's registry of formulas does not list.
_NOT_REGISTERED = frozenset({"mv", "dot", "vdot", "addmv", "bilinear"})


def _is_registered(layer: Layer) -> bool:
    if layer.op == "MatMul":
        vectors = min(tensor.rank for tensor in layer.reads) < 2
        return not vectors and aten_name(layer) not in _NOT_REGISTERED
    if layer.op == "Einsum":
        return _contracts(layer)
    return layer.op != "DeformConv" and aten_name(layer) not in _NOT_REGISTERED


def _contracts(layer: Layer) -> bool:
    """Whether both operands share an index that the result lacks; PyTorch multiplies otherwise."""
    if len(layer.inputs) > 2:
        raise Uncountable("PyTorch decides the order of contraction")
    operands, _, result = layer.string("equation").partition("->")
    first, _, second = operands.partition(",")
    shared = set(filter(str.isalpha, first)) & set(second)
    return bool(shared - set(result))


@convention(
    "torchvision",
    unit="MACs",
    metric="macs",
    formula="multiply-accumulates",
    omits="counts convolutions and products of matrices alone",
)
def torchvision(layer: Layer, counts: Counts) -> int:
    """Count the multiply-accumulates of convolutions and of products of matrices.

    It is what torchvision calls GFLOPS in its tables of weights, and half of what FlopCounterMode
    says, which counts 2 for each. Attention and recurrent layers count with all of their products,
    which FlopCounterMode misses where PyTorch runs them in one piece on a CPU.

    Source: torch/utils/flop_counter.py of PyTorch 2.13; `_ops` of torchvision 0.28's weights.
    """
    return counts.macs if _is_registered(layer) else 0
