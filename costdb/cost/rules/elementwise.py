"""Elementwise operators, activations among them: so many operations per output element.

Inputs are broadcast, so the output says how often the function runs. The formulas are the
operators' definitions: https://onnx.ai/onnx/operators/, for `tf:` operators
https://www.tensorflow.org/api_docs/python/tf/raw_ops, for `aten:` operators
https://pytorch.org/docs/stable/torch.html.
"""

from costdb.contracts import ZERO, Counts, Coverage, Rule, rule
from costdb.cost.rules.equivalent import renamed
from costdb.ir import Layer, Role

ADD = Counts(adds=1)
MUL = Counts(muls=1)
DIV = Counts(divs=1)
COMPARE = Counts(compares=1)
SPECIAL = Counts(specials=1)
SIGMOID = Counts(adds=2, specials=1, divs=1)
SOFTPLUS = Counts(specials=2, adds=1)


def per_element(
    counts: Counts, formula: str, *names: str, coverage: Coverage = Coverage.EXACT
) -> tuple[Rule, ...]:
    """Rules of so many operations per element of the output.

    Args:
        counts: The operations.
        formula: What they compute, for the documentation.
        names: The operators, their domain in front: "tf:Square".
        coverage: As in `Rule`.
    """
    pattern = Rule(
        "",
        lambda layer: layer.output.numel * counts,
        coverage=coverage,
        documentation=f"Count {formula}, per element of the output.",
    )
    return renamed((pattern,), *names)


def _row(name: str, counts: Counts, formula: str) -> Rule:
    """A rule for one operator; `tf:Square` is Square of domain tf."""
    (row,) = per_element(counts, formula, name)
    return row


ARITHMETIC = (
    _row("Add", ADD, "x + y"),
    _row("Sub", ADD, "x - y"),
    _row("Neg", ADD, "-x"),
    _row("Mul", MUL, "x * y"),
    _row("Div", DIV, "x / y"),
    _row("Reciprocal", DIV, "1 / x"),
    _row("Mod", DIV, "the remainder of x / y"),
    _row("Pow", SPECIAL, "x ^ y"),
    _row("tf:FloorDiv", DIV + COMPARE, "floor(x / y)"),
    _row("tf:DivNoNan", DIV + COMPARE, "x / y, or 0 where y is 0"),
    _row("tf:Square", MUL, "x * x"),
    _row("tf:SquaredDifference", ADD + MUL, "(x - y) * (x - y)"),
    _row("tf:Xlogy", SPECIAL + MUL, "x * log(y)"),
    _row("aten:addcmul", ADD + MUL + MUL, "x + value * y * z"),
    _row("aten:addcdiv", ADD + MUL + DIV, "x + value * y / z"),
    _row("aten:lerp", ADD + ADD + MUL, "x + weight * (y - x)"),
)

# Magnitude, sign and rounding look at a value and choose; they are counted as one comparison.
CHOICES = tuple(
    _row(op, COMPARE, f"{formula}, one comparison")
    for op, formula in {
        "Abs": "|x|",
        "Sign": "the sign of x",
        "Floor": "x rounded down",
        "Ceil": "x rounded up",
        "Round": "x rounded to the nearest integer",
        "tf:Trunc": "x rounded towards zero",
        "aten:trunc": "x rounded towards zero",
        "Equal": "x = y",
        "Greater": "x > y",
        "GreaterOrEqual": "x >= y",
        "Less": "x < y",
        "LessOrEqual": "x <= y",
        "tf:NotEqual": "x != y",
        "aten:ne": "x != y",
        "And": "x and y",
        "Or": "x or y",
        "Xor": "either x or y",
        "Not": "not x",
        "BitwiseAnd": "x & y",
        "BitwiseOr": "x | y",
        "BitwiseXor": "x ^ y",
        "BitwiseNot": "~x",
        "BitShift": "x shifted by y",
        "IsNaN": "whether x is not a number",
        "IsInf": "whether x is infinite",
        "tf:IsFinite": "whether x is finite",
        "Where": "x or y by a condition",
        "Relu": "max(x, 0)",
        "ThresholdedRelu": "x where it is over alpha, else 0",
    }.items()
)

SPECIAL_FUNCTIONS = tuple(
    _row(name, SPECIAL, f"{name.rpartition(':')[2].lower()}(x)")
    for name in (
        "Exp", "Log", "Sqrt", "Erf", "Tanh",
        "Sin", "Cos", "Tan", "Asin", "Acos", "Atan", "Sinh", "Cosh", "Asinh", "Acosh", "Atanh",
        "tf:Erfc", "tf:Atan2", "aten:atan2",
    )
)  # fmt: skip

ROOTS_AND_LOGS = (
    _row("tf:Rsqrt", SPECIAL + DIV, "1 / sqrt(x)"),
    _row("aten:rsqrt", SPECIAL + DIV, "1 / sqrt(x)"),
    _row("tf:Log1p", ADD + SPECIAL, "log(1 + x)"),
    _row("aten:log1p", ADD + SPECIAL, "log(1 + x)"),
    _row("tf:Expm1", SPECIAL + ADD, "exp(x) - 1"),
    _row("aten:expm1", SPECIAL + ADD, "exp(x) - 1"),
)

