"""Choosing boxes: those that overlap a better one too much are dropped."""

import math

from costdb.contracts import Counts, Coverage, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer

# Height, width and area of a box.
_AREA = Counts(adds=2, muls=1)

# Intersection over union: 4 maxima and minima of the edges, height and width (2 subtractions, 2
# maxima with 0), their product, the union (an add, a subtraction), the quotient, the threshold.
_OVERLAP = Counts(compares=7, adds=4, muls=1, divs=1)


@rule("NonMaxSuppression", coverage=Coverage.BOUNDED)
def non_max_suppression(layer: Layer) -> Counts:
    """Count boxes (..., N, 4) that are chosen by their scores, and compared with all that are left.

    Formula: per class and image of N boxes N comparisons with the least score, N * log2(N) of a
    sort, 2 subtractions and a multiplication per area; with m boxes kept, the bound of the output's
    size, m (2N - m - 1) / 2 pairs of 7 comparisons, 4 adds, a multiplication and a division.
    Source: https://onnx.ai/onnx/operators/onnx__NonMaxSuppression.html
    Example: boxes (1, 100, 4), scores (1, 2, 100), Y (20, 3): flops 26,770.
    """
    boxes = layer.input(0).size(-2)
    groups = layer.input(1).numel // boxes if boxes else 0
    if groups == 0:
        return Counts()
    kept = min(layer.output.size(0) // groups, boxes)
    pairs = kept * (2 * boxes - kept - 1) // 2
    sort = boxes * math.ceil(math.log2(boxes)) if boxes > 1 else 0
    return groups * (Counts(compares=boxes + sort) + boxes * _AREA + pairs * _OVERLAP)


SUPPRESSIONS = renamed(
    non_max_suppression,
    "tf:NonMaxSuppression",
    "tf:NonMaxSuppressionV2",
    "tf:NonMaxSuppressionV3",
    "tf:NonMaxSuppressionV4",
    "tf:NonMaxSuppressionV5",
)
