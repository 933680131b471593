"""Small integers that no data decide: sizes, counters, limits, and comparisons of them.

A loop's trip count and the branch that is taken hang on such values, and TensorFlow's inference
tells shapes only. The operators: https://www.tensorflow.org/api_docs/python/tf/raw_ops
"""

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from costdb.plugins import SMALL_CONSTANT_ELEMENTS, Shape
from costdb_tensorflow.constants import integers
from costdb_tensorflow.definitions import Definitions
from costdb_tensorflow.dtypes import BOOL, INT32, INT64
from costdb_tensorflow.nodes import Node
from costdb_tensorflow.runtime import Inferred

Numbers = tuple[int, ...]

# The largest number of each dtype; what wraps around is no size of a real model.
_LARGEST = {BOOL: 1, INT32: 2**31 - 1, INT64: 2**63 - 1}

_Operands = Sequence[Inferred | None]


def known_value(
    node: Node, inputs: _Operands, output: Inferred, definitions: Definitions
) -> Numbers | None:
    """The elements of a node's first output, flat; None where they are not known.

    Args:
        node: The node.
        inputs: What is known of its inputs; None for one that is not there.
        output: What is known of its output.
        definitions: Of the operators.
    """
    if output.dtype not in _LARGEST or not _is_small(output.shape):
        return None
    if node.op == "Const":
        return integers(node)
    if node.op in _OF_SHAPES:
        shape = inputs[0].shape if inputs and inputs[0] is not None else None
        return None if shape is None or None in shape else _OF_SHAPES[node.op](_known(shape))
    operands = [entry.value for entry in inputs if entry is not None]
    values = [value for value in operands if value is not None]
    if not inputs or len(values) != len(inputs):
        return None
    found = _computed(node, values, inputs, output, definitions)
    if found is None or len(found) != math.prod(_known(output.shape or ())):
        return None
    fits = all(abs(number) <= _LARGEST[output.dtype] for number in found)
    return found if fits else None


def _computed(
    node: Node,
    values: Sequence[Numbers],
    inputs: _Operands,
    output: Inferred,
    definitions: Definitions,
) -> Numbers | None:
    """What an operator makes of known operands."""
    if node.op in _ELEMENTWISE:
        is_whole = len(values) == _ARITY.get(node.op, 2)
        return _broadcast(_ELEMENTWISE[node.op], values) if is_whole else None
    if node.op in _HANDED_ON:
        is_truth = output.dtype == BOOL
        return tuple(int(bool(number)) for number in values[0]) if is_truth else values[0]
    if node.op in _REDUCTIONS:
        return _reduced(node, values, inputs[0], definitions)
    return _arranged(node, values, inputs[0], output, definitions)


def _arranged(
    node: Node,
    values: Sequence[Numbers],
    data: Inferred | None,
    output: Inferred,
    definitions: Definitions,
) -> Numbers | None:
    """What an operator that makes, joins or picks numbers yields."""
    found: Numbers | None = None
    match node.op, values:
        case "Pack", [*parts] if all(len(part) == 1 for part in parts):
            found = tuple(part[0] for part in parts)
        case "ConcatV2", [*parts, _] if _rank(output) == 1:
            found = tuple(number for part in parts for number in part)
        case "Range", [(start,), (limit,), (delta,)] if delta:
            found = _range(start, limit, delta)
        case "Fill", [_, (number,)] if output.shape is not None:
            found = (number,) * math.prod(_known(output.shape))
        case "StridedSlice", [numbers, *bounds] if _rank(data) == 1:
            found = _sliced(node, numbers, bounds, definitions)
        case (("GatherV2" | "Gather"), [numbers, places, *_]) if _rank(data) == 1:
            is_within = all(0 <= place < len(numbers) for place in places)
            found = tuple(numbers[place] for place in places) if is_within else None
        case (("Select" | "SelectV2"), [(chosen,), one, two]) if len(one) == len(two):
            found = one if chosen else two
        case _:
            pass
    return found


def _known(shape: Shape) -> tuple[int, ...]:
    return tuple(size for size in shape if size is not None)


def _is_small(shape: Shape | None) -> bool:
    if shape is None or None in shape or len(shape) > 1:
        return False
    return math.prod(_known(shape)) <= SMALL_CONSTANT_ELEMENTS


def _rank(entry: Inferred | None) -> int | None:
    return None if entry is None or entry.shape is None else len(entry.shape)


