"""The examples in the rules' documentation, as layers."""

import re
from dataclasses import dataclass

from costdb.contracts import Rule
from costdb.cost.rules import built_in_rules
from costdb.ir import AttributeValue, DType, Layer, Role, Tensor

SHAPE = re.compile(r"(\w+) \(([\d, ]*)\)")
TEXT_ATTRIBUTE = re.compile(r'(\w+ )?"([^"]+)"')
LIST_ATTRIBUTE = re.compile(r"(\w+) \[([\d, ]*)\]")
NUMBER_ATTRIBUTE = re.compile(r"(\w+) (-?\d+)(?=,|$)")
EXPECTED = re.compile(r"(macs|flops) ([\d,]+)\.?$")

# Rules that share a text count alike; the first of them stands for all.
DOCUMENTED = {rule.documentation: rule for rule in reversed(tuple(built_in_rules().values()))}
WITH_EXAMPLE = {text: rule for text, rule in DOCUMENTED.items() if "Example:" in text}


@dataclass(frozen=True, slots=True)
class Example:
    """What an `Example:` paragraph says: a layer, and what it costs."""

    layer: Layer
    metric: str
    number: int


def example(rule: Rule) -> Example:
    """The example of a rule that has one."""
    text = " ".join(rule.documentation.split("Example:")[1].split())
    head, _, tail = text.rpartition(": ")
    expected = EXPECTED.fullmatch(tail)
    assert expected is not None, text
    attributes: dict[str, AttributeValue] = {}
    for name, value in TEXT_ATTRIBUTE.findall(head):
        attributes[name.strip() or "equation"] = value
    head = TEXT_ATTRIBUTE.sub("", head)
    for name, value in LIST_ATTRIBUTE.findall(head):
        attributes[name] = _numbers(value)
    head = LIST_ATTRIBUTE.sub("", head)
    shapes = []
    for name, sizes in SHAPE.findall(head):
        if name == "kernel_shape":
            attributes[name] = _numbers(sizes)
        else:
            shapes.append(_numbers(sizes))
    for name, value in NUMBER_ATTRIBUTE.findall(SHAPE.sub("", head)):
        attributes[name] = int(value)
    inputs = tuple(
        Tensor(f"x{place}", sizes, DType.FLOAT32, Role.INPUT)
        for place, sizes in enumerate(shapes[:-1])
    )
    output = Tensor("y", shapes[-1], DType.FLOAT32)
    layer = Layer("x", rule.op, inputs, (output,), rule.domain, attributes=attributes)
    return Example(layer, expected[1], int(expected[2].replace(",", "")))


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number.strip())
