"""Constants of a GraphDef: their shapes, and the values of the small ones.

Weights are constants too. Their values are never read: what the walk left out, or what has more
than `SMALL_CONSTANT_ELEMENTS` elements, is known by its shape and dtype alone.
"""

import math
import struct
from typing import Any

from costdb.plugins import SMALL_CONSTANT_ELEMENTS, BrokenArtifact, DType
from costdb_tensorflow.dtypes import BOOL, INT32, INT64, VALUE_FIELDS, ir_dtype
from costdb_tensorflow.nodes import Node

# No values at all may mean zeros, or that the walk left out more than 8 KiB of them. A number takes
# at most 16 bytes, so a tensor of at most this many elements was never left out.
_NEVER_LEFT_OUT = 512

_INTEGER_CODES = {BOOL: "?", INT32: "i", INT64: "q"}


def is_constant(node: Node) -> bool:
    """Whether a node is a stored tensor."""
    return node.op == "Const"


def constant_shape(node: Node) -> tuple[int, ...]:
    """The shape of a constant.

    Raises:
        BrokenArtifact: It has none, or a negative size.
    """
    tensor = _tensor(node)
    sizes = tuple(int(dimension.size) for dimension in tensor.tensor_shape.dim)
    if tensor.tensor_shape.unknown_rank or any(size < 0 for size in sizes):
        raise BrokenArtifact(
            f"constant {node.name!r} has no definite shape", hint="export the model again"
        )
    return sizes


def constant_dtype(node: Node) -> int:
    """The dtype number of a constant."""
    return int(node.attributes["dtype"].type) if "dtype" in node.attributes else 0


def has_value(node: Node) -> bool:
    """Whether a constant is small and its value is there, all of it."""
    tensor = _tensor(node)
    elements = math.prod(constant_shape(node))
    if elements > SMALL_CONSTANT_ELEMENTS:
        return False
    dtype = constant_dtype(node)
    content = len(tensor.tensor_content)
    if content:
        known = ir_dtype(dtype)
        return known is not None and content == (elements * known.bits + 7) // 8
    if dtype not in VALUE_FIELDS:
        return False
    # The last value that is written fills what is left.
    count = len(getattr(tensor, VALUE_FIELDS[dtype]))
    is_text = ir_dtype(dtype) is DType.STRING
    return count > 0 or (elements <= _NEVER_LEFT_OUT and not is_text) or elements == 0


def integers(node: Node) -> tuple[int, ...] | None:
    """The value of a small constant of integers or truth values, flat; None for any other node."""
    if not is_constant(node) or not has_value(node):
        return None
    dtype = constant_dtype(node)
    if dtype not in _INTEGER_CODES:
        return None
    tensor = _tensor(node)
    elements = math.prod(constant_shape(node))
    if tensor.tensor_content:
        content = struct.unpack(f"<{elements}{_INTEGER_CODES[dtype]}", tensor.tensor_content)
        return tuple(map(int, content))
    values = tuple(map(int, getattr(tensor, VALUE_FIELDS[dtype])))[:elements]
    last = values[-1] if values else 0
    return values + (last,) * (elements - len(values))


def _tensor(node: Node) -> Any:
    """A constant's TensorProto.

    Raises:
        BrokenArtifact: It has none, or one of another dtype, which TensorFlow would abort on.
    """
    if "value" not in node.attributes:
        raise BrokenArtifact(f"constant {node.name!r} has no value", hint="export the model again")
    tensor = node.attributes["value"].tensor
    if tensor.dtype != constant_dtype(node):
        raise BrokenArtifact(
            f"constant {node.name!r} has two dtypes, {constant_dtype(node)} and {tensor.dtype}",
            hint="export the model again",
        )
    return tensor