def _broadcast(function: Callable[..., int | None], values: Sequence[Numbers]) -> Numbers | None:
    """A function of numbers, element by element; a single number stands for all."""
    length = max(map(len, values))
    if any(len(value) not in {1, length} for value in values):
        return None
    columns = zip(*(value * length if len(value) == 1 else value for value in values), strict=True)
    found = [function(*column) for column in columns]
    known = tuple(number for number in found if number is not None)
    return known if len(known) == len(found) else None


def _reduced(
    node: Node, values: Sequence[Numbers], data: Inferred | None, definitions: Definitions
) -> Numbers | None:
    """All elements reduced to one; those of a scalar, or along no axis, stay as they are."""
    keeps = definitions.attribute(node, "keep_dims")
    if len(values) != 2 or data is None or data.shape is None:
        return None
    if not data.shape or not values[1]:
        return values[0]
    if not values[0] or (keeps is not None and keeps.b and len(data.shape) != 1):
        return None
    return (_REDUCTIONS[node.op](values[0]),)


def _range(start: int, limit: int, delta: int) -> Numbers | None:
    numbers = range(start, limit, delta)
    return tuple(numbers) if len(numbers) <= SMALL_CONSTANT_ELEMENTS else None


def _sliced(
    node: Node, data: Numbers, bounds: Sequence[Numbers], definitions: Definitions
) -> Numbers | None:
    """A slice of a vector, or one element of it; bounds are where it begins, ends and its step."""

    def mask(name: str) -> int:
        stated = definitions.attribute(node, name)
        return 0 if stated is None else int(stated.i)

    if [len(bound) for bound in bounds] != [1, 1, 1] or not bounds[2][0]:
        return None
    if mask("new_axis_mask") or mask("ellipsis_mask"):
        return None
    (begin,), (end,), (step,) = bounds
    if mask("shrink_axis_mask"):
        return (data[begin],) if -len(data) <= begin < len(data) else None
    return data[None if mask("begin_mask") else begin : None if mask("end_mask") else end : step]


def _floor_divided(one: int, two: int) -> int | None:
    return one // two if two else None


def _truncated(one: int, two: int) -> int | None:
    return None if not two else abs(one) // abs(two) * (1 if (one < 0) == (two < 0) else -1)


def _modulo(one: int, two: int) -> int | None:
    return one % two if two else None


_ELEMENTWISE: Mapping[str, Callable[..., int | None]] = MappingProxyType(
    {
        "Abs": abs,
        "Add": lambda one, two: one + two,
        "AddV2": lambda one, two: one + two,
        "Div": _truncated,
        "Equal": lambda one, two: int(one == two),
        "FloorDiv": _floor_divided,
        "FloorMod": _modulo,
        "Greater": lambda one, two: int(one > two),
        "GreaterEqual": lambda one, two: int(one >= two),
        "Less": lambda one, two: int(one < two),
        "LessEqual": lambda one, two: int(one <= two),
        "LogicalAnd": lambda one, two: int(one and two),
        "LogicalNot": lambda one: int(not one),
        "LogicalOr": lambda one, two: int(bool(one or two)),
        "Maximum": max,
        "Minimum": min,
        "Mul": lambda one, two: one * two,
        "Neg": lambda one: -one,
        "NotEqual": lambda one, two: int(one != two),
        "Sign": lambda one: (one > 0) - (one < 0),
        "Sub": lambda one, two: one - two,
        "TruncateDiv": _truncated,
    }
)

_ARITY = {"Abs": 1, "LogicalNot": 1, "Neg": 1, "Sign": 1}

_HANDED_ON = frozenset(
    {"Cast", "EnsureShape", "ExpandDims", "Identity", "Reshape", "Snapshot", "Squeeze"}
    | {"StopGradient"}
)

_REDUCTIONS: Mapping[str, Callable[[Numbers], int]] = MappingProxyType(
    {
        "All": lambda numbers: int(all(numbers)),
        "Any": lambda numbers: int(any(numbers)),
        "Max": max,
        "Min": min,
        "Prod": math.prod,
        "Sum": sum,
    }
)

_OF_SHAPES: Mapping[str, Callable[[tuple[int, ...]], Numbers]] = MappingProxyType(
    {
        "Rank": lambda shape: (len(shape),),
        "Shape": lambda shape: shape,
        "Size": lambda shape: (math.prod(shape),),
    }
)
