"""Operators on quantised values: dequantise the operands, compute, quantise the result.

https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md describes them. What is
stored is dequantised when the model is built.
"""

from collections.abc import Iterable

from costdb.contracts import Counts, Rule, rule
from costdb.cost.rules.equivalent import counted_as
from costdb.cost.rules.quantization import DEQUANTIZE, QUANTIZE
from costdb.ir import Layer, Role, Tensor


def _around(operands: Iterable[Tensor], result: Tensor) -> Counts:
    """Dequantising operands and quantising a result."""
    computed = sum(tensor.numel for tensor in operands if not tensor.role.is_stored)
    return computed * DEQUANTIZE + result.numel * QUANTIZE


def _row(op: str, *operands: int, condition: tuple[int, ...] = (), inputs: int) -> Rule:
    """QLinear`op`.

    Args:
        op: ONNX's operator on floats.
        operands: Positions of the quantised operands.
        condition: Positions of operands that are not quantised and come first.
        inputs: How many inputs there are; those that are no operands are scales and zero points.
    """
    scales = set(range(inputs)) - {*operands, *condition}

    def count(layer: Layer) -> Counts:
        quantized = [layer.input(position) for position in operands]
        computed = counted_as(op, layer, *condition, *operands)
        return computed + _around(quantized, layer.output)

    return Rule(
        f"QLinear{op}",
        count,
        domain="com.microsoft",
        weights=dict.fromkeys(sorted(scales), Role.CONSTANT),
        documentation=f"Count what ONNX's {op} counts, a subtraction and a multiplication per "
        "element of each operand to dequantise it, a division, an add and three comparisons per "
        "element of Y to quantise it.",
    )


QUANTIZED = (
    _row("Add", 0, 3, inputs=8),
    _row("Mul", 0, 3, inputs=8),
    _row("Sigmoid", 0, inputs=5),
    _row("LeakyRelu", 0, inputs=5),
    _row("Softmax", 0, inputs=5),
    _row("AveragePool", 0, inputs=5),
    _row("GlobalAveragePool", 0, inputs=5),
    _row("ReduceMean", 0, inputs=5),
    _row("Where", 1, 4, condition=(0,), inputs=9),
)


@rule("QLinearConcat", domain="com.microsoft", weights={0: Role.CONSTANT, 1: Role.CONSTANT})
def quantized_concat(layer: Layer) -> Counts:
    """Count quantised parts that are brought to one scale.

    Formula: a subtraction and a multiplication per element to dequantise it, a division, an add
    and three comparisons to quantise it.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: scale (), zero (), A (1, 8, 4, 4), scale (), zero (), B (1, 8, 4, 4), scale (),
    zero (), Y (1, 16, 4, 4): flops 1,792.
    """
    parts = [tensor for tensor in layer.inputs[2::3] if tensor is not None]
    return _around(parts, layer.output)


@rule("MulInteger", domain="com.microsoft", weights={1: Role.CONSTANT, 3: Role.CONSTANT})
def integer_multiplication(layer: Layer) -> Counts:
    """Count (a - zero point) * (b - zero point).

    Formula: a multiplication per element of Y, a subtraction per element of each operand that has a
    zero point.
    Source: https://github.com/microsoft/onnxruntime/blob/main/docs/ContribOperators.md
    Example: A (4, 4), zero (), B (4, 4), zero (), Y (4, 4): flops 48.
    """
    shifted = sum(layer.input(place).numel for place in (0, 2) if layer.has_input(place + 1))
    return Counts(muls=layer.output.numel, adds=shifted)
