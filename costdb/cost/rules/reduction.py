"""Reductions along axes: every input element is combined into an output element.

Combining n elements into one takes n - 1 steps, so a whole reduction takes
numel(X) - numel(Y). The formulas are the operators' definitions,
https://onnx.ai/onnx/operators/.
"""

from collections.abc import Callable

from costdb.contracts import ZERO, Counts, Rule, rule
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


@rule("CumSum")
def cumulative_sum(layer: Layer) -> Counts:
    """Count running sums along an axis.

    Formula: one add per element but the first of each row; counted as one per element, since the
    axis is an input that a file may compute.
    Source: https://onnx.ai/onnx/operators/onnx__CumSum.html
    Example: X (1, 128), Y (1, 128): flops 128.
    """
    return Counts(adds=layer.output.numel)
