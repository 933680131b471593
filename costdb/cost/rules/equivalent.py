"""Operators that do what another one does, under another name or with further inputs."""

from collections.abc import Sequence
from dataclasses import replace

from costdb.contracts import Counts, Rule
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer


def renamed(rules: Sequence[Rule], *names: str) -> tuple[Rule, ...]:
    """The same rule for operators of other names, their domain in front: "tf:Cumprod".

    Args:
        rules: What `rule` made of a function; they differ in nothing but the operator.
        names: The operators.
    """
    split = (name.rpartition(":") for name in names)
    return tuple(replace(rules[0], op=op, domain=domain) for domain, _, op in split)


def counted_as(op: str, layer: Layer, *positions: int) -> Counts:
    """What ONNX's operator `op` counts of a layer.

    Args:
        op: The operator.
        layer: Whose output and attributes are those of `op`.
        positions: Which of the layer's inputs are those of `op`, in its order; none given: all.
    """
    return built_in_rules()["", op].count(_seen_as(op, layer, positions))


def accessed_as(op: str, layer: Layer, *positions: int) -> int:
    """Memory accesses in elements of ONNX's operator `op`, one that has a formula for them.

    Args:
        op: Conv, Gemm or MatMul.
        layer: As in `counted_as`.
        positions: As in `counted_as`.
    """
    accesses = built_in_rules()["", op].accesses
    assert accesses is not None  # noqa: S101
    return accesses(_seen_as(op, layer, positions))


def _seen_as(op: str, layer: Layer, positions: tuple[int, ...]) -> Layer:
    inputs = layer.inputs
    if positions:
        inputs = tuple(inputs[place] if layer.has_input(place) else None for place in positions)
    return replace(layer, op=op, domain="", inputs=inputs)
