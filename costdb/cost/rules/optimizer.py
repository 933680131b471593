"""One step of an optimiser: so many operations per element of a gradient, and a few per tensor."""

from costdb.contracts import ZERO, Counts, Rule, rule
from costdb.cost.rules.elementwise import ADD, COMPARE, DIV, MUL, SPECIAL
from costdb.ir import Layer

TRAINING = "ai.onnx.preview.training"


def _regularized(layer: Layer) -> Counts:
    return MUL + ADD if layer.number("norm_coefficient", 0.0) != 0.0 else ZERO


def _elements(layer: Layer, groups: int) -> int:
    """Elements of the tensors to be optimised; behind the rate and the step."""
    return sum(tensor.numel for tensor in layer.inputs[2:] if tensor is not None) // groups


@rule("Adagrad", domain=TRAINING)
def adagrad(layer: Layer) -> Counts:
    """Count h + g^2 and x - r * g / (sqrt(h) + epsilon).

    Formula: per element 2 multiplications, 3 adds, a square root and a division; with a
    `norm_coefficient` a multiplication and an add; for the rate a multiplication, an add and a
    division.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adagrad.html
    Example: R (), T (), X (10, 10), G (10, 10), H (10, 10), Y (10, 10): flops 703.
    """
    per_element = 2 * MUL + 3 * ADD + SPECIAL + DIV + _regularized(layer)
    return _elements(layer, 3) * per_element + MUL + ADD + DIV


@rule("Adam", domain=TRAINING)
def adam(layer: Layer) -> Counts:
    """Count a step by running means of the gradient and of its square.

    Formula: per element a * v + (1 - a) * g, b * h + (1 - b) * g * g and
    x - r * v / (sqrt(h) + epsilon): 6 multiplications, 4 adds, a square root and a division; a
    multiplication and an add for a `norm_coefficient`, a multiplication for one after the step; for
    the rate 2 powers, 2 subtractions, a square root, a multiplication, a division and a comparison.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Adam.html
    Example: R (), T (), X (10,), G (10,), V (10,), H (10,), Y (10,): flops 128.
    """
    per_element = 6 * MUL + 4 * ADD + SPECIAL + DIV + _regularized(layer)
    if layer.number("norm_coefficient_post", 0.0) != 0.0:
        per_element += MUL
    return _elements(layer, 4) * per_element + 3 * SPECIAL + 2 * ADD + MUL + DIV + COMPARE


@rule("Momentum", domain=TRAINING)
def momentum(layer: Layer) -> Counts:
    """Count a * v + b * g and x - r * v, or with Nesterov's x - r * (g + a * v).

    Formula: per element 3 multiplications and 2 adds; for Nesterov, and for a `norm_coefficient`, a
    multiplication and an add more; a comparison for the first step.
    Source: https://onnx.ai/onnx/operators/onnx_aionnxpreviewtraining_Momentum.html
    Example: R (), T (), X (10,), G (10,), V (10,), Y (10,): flops 51.
    """
    per_element = 3 * MUL + 2 * ADD + _regularized(layer)
    if layer.string("mode") == "nesterov":
        per_element += MUL + ADD
    return _elements(layer, 3) * per_element + COMPARE


def _apply(
    op: str, gradient: int, per_element: Counts, formula: str, scalars: Counts = ZERO
) -> tuple[Rule, Rule]:
    """TensorFlow's Apply and ResourceApply; `gradient` is the gradient's position."""
    documentation = f"Count {formula}, per element of the gradient."

    def count(layer: Layer) -> Counts:
        return layer.input(gradient).numel * per_element + scalars

    return (
        Rule(f"Apply{op}", count, domain="tf", documentation=documentation),
        Rule(f"ResourceApply{op}", count, domain="tf", documentation=documentation),
    )


TENSORFLOW = (
    *_apply("GradientDescent", 2, MUL + ADD, "x - rate * g"),
    *_apply("Momentum", 3, 2 * MUL + 2 * ADD, "v * momentum + g and x - rate * v"),
    *_apply("KerasMomentum", 3, 2 * MUL + 2 * ADD, "v * momentum - rate * g and x + v"),
    *_apply("Adagrad", 3, 2 * MUL + 2 * ADD + SPECIAL + DIV, "h + g^2 and x - rate * g / sqrt(h)"),
    *_apply(
        "AdagradV2",
        4,
        2 * MUL + 3 * ADD + SPECIAL + DIV,
        "h + g^2 and x - rate * g / (sqrt(h) + epsilon)",
    ),
    *_apply(
        "Adam",
        9,
        4 * MUL + 6 * ADD + SPECIAL + DIV,
        "m + (g - m) * (1 - a), v + (g^2 - v) * (1 - b) and x - rate * m / (sqrt(v) + epsilon)",
        scalars=2 * ADD + SPECIAL + MUL + DIV,
    ),
    *_apply(
        "RMSProp",
        7,
        5 * MUL + 4 * ADD + SPECIAL + DIV,
        "r * s + (1 - r) * g * g, momentum * v + rate * g / sqrt(s + epsilon) and x - v",
    ),
)


def _assign(op: str, formula: str) -> Rule:
    return Rule(
        op,
        lambda layer: Counts(adds=layer.input(1).numel),
        domain="tf",
        documentation=f"Count {formula}, an add per element of y.",
    )


ASSIGNMENTS = (
    _assign("AssignAdd", "x + y"),
    _assign("AssignAddVariableOp", "x + y"),
    _assign("AssignSub", "x - y"),
    _assign("AssignSubVariableOp", "x - y"),
)
