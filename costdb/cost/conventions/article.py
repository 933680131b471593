"""The convention of costdb's own totals."""

from costdb.contracts import Counts
from costdb.cost.convention import convention
from costdb.ir import Layer


@convention("article", unit="FLOPs", metric="flops", formula="every operation")
def article(layer: Layer, counts: Counts) -> int:
    """Count every operation of the operators' definitions, n-element dot products as 2n - 1.

    The file as it is, so that it differs from costdb's total by what deployment folds.

    Source: the reference article, section 3; docs/counting.md.
    """
    floating = layer.compute_dtype is None or layer.compute_dtype.is_floating
    return counts.operations if floating else 0
