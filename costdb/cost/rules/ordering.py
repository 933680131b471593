"""Sorting, searching and selecting by comparisons.

The definitions leave the algorithm open. A sort of n values is taken as n * log2(n) comparisons, a
search among n sorted values as log2(n + 1), logarithms rounded up.
"""

import math

from costdb.contracts import Counts, Coverage, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Tensor


def _logarithm(count: int) -> int:
    return math.ceil(math.log2(count)) if count > 1 else 0


def _rows(data: Tensor, axis: int) -> tuple[int, int]:
    """How many rows there are along an axis, and their length; a scalar is one row of one."""
    if data.rank == 0:
        return 1, 1
    length = data.size(axis)
    return data.numel // length if length else 0, length


# Without an axis these flatten their input; the others take the last axis.
_OF_ALL = frozenset({"median", "nanmedian", "quantile", "nanquantile"})


def selected(count: int, kept: int) -> int:
    """Comparisons of a search for the largest of n: each goes through a heap of the k best."""
    return count * max(_logarithm(kept), 1)


@rule("TopK", coverage=Coverage.ESTIMATED)
def top_k(layer: Layer) -> Counts:
    """Count the search for the k largest or smallest of n.

    Formula: per row n * log2(k) comparisons, at least n: each value goes through a heap of the k
    best ones.
    Source: https://onnx.ai/onnx/operators/onnx__TopK.html
    Example: X (1, 1000), k (1,), Y (1, 5): flops 3,000.
    """
    data, axis = layer.input(0), layer.integer("axis", -1)
    rows, length = _rows(data, axis)
    kept = layer.output.size(axis) if data.rank else 1
    return Counts(compares=rows * selected(length, kept))


@rule(
    "sort", "argsort", "msort", "median", "nanmedian", "kthvalue", "mode", "quantile",
    "nanquantile",
    domain="aten",
    coverage=Coverage.ESTIMATED,
)  # fmt: skip
def sort(layer: Layer) -> Counts:
    """Count a sort along an axis, or the search for a value by its rank, taken as a sort.

    A median or a quantile without an axis is that of all values.

    Formula: per row of length n, n * log2(n) comparisons.
    Source: https://pytorch.org/docs/stable/generated/torch.sort.html
    Example: X (4, 1000), Y (4, 1000): flops 40,000.
    """
    data = layer.input(0)
    if layer.op in _OF_ALL and "dim" not in layer.attributes:
        rows, length = 1, data.numel
    else:
        rows, length = _rows(data, layer.integer("dim", 0 if layer.op == "msort" else -1))
    return Counts(compares=rows * length * _logarithm(length))


@rule("Unique", coverage=Coverage.ESTIMATED)
def unique(layer: Layer) -> Counts:
    """Count the search for equal values, or for equal slices along an axis.

    Formula: n * log2(n) comparisons of a sort and n - 1 of neighbours, for slices times their size.
    Source: https://onnx.ai/onnx/operators/onnx__Unique.html
    Example: X (1000,), Y (1000,): flops 10,999.
    """
    axis = next((name for name in ("axis", "dim") if name in layer.attributes), None)
    data = layer.input(0)
    count = data.numel if axis is None else data.size(layer.integer(axis, 0))
    size = data.numel // count if count else 0
    return Counts(compares=size * (count * _logarithm(count) + count - 1))


UNIQUE_ELSEWHERE = renamed(
    unique,
    "com.microsoft:Unique",
    "aten:_unique",
    "aten:_unique2",
    "aten:unique_dim",
    "tf:Unique",
    "tf:UniqueV2",
    "tf:UniqueWithCounts",
    "tf:UniqueWithCountsV2",
)


@rule("unique_consecutive", "unique_dim_consecutive", domain="aten")
def unique_neighbours(layer: Layer) -> Counts:
    """Count which values, or slices, differ from the one before.

    Formula: a comparison per element, except for those of the first value or slice.
    Source: https://pytorch.org/docs/stable/generated/torch.unique_consecutive.html
    Example: X (1000,), Y (1000,): flops 999.
    """
    data = layer.input(0)
    count = data.size(layer.integer("dim", 0)) if "dim" in layer.attributes else data.numel
    return Counts(compares=data.numel - data.numel // count if count else 0)


@rule("searchsorted", domain="aten", coverage=Coverage.ESTIMATED)
def search_sorted(layer: Layer) -> Counts:
    """Count where values belong in rows of sorted ones.

    Formula: log2(n + 1) comparisons per value, in a row of n.
    Source: https://pytorch.org/docs/stable/generated/torch.searchsorted.html
    Example: S (4, 1023), X (4, 10), Y (4, 10): flops 400.
    """
    return Counts(compares=layer.output.numel * _logarithm(layer.input(0).size(-1) + 1))


SEARCHES_ELSEWHERE = renamed(search_sorted, "tf:LowerBound", "tf:UpperBound")


@rule("bucketize", domain="aten", coverage=Coverage.ESTIMATED)
def bucketize(layer: Layer) -> Counts:
    """Count which interval values fall into.

    Formula: log2(n + 1) comparisons per value, for n boundaries, the last input.
    Source: https://pytorch.org/docs/stable/generated/torch.bucketize.html
    Example: X (4, 10), boundaries (7,), Y (4, 10): flops 120.
    """
    boundaries = layer.input(max(len(layer.inputs) - 1, 0)).numel
    return Counts(compares=layer.output.numel * _logarithm(boundaries + 1))


@rule("isin", domain="aten", coverage=Coverage.ESTIMATED)
def membership(layer: Layer) -> Counts:
    """Count which values are among n others, which are sorted first.

    Formula: n * log2(n) comparisons of the sort, log2(n + 1) per value.
    Source: https://pytorch.org/docs/stable/generated/torch.isin.html
    Example: X (4, 10), S (7,), Y (4, 10): flops 141.
    """
    others = layer.input(1).numel
    sort = others * _logarithm(others)
    return Counts(compares=sort + layer.output.numel * _logarithm(others + 1))
