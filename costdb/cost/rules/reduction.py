"""Reductions along axes: every input element is combined into an output element.

Combining n elements into one takes n - 1 steps, so a whole reduction takes
numel(X) - numel(Y). The formulas are the operators' definitions,
https://onnx.ai/onnx/operators/.
"""

import math
from collections.abc import Callable

from costdb.contracts import ZERO, Counts, Rule, rule
from costdb.cost.rules.elementwise import per_element
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer


def _row(
    op: str,
    step: Counts,
    formula: str,
    before: Counts = ZERO,
    after: Counts = ZERO,
) -> Rule:
    """A reduction: `before` on each element, `step` to combine two, `after` on each result."""
    return Rule(
        op,
        _reduction(before, step, after),
        documentation=f"Count {formula}, numel(X) - numel(Y) steps.",
    )


def _reduction(before: Counts, step: Counts, after: Counts) -> Callable[[Layer], Counts]:
    def count(layer: Layer) -> Counts:
        read, written = layer.input(0).numel, layer.output.numel
        return read * before + max(read - written, 0) * step + written * after

    return count


_ADD = Counts(adds=1)
_MUL = Counts(muls=1)
_COMPARE = Counts(compares=1)
_SPECIAL = Counts(specials=1)

REDUCTIONS = (
    _row("ReduceSum", _ADD, "the sum"),
    _row("ReduceMean", _ADD, "the sum, divided", after=Counts(divs=1)),
    _row("ReduceProd", _MUL, "the product"),
    _row("ReduceMax", _COMPARE, "the maximum"),
    _row("ReduceMin", _COMPARE, "the minimum"),
    _row("ReduceL1", _ADD, "the sum of magnitudes", before=_COMPARE),
    _row("ReduceL2", _ADD, "the root of the sum of squares", before=_MUL, after=_SPECIAL),
    _row("ReduceSumSquare", _ADD, "the sum of squares", before=_MUL),
    _row("ReduceLogSum", _ADD, "the log of the sum", after=_SPECIAL),
    _row("ReduceLogSumExp", _ADD, "the log of the sum of exps", before=_SPECIAL, after=_SPECIAL),
    _row("ArgMax", _COMPARE, "where the maximum is"),
    _row("ArgMin", _COMPARE, "where the minimum is"),
)


RUNTIME_REDUCTIONS = renamed(REDUCTIONS[:1], "com.microsoft:ReduceSumInteger")


@rule("linalg_vector_norm", "linalg_norm", domain="aten")
def vector_norm(layer: Layer) -> Counts:
    """Count the p-norm of the elements that go into one of Y, by default 2.

    Formula: numel(X) - numel(Y) adds, comparisons for infinity; per element a magnitude, or a
    square for 2, and a power for other finite p; per element of Y a root for finite p but 1.
    Source: https://pytorch.org/docs/stable/generated/torch.linalg.vector_norm.html
    Example: X (8, 64), ord 3, Y (8,): flops 1,536.
    """
    read, written = layer.input(0).numel, layer.output.numel
    order = layer.number("ord", 2.0)
    steps = max(read - written, 0)
    if math.isinf(order):
        return Counts(compares=read + steps)
    if order == 1:
        return Counts(compares=read, adds=steps)
    if order == 2:
        return Counts(muls=read, adds=steps, specials=written)
    return Counts(compares=read, specials=read + written, adds=steps)


@rule("trace", domain="aten")
def trace(layer: Layer) -> Counts:
    """Count the sum of the diagonal of a matrix.

    Formula: an add for each element of the diagonal but one.
    Source: https://pytorch.org/docs/stable/generated/torch.trace.html
    Example: X (8, 6), Y (): flops 5.
    """
    matrix = layer.input(0)
    return Counts(adds=max(min(matrix.size(0), matrix.size(1)) - 1, 0))


@rule("aminmax", domain="aten")
def both_extrema(layer: Layer) -> Counts:
    """Count the minimum and the maximum.

    Formula: 2 numel(X) - 2 numel(Y) comparisons.
    Source: https://pytorch.org/docs/stable/generated/torch.aminmax.html
    Example: X (8, 64), Y (8,): flops 1,008.
    """
    return Counts(compares=2 * max(layer.input(0).numel - layer.output.numel, 0))


@rule("count_nonzero", "nansum", domain="aten")
def sum_of_some(layer: Layer) -> Counts:
    """Count how many elements are not zero, or the sum of those that are numbers.

    Formula: a comparison per element, numel(X) - numel(Y) adds.
    Source: https://pytorch.org/docs/stable/generated/torch.count_nonzero.html
    Example: X (8, 64), Y (8,): flops 1,016.
    """
    read = layer.input(0).numel
    return Counts(compares=read, adds=max(read - layer.output.numel, 0))


@rule("CumSum")
def cumulative_sum(layer: Layer) -> Counts:
    """Count running sums along an axis.

    Formula: one add per element but the first of each row; counted as one per element, since the
    axis is an input that a file may compute.
    Source: https://onnx.ai/onnx/operators/onnx__CumSum.html
    Example: X (1, 128), Y (1, 128): flops 128.
    """
    return Counts(adds=layer.output.numel)


@rule("CumProd")
def cumulative_product(layer: Layer) -> Counts:
    """Count running products along an axis.

    Formula: one multiplication per element, as CumSum has one add.
    Source: https://onnx.ai/onnx/operators/onnx__CumProd.html
    Example: X (1, 128), Y (1, 128): flops 128.
    """
    return Counts(muls=layer.output.numel)


RUNNING_PRODUCTS = renamed(cumulative_product, "aten:cumprod", "tf:Cumprod")

RUNNING_EXTREMA = per_element(
    _COMPARE, "the running maximum or minimum", "aten:cummax", "aten:cummin"
)

RUNNING_LOGARITHMS = per_element(
    2 * _SPECIAL + _ADD,
    "the log of the running sum of exps",
    "aten:logcumsumexp",
    "tf:CumulativeLogsumexp",
)
