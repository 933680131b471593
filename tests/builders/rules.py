"""Counting one layer, for tests of the rules."""

from collections.abc import Sequence

from costdb.contracts import Counts, Rule
from costdb.cost.rules import built_in_rules
from costdb.ir import AttributeValue, DType, Layer, Role, Shape, Tensor


def rule_of(layer: Layer) -> Rule:
    return built_in_rules()[layer.domain, layer.op]


def counted(layer: Layer) -> Counts:
    return rule_of(layer).count(layer)


def node(
    name: str,
    inputs: Sequence[Shape | None],
    *outputs: Shape,
    stored: Sequence[int] = (),
    **attributes: AttributeValue,
) -> Layer:
    """A layer by shapes.

    Args:
        name: The operator, its domain in front: "com.microsoft:FusedConv".
        inputs: None for an absent one.
        outputs: At least one.
        stored: Positions of the inputs that the file holds.
        attributes: Of the layer.
    """
    domain, _, op = name.rpartition(":")
    given = tuple(
        None
        if shape is None
        else Tensor(
            f"x{place}",
            shape,
            DType.FLOAT32,
            Role.STORED if place in stored else Role.ACTIVATION,
        )
        for place, shape in enumerate(inputs)
    )
    made = tuple(Tensor(f"y{place}", shape, DType.FLOAT32) for place, shape in enumerate(outputs))
    return Layer(
        "layer",
        op,
        given,
        made,
        domain=domain,
        attributes=attributes,
        compute_dtype=DType.FLOAT32,
    )


def attended(
    heads: int, queries: int, keys: int, length: int, *, masks: int = 0, value: int = 0
) -> Counts:
    """What attention counts, by hand: two products, a scale, masks, a softmax of each row."""
    value = value or length
    scores = heads * queries * keys
    return Counts(
        macs=scores * (length + value),
        dots=scores + heads * queries * value,
        muls=scores,
        adds=scores * masks + scores - heads * queries,
        divs=scores,
        specials=scores,
    )
