"""XLA's general dot product, which graphs that JAX wrote have, as an Einsum.

Definition: https://openxla.org/xla/operation_semantics#dotgeneral
"""

from string import ascii_letters
from typing import Any

from costdb.plugins import Layer, Shape
from costdb_tensorflow.messages import parse
from costdb_tensorflow.operation import Operation


def general_dot(operation: Operation) -> tuple[Layer, ...]:
    """A product that contracts any axes of two tensors and keeps others as a batch."""
    left, right = operation.input(0), operation.input(1)
    equation = _equation(operation, left.shape, right.shape)
    if equation is None:
        return (operation.unmapped(),)
    return (operation.layer("Einsum", (left, right), operation.outputs, {"equation": equation}),)


def _equation(operation: Operation, left: Shape | None, right: Shape | None) -> str | None:
    """What is multiplied, in Einstein's notation; None if the axes are not the operands'."""
    if left is None or right is None or len(left) + len(right) > len(ascii_letters):
        return None
    numbers: Any = parse("DotDimensionNumbers", operation.encoded("dimension_numbers"))
    batch = list(zip(numbers.left_batch, numbers.right_batch, strict=False))
    pairs = [*batch, *zip(numbers.left_contracting, numbers.right_contracting, strict=False)]
    if not all(0 <= one < len(left) and 0 <= two < len(right) for one, two in pairs):
        return None
    left_axes = list(ascii_letters[: len(left)])
    right_axes = list(ascii_letters[len(left) : len(left) + len(right)])
    for one, two in pairs:
        right_axes[two] = left_axes[one]
    kept = [left_axes[one] for one, _ in batch]
    paired = {left_axes[one] for one, _ in pairs}
    free = [axis for axis in (*left_axes, *right_axes) if axis not in paired]
    return f"{''.join(left_axes)},{''.join(right_axes)}->{''.join([*kept, *free])}"
