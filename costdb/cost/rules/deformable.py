"""Deformable convolution: a convolution of samples between the elements."""

import math

from costdb.contracts import Counts, rule
from costdb.cost.rules.equivalent import accessed_as, counted_as
from costdb.cost.rules.sampling import LINEAR
from costdb.ir import Layer, Role, Uncountable


def deformable_accesses(layer: Layer) -> int:
    """As a convolution; offsets and masks are read once."""
    more = sum(layer.input(position).numel for position in (2, 4) if layer.has_input(position))
    return accessed_as("Conv", layer, 0, 1, 3) + more


@rule(
    "DeformConv",
    weights={1: Role.PARAMETER, 3: Role.PARAMETER},
    accesses=deformable_accesses,
)
def deformable_convolution(layer: Layer) -> Counts:
    """Count a convolution whose kernel reads at places that are shifted by offsets.

    Formula: as Conv; numel(Y) / Cout * C * K linear samples over r axes, each 2^r multiplications,
    2^r - 1 adds and a multiplication by the mask if there is one; per offset an add, and a
    comparison and 2 adds to weights; per place of the kernel (r - 1) 2^r multiplications of them.
    Source: https://onnx.ai/onnx/operators/onnx__DeformConv.html
    Example: X (1, 64, 32, 32), W (64, 64, 3, 3), offset (1, 18, 32, 32), Y (1, 64, 32, 32):
    macs 37,748,736.
    """
    data, weights, offset = layer.input(0), layer.input(1), layer.input(2)
    axes, channels = weights.rank - 2, weights.size(0)
    if axes < 1:
        raise Uncountable("the kernel of DeformConv has no axis to shift along")
    positions = layer.output.numel // channels if channels else 0
    samples = positions * data.size(1) * math.prod(weights.sizes[2:])
    places = offset.numel // axes
    return (
        counted_as("Conv", layer, 0, 1, 3)
        + Counts(adds=offset.numel, muls=samples if layer.has_input(4) else 0)
        + LINEAR.places(places, axes)
        + LINEAR.values(samples, axes)
    )
