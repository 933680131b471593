"""Every example in a rule's documentation is run."""

import pytest
from builders.rule_examples import WITH_EXAMPLE, example

from costdb.contracts import Rule
from costdb.cost.rules import built_in_rules


@pytest.mark.parametrize("rule", WITH_EXAMPLE.values(), ids=lambda rule: ":".join(rule.key))
def test_the_example_in_a_rules_documentation_is_right(rule: Rule) -> None:
    said = example(rule)
    counts = rule.count(said.layer)
    assert (counts.macs if said.metric == "macs" else counts.operations) == said.number


def test_every_rule_says_what_it_counts() -> None:
    for rule in built_in_rules().values():
        assert rule.documentation.startswith("Count "), rule.key


def test_most_written_rules_have_an_example() -> None:
    assert len(WITH_EXAMPLE) > 150