ACTIVATIONS = (
    _row("Sigmoid", SIGMOID, "1 / (1 + exp(-x)): negate, exp, add, divide"),
    _row("LeakyRelu", COMPARE + MUL, "x, or alpha * x below 0"),
    _row("Elu", COMPARE + SPECIAL + ADD + MUL, "x, or alpha * (exp(x) - 1) below 0"),
    _row("Selu", COMPARE + SPECIAL + ADD + 2 * MUL, "gamma * (x, or alpha * (exp(x) - 1) below 0)"),
    _row(
        "Celu",
        2 * COMPARE + DIV + SPECIAL + 2 * ADD + MUL,
        "max(x, 0) + min(0, alpha * (exp(x / alpha) - 1))",
    ),
    _row("Softplus", SOFTPLUS, "log(exp(x) + 1)"),
    _row("Softsign", COMPARE + ADD + DIV, "x / (1 + |x|)"),
    _row("HardSigmoid", MUL + ADD + 2 * COMPARE, "max(0, min(1, alpha * x + beta))"),
    _row("HardSwish", 2 * MUL + ADD + 2 * COMPARE, "x * max(0, min(1, x / 6 + 0.5))"),
    _row("Swish", SIGMOID + MUL, "x * sigmoid(x)"),
    _row("Mish", SOFTPLUS + SPECIAL + MUL, "x * tanh(softplus(x))"),
    _row("Shrink", 2 * COMPARE + ADD, "x moved towards 0 by the bias, and 0 around it"),
    _row("aten:glu", SIGMOID + MUL, "x * sigmoid(y)"),
    _row("aten:logsigmoid", SIGMOID + SPECIAL, "log(sigmoid(x))"),
)


@rule("PRelu", weights={1: Role.PARAMETER})
def parametric_relu(layer: Layer) -> Counts:
    """Count x, or slope * x below 0.

    Formula: a comparison and a multiplication per element.
    Source: https://onnx.ai/onnx/operators/onnx__PRelu.html
    Example: X (1, 64, 56, 56), slope (64, 1, 1), Y (1, 64, 56, 56): flops 401,408.
    """
    return layer.output.numel * (COMPARE + MUL)


@rule("Gelu")
def gelu(layer: Layer) -> Counts:
    """Count 0.5 * x * (1 + erf(x / sqrt(2))), or its approximation by tanh.

    Formula: per element 2 multiplications, a division, an erf and an add; approximated,
    0.5 * x * (1 + tanh(sqrt(2 / pi) * (x + 0.044715 * x^3))): 4 multiplications, 2 adds, a power
    and a tanh.
    Source: https://onnx.ai/onnx/operators/onnx__Gelu.html
    Example: X (1, 197, 3072), Y (1, 197, 3072): flops 3,025,920.
    """
    if layer.string("approximate", "none") == "tanh":
        return layer.output.numel * Counts(muls=4, adds=2, specials=2)
    return layer.output.numel * Counts(muls=2, divs=1, specials=1, adds=1)


RUNTIME_GELU = renamed(gelu, "com.microsoft:Gelu")


@rule("SwiGLU")
def swish_gated_linear_unit(layer: Layer) -> Counts:
    """Count a * sigmoid(alpha * a) * b.

    Formula: per element 2 adds, an exp, a division and 2 multiplications; one more for an alpha
    other than 1.
    Source: https://onnx.ai/onnx/operators/onnx__SwiGLU.html
    Example: A (1, 128, 2048), B (1, 128, 2048), Y (1, 128, 2048): flops 1,572,864.
    """
    scaled = MUL if layer.number("alpha", 1.0) != 1.0 else ZERO
    return layer.output.numel * (SIGMOID + 2 * MUL + scaled)


@rule("Clip")
def clip(layer: Layer) -> Counts:
    """Count min(max(x, low), high).

    Formula: a comparison per element for each bound that is given, as an input or an attribute.
    Source: https://onnx.ai/onnx/operators/onnx__Clip.html
    Example: X (1, 32, 112, 112), min 0, max 6, Y (1, 32, 112, 112): flops 802,816.
    """
    bounds = [
        name
        for position, name in ((1, "min"), (2, "max"))
        if layer.has_input(position) or name in layer.attributes
    ]
    return layer.output.numel * Counts(compares=len(bounds))


def _steps(layer: Layer) -> int:
    """How often two inputs are combined until one is left."""
    return max(len(layer.inputs) - 1, 0)


@rule("Sum")
def variadic_sum(layer: Layer) -> Counts:
    """Count x1 + x2 + ... + xn.

    Formula: n - 1 adds per element.
    Source: https://onnx.ai/onnx/operators/onnx__Sum.html
    Example: A (1, 256, 56, 56), B (1, 256, 56, 56), Y (1, 256, 56, 56): flops 802,816.
    """
    return Counts(adds=_steps(layer) * layer.output.numel)


@rule("Mean")
def variadic_mean(layer: Layer) -> Counts:
    """Count (x1 + x2 + ... + xn) / n.

    Formula: n - 1 adds and a division per element.
    Source: https://onnx.ai/onnx/operators/onnx__Mean.html
    Example: A (4, 10), B (4, 10), C (4, 10), Y (4, 10): flops 120.
    """
    return Counts(adds=_steps(layer) * layer.output.numel, divs=layer.output.numel)


@rule("Max", "Min")
def variadic_extremum(layer: Layer) -> Counts:
    """Count the largest or smallest of x1, x2, ..., xn.

    Formula: n - 1 comparisons per element.
    Source: https://onnx.ai/onnx/operators/onnx__Max.html
    Example: A (4, 10), B (4, 10), Y (4, 10): flops 40.
    """
    return Counts(compares=_steps(layer) * layer.output.numel)
