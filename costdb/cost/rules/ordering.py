"""Sorting, searching and selecting by comparisons.

The definitions leave the algorithm open. A sort of n values is taken as n * log2(n) comparisons, a
search among n sorted values as log2(n + 1), logarithms rounded up.
"""

import math

from costdb.contracts import Counts, Coverage, rule
from costdb.ir import Layer, Tensor


def _logarithm(count: int) -> int:
    return math.ceil(math.log2(count)) if count > 1 else 0


def _rows(data: Tensor, axis: int) -> tuple[int, int]:
    """How many rows there are along an axis, and their length; a scalar is one row of one."""
    if data.rank == 0:
        return 1, 1
    length = data.size(axis)
    return data.numel // length if length else 0, length


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
    return Counts(compares=rows * length * max(_logarithm(kept), 1))


@rule("sort", "argsort", "msort", "median", "nanmedian", "kthvalue", "mode", domain="aten",
      coverage=Coverage.ESTIMATED)  # fmt: skip
def sort(layer: Layer) -> Counts:
    """Count a sort along an axis, or the search for a value by its rank, taken as a sort.

    Formula: per row of length n, n * log2(n) comparisons.
    Source: https://pytorch.org/docs/stable/generated/torch.sort.html
    Example: X (4, 1000), Y (4, 1000): flops 40,000.
    """
    data = layer.input(0)
    axis = layer.integer("dim", 0 if layer.op == "msort" else -1)
    rows, length = _rows(data, axis)
    return Counts(compares=rows * length * _logarithm(length))


@rule("Unique", coverage=Coverage.ESTIMATED)
def unique(layer: Layer) -> Counts:
    """Count the search for equal values, or for equal slices along an axis.

    Formula: n * log2(n) comparisons of a sort and n - 1 of neighbours, for slices times their size.
    Source: https://onnx.ai/onnx/operators/onnx__Unique.html
    Example: X (1000,), Y (1000,): flops 10,999.
    """
    data = layer.input(0)
    axis = layer.integer("axis", 0) if "axis" in layer.attributes else None
    return _unique(data, axis)


def _unique(data: Tensor, axis: int | None) -> Counts:
    count = data.numel if axis is None else data.size(axis)
    size = data.numel // count if count else 0
    return Counts(compares=size * (count * _logarithm(count) + count - 1))


@rule("_unique", "_unique2", "unique_dim", domain="aten", coverage=Coverage.ESTIMATED)
def unique_values(layer: Layer) -> Counts:
    """Count the search for equal values, or for equal slices along an axis.

    Formula: as ONNX's Unique.
    Source: https://pytorch.org/docs/stable/generated/torch.unique.html
    Example: X (1000,), Y (1000,): flops 10,999.
    """
    data = layer.input(0)
    return _unique(data, layer.integer("dim", 0) if layer.op == "unique_dim" else None)


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


@rule("Unique", "UniqueV2", "UniqueWithCounts", "UniqueWithCountsV2", domain="tf",
      coverage=Coverage.ESTIMATED)  # fmt: skip
def tensorflow_unique(layer: Layer) -> Counts:
    """Count the search for equal values.

    Formula: as ONNX's Unique, without an axis.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/Unique
    Example: X (1000,), Y (1000,): flops 10,999.
    """
    return _unique(layer.input(0), None)


def _lookups(values: Tensor, boundaries: int) -> Counts:
    return Counts(compares=values.numel * _logarithm(boundaries + 1))


@rule("searchsorted", domain="aten", coverage=Coverage.ESTIMATED)
def search_sorted(layer: Layer) -> Counts:
    """Count where values belong in rows of sorted ones.

    Formula: log2(n + 1) comparisons per value, in a row of n.
    Source: https://pytorch.org/docs/stable/generated/torch.searchsorted.html
    Example: S (4, 1023), X (4, 10), Y (4, 10): flops 400.
    """
    return _lookups(layer.output, layer.input(0).size(-1))


@rule("LowerBound", "UpperBound", domain="tf", coverage=Coverage.ESTIMATED)
def bound_in_sorted(layer: Layer) -> Counts:
    """Count where values belong in rows of sorted ones.

    Formula: log2(n + 1) comparisons per value, in a row of n.
    Source: https://www.tensorflow.org/api_docs/python/tf/raw_ops/LowerBound
    Example: S (4, 1023), X (4, 10), Y (4, 10): flops 400.
    """
    return _lookups(layer.output, layer.input(0).size(-1))


@rule("bucketize", domain="aten", coverage=Coverage.ESTIMATED)
def bucketize(layer: Layer) -> Counts:
    """Count which interval values fall into.

    Formula: log2(n + 1) comparisons per value, for n boundaries, the last input.
    Source: https://pytorch.org/docs/stable/generated/torch.bucketize.html
    Example: X (4, 10), boundaries (7,), Y (4, 10): flops 120.
    """
    return _lookups(layer.output, layer.input(len(layer.inputs) - 1).numel)
