"""Every example in a rule's documentation is run."""

import re
from collections.abc import Iterator

import pytest

from costdb.cost.rules import built_in_rules
from costdb.ir import AttributeValue, DType, Layer, Tensor

SHAPE = re.compile(r"(\w+) \(([\d, ]*)\)")
TEXT_ATTRIBUTE = re.compile(r'(\w+ )?"([^"]+)"')
LIST_ATTRIBUTE = re.compile(r"(\w+) \[([\d, ]*)\]")
NUMBER_ATTRIBUTE = re.compile(r"(\w+) (-?\d+)(?=,|$)")
EXPECTED = re.compile(r"(macs|flops) ([\d,]+)\.?$")

# Rules that share a text count the example alike, or say so for the first of them.
DOCUMENTED = {
    rule.documentation: rule
    for rule in reversed(tuple(built_in_rules().values()))
    if "Example:" in rule.documentation
}


def numbers(text: str) -> tuple[int, ...]:
    return tuple(int(number) for number in text.split(",") if number.strip())


def example(documentation: str) -> tuple[list[Tensor], dict[str, AttributeValue], str, int]:
    """Tensors, attributes, and the metric with its number, out of an `Example:` paragraph."""
    text = " ".join(documentation.split("Example:")[1].split())
    head, _, tail = text.rpartition(": ")
    expected = EXPECTED.fullmatch(tail)
    assert expected is not None, text
    attributes: dict[str, AttributeValue] = {}
    for name, value in TEXT_ATTRIBUTE.findall(head):
        attributes[name.strip() or "equation"] = value
    head = TEXT_ATTRIBUTE.sub("", head)
    for name, value in LIST_ATTRIBUTE.findall(head):
        attributes[name] = numbers(value)
    head = LIST_ATTRIBUTE.sub("", head)
    tensors = []
    for name, sizes in SHAPE.findall(head):
        if name == "kernel_shape":
            attributes[name] = numbers(sizes)
        else:
            tensors.append(Tensor(name, numbers(sizes), DType.FLOAT32))
    for name, value in NUMBER_ATTRIBUTE.findall(SHAPE.sub("", head)):
        attributes[name] = int(value)
    return tensors, attributes, expected[1], int(expected[2].replace(",", ""))


@pytest.mark.parametrize("documentation", DOCUMENTED, ids=lambda text: DOCUMENTED[text].op)
def test_the_example_in_a_rules_documentation_is_right(documentation: str) -> None:
    rule = DOCUMENTED[documentation]
    tensors, attributes, metric, number = example(documentation)
    counts = rule.count(
        Layer("x", rule.op, tuple(tensors[:-1]), (tensors[-1],), attributes=attributes)
    )
    assert (counts.macs if metric == "macs" else counts.operations) == number


def undocumented() -> Iterator[str]:
    for rule in built_in_rules().values():
        if not rule.documentation.startswith("Count "):
            yield rule.op


def test_every_rule_says_what_it_counts() -> None:
    assert list(undocumented()) == []


def test_most_written_rules_have_an_example() -> None:
    assert len(DOCUMENTED) > 25
