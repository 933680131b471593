"""The convention of most papers' FLOPs."""

from costdb.contracts import Counts
from costdb.cost.convention import convention
from costdb.ir import Layer


@convention(
    "2mac",
    unit="FLOPs",
    metric="flops",
    formula="2 for each multiply-accumulate",
    omits="counts dot products alone",
)
def twice_the_macs(_: Layer, counts: Counts) -> int:
    """Count 2 for each multiply-accumulate, and nothing else.

    Source: https://arxiv.org/abs/1611.06440, appendix A.1, less its biases.
    """
    return 2 * counts.macs
