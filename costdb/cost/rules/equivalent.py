"""Operators that do what one of ONNX's does, under another name or with further inputs."""

from collections.abc import Mapping
from dataclasses import replace

from costdb.contracts import Counts, Coverage, Rule
from costdb.cost.rules import built_in_rules
from costdb.ir import Layer, Role


def counted_as(op: str, layer: Layer, *positions: int) -> Counts:
    """What ONNX's operator `op` counts of a layer.

    Args:
        op: The operator.
        layer: Whose output and attributes are those of `op`.
        positions: Which of the layer's inputs are those of `op`, in its order; none given: all.
    """
    return built_in_rules()["", op].count(_seen_as(op, layer, positions))


def accessed_as(op: str, layer: Layer, *positions: int) -> int:
    """Memory accesses in elements of ONNX's operator `op`; the arguments as in `counted_as`.

    Raises:
        KeyError: The operator has no accesses of its own.
    """
    accesses = built_in_rules()["", op].accesses
    if accesses is None:
        raise KeyError(op)
    return accesses(_seen_as(op, layer, positions))


def _seen_as(op: str, layer: Layer, positions: tuple[int, ...]) -> Layer:
    inputs = layer.inputs
    if positions:
        inputs = tuple(inputs[place] if layer.has_input(place) else None for place in positions)
        while inputs and inputs[-1] is None:
            inputs = inputs[:-1]
    return replace(layer, op=op, domain="", inputs=inputs)


def equivalent(
    name: str,
    op: str,
    *positions: int,
    weights: Mapping[int, Role] | None = None,
    coverage: Coverage = Coverage.EXACT,
) -> Rule:
    """A rule for an operator that counts as one of ONNX's.

    Args:
        name: The operator, its domain in front: "tf:Cumprod".
        op: ONNX's.
        positions: As in `counted_as`.
        weights: As in `Rule`.
        coverage: As in `Rule`; that of the rule for `op`.
    """
    domain, _, own_name = name.rpartition(":")
    return Rule(
        own_name,
        lambda layer: counted_as(op, layer, *positions),
        domain=domain,
        weights=weights or {},
        coverage=coverage,
        documentation=f"Count what ONNX's {op} counts.",
    )


EQUIVALENTS = (
    equivalent("SimplifiedLayerNormalization", "RMSNormalization", weights={1: Role.PARAMETER}),
    equivalent("com.microsoft:Gelu", "Gelu"),
    equivalent("com.microsoft:GridSample", "GridSample"),
    equivalent("com.microsoft:NhwcMaxPool", "MaxPool"),
    equivalent("com.microsoft:Range", "Range"),
    equivalent("com.microsoft:ReduceSumInteger", "ReduceSum"),
    equivalent("com.microsoft:Unique", "Unique", coverage=Coverage.ESTIMATED),
    equivalent("tf:Cumprod", "CumProd"),
    equivalent("aten:cumprod", "CumProd"),
    equivalent("aten:col2im", "Col2Im"),
)
