"""Upper bounds of sizes that depend on data: how many elements are not zero, how many boxes stay.

The operators: https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

import math
from collections.abc import Callable, Mapping, Sequence

from costdb.plugins import Shape
from costdb_tensorflow.constants import integers
from costdb_tensorflow.nodes import Node, Nodes, Value
from costdb_tensorflow.runtime import Inferred

Sizes = tuple[int, ...]

# Operator -> the largest shapes of its outputs, None for one that TensorFlow infers exactly; given
# the shapes of its inputs and the values of those that are small constants of integers.
_Bound = Callable[[Sequence[Sizes], Mapping[int, Sizes]], Sequence[Sizes | None]]


def upper_bounds(nodes: Nodes, inferred: Mapping[Value, Inferred]) -> dict[Value, Inferred]:
    """The largest shapes of values whose sizes depend on data, where the inputs' are known.

    Args:
        nodes: The graph.
        inferred: What is known so far.

    Returns:
        Only values that `inferred` leaves open.
    """
    return {
        value: inferred[value]._replace(shape=bound)
        for node in nodes.values()
        if node.op in _BOUNDS
        for value, bound in _bounds_of(node, nodes, inferred)
        if value in inferred and _sizes(inferred[value].shape) is None
    }


def _bounds_of(
    node: Node, nodes: Nodes, inferred: Mapping[Value, Inferred]
) -> list[tuple[Value, Sizes]]:
    shapes = []
    for value in node.inputs:
        sizes = _sizes(inferred[value].shape) if value in inferred else None
        if sizes is None:
            return []
        shapes.append(sizes)
    constants: dict[int, Sizes] = {}
    for place, value in enumerate(node.inputs):
        known = inferred[value].value
        if known is None and value.node in nodes:
            known = integers(nodes[value.node])
        if known is not None:
            constants[place] = known
    bounds = _BOUNDS[node.op](shapes, constants)
    return [(Value(node.name, n), bound) for n, bound in enumerate(bounds) if bound is not None]


def _sizes(shape: Shape | None) -> Sizes | None:
    known = tuple(size for size in shape or () if size is not None)
    return known if shape is not None and len(known) == len(shape) else None


def _where(shapes: Sequence[Sizes], _: Mapping[int, Sizes]) -> list[Sizes | None]:
    """The coordinates of the elements that are not zero: at most all of them."""
    return [(math.prod(shapes[0]), len(shapes[0]))]


def _unique(shapes: Sequence[Sizes], constants: Mapping[int, Sizes]) -> list[Sizes | None]:
    """Distinct slices along an axis, where each came from, and how often: at most all differ."""
    shape = shapes[0]
    axis = constants.get(1, ())
    length = shape[axis[0]] if axis and -len(shape) <= axis[0] < len(shape) else math.prod(shape)
    return [shape, None, (length,)]


def _kept_boxes(shapes: Sequence[Sizes], constants: Mapping[int, Sizes]) -> list[Sizes | None]:
    """Boxes that non-maximum suppression keeps: as many as asked for, at most all there are."""
    boxes = shapes[0][:1]
    count = max(0, min(boxes + constants.get(2, ()), default=0))
    return [(count,), (count,)]


def _difference(shapes: Sequence[Sizes], _: Mapping[int, Sizes]) -> list[Sizes | None]:
    """The elements of one list that another lacks, and where they were: at most all of them."""
    return [shapes[0], shapes[0]]


_BOUNDS: Mapping[str, _Bound] = {
    "ListDiff": _difference,
    "NonMaxSuppression": _kept_boxes,
    "NonMaxSuppressionV2": _kept_boxes,
    "NonMaxSuppressionV3": _kept_boxes,
    "NonMaxSuppressionV4": _kept_boxes,
    "NonMaxSuppressionV5": _kept_boxes,
    "NonMaxSuppressionWithOverlaps": _kept_boxes,
    "Unique": _unique,
    "UniqueV2": _unique,
    "UniqueWithCounts": _unique,
    "UniqueWithCountsV2": _unique,
    "Where": _where,
}
