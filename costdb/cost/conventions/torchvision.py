"""The convention of torchvision's `_ops` and of PyTorch's FlopCounterMode, halved."""

from costdb.contracts import Counts
from costdb.cost.aten import aten_name
from costdb.cost.convention import convention
from costdb.ir import Layer

# Products with a vector and samplings that PyTorch's registry of formulas does not list.
_NOT_REGISTERED = frozenset({"mv", "dot", "vdot", "addmv"})


@convention(
    "torchvision",
    unit="MACs",
    metric="macs",
    omits="counts convolutions and products of matrices alone",
)
def torchvision(layer: Layer, counts: Counts) -> int:
    """Count the multiply-accumulates of convolutions and of products of matrices.

    It is what torchvision calls GFLOPS in its tables of weights, and half of what FlopCounterMode
    says, which counts 2 for each. Attention counts with both of its products, which FlopCounterMode
    misses where PyTorch runs it in one piece on a CPU.

    Source: torch/utils/flop_counter.py of PyTorch 2.13; `_ops` of torchvision 0.28's weights.
    """
    is_vector = layer.op == "MatMul" and min(tensor.rank for tensor in layer.reads) < 2
    if layer.op == "DeformConv" or aten_name(layer) in _NOT_REGISTERED or is_vector:
        return 0
    return counts.macs
