"""The grammar of policies, which rule wins, and the policy that ships."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.trends.policy import (
    BaselineKey,
    MaxIncrease,
    Policy,
    PolicyRule,
    Severity,
    default_policy,
    parse_policy,
    read_policy,
)
from costdb.trends.scopes import SUMMED_METRICS

Table = dict[str, Any]


def rule(**keys: Any) -> Table:
    """A rule's table, valid unless the keys given make it wrong."""
    return {"metric": "macs"} | ({} if "budget" in keys else {"max_increase": "2%"}) | keys


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        pytest.param(
            rule(), PolicyRule('macs max_increase = "2%" against previous, fail', "macs",
                               max_increase=MaxIncrease(Fraction(1, 50))),
            id="the least that a rule says",
        ),
        pytest.param(
            rule(name="creep", model="det*", scope="scope:decoder/*", metric="weight_bytes",
                 max_increase="1.5 % and 10 MB", against="anchor", severity="warn"),
            PolicyRule("creep", "weight_bytes", "det*", "scope:decoder/*",
                       MaxIncrease(Fraction(3, 200), 10_000_000), against="anchor",
                       severity=Severity.WARN),
            id="the most that a rule says",
        ),
        pytest.param(
            rule(model="a", scope="op:Conv", max_increase="10 M", against="tag:v1.0"),
            PolicyRule('a: macs of op:Conv max_increase = "10 M" against tag:v1.0, fail', "macs",
                       "a", "op:Conv", MaxIncrease(amount=10_000_000), against="tag:v1.0"),
            id="an amount",
        ),
        pytest.param(
            rule(max_increase=0, against="alias:prod"),
            PolicyRule("macs max_increase = 0 against alias:prod, fail", "macs",
                       against="alias:prod"),
            id="nothing at all",
        ),
        pytest.param(
            rule(metric="params", budget="25 M", severity="warn"),
            PolicyRule('params budget = "25 M", warn', "params", budget=25_000_000,
                       severity=Severity.WARN),
            id="a budget",
        ),
        pytest.param(
            rule(metric="layers", budget=300), PolicyRule("layers budget = 300, fail", "layers",
                                                          budget=300),
            id="a plain number",
        ),
        pytest.param(
            rule(metric="*", against="best"),
            PolicyRule('* max_increase = "2%" against best, fail', "*",
                       max_increase=MaxIncrease(Fraction(1, 50)), against="best"),
            id="every metric",
        ),
    ],
)  # fmt: skip
def test_a_rule(table: Table, expected: PolicyRule) -> None:
    assert parse_policy([table], "costdb.toml") == Policy((expected,), "costdb.toml")


@pytest.mark.parametrize(
    ("table", "message", "hint"),
    [
        pytest.param(
            rule(max_incease="2%"), "'max_incease' is no key of a rule",
            "did you mean 'max_increase'?", id="a key",
        ),
        pytest.param(
            {"max_increase": "2%"}, "it has no metric", 'write metric = "params"',
            id="no metric",
        ),
        pytest.param(
            rule(metric="weigth_bytes"), 'metric = "weigth_bytes" is not known',
            "did you mean 'weight_bytes'?", id="a metric",
        ),
        pytest.param(rule(metric=3), "metric = 3 is no text", 'write metric = "..."', id="no text"),
        pytest.param(rule(model=""), 'model = "" is no text', 'write model = "..."', id="empty"),
        pytest.param(rule(name=[]), "name = [] is no text", 'write name = "..."', id="a list"),
        pytest.param(
            rule(severity="error"), 'severity = "error" is not known', "known: fail, warn",
            id="a severity",
        ),
        pytest.param(
            {"metric": "macs"}, "it has no max_increase",
            'write either max_increase = "2%" or budget = "25 M"', id="nothing allowed",
        ),
        pytest.param(
            rule(budget=3, max_increase="2%"), "it has both max_increase and budget",
            'write either max_increase = "2%" or budget = "25 M"', id="a budget and an increase",
        ),
        pytest.param(
            rule(max_increase="2% and 3%"),
            'max_increase = "2% and 3%" has two bounds of one kind',
            'write a percentage, an amount or both: "2% and 10 MB"', id="two percentages",
        ),
        pytest.param(
            rule(max_increase="2 and 3"), 'max_increase = "2 and 3" has two bounds of one kind',
            'write a percentage, an amount or both: "2% and 10 MB"', id="two amounts",
        ),
        pytest.param(
            rule(max_increase=0.02), "max_increase = 0.02 is no amount",
            'write max_increase = "2%" or "25 M"', id="a ratio",
        ),
        pytest.param(
            rule(metric="weight_bytes", budget=True), "budget = true is no amount",
            'write budget = "10 MB"', id="a truth value",
        ),
        pytest.param(
            rule(max_increase=-5), "max_increase = -5 is no amount",
            'write max_increase = "2%" or "25 M"', id="a negative number",
        ),
        pytest.param(
            rule(budget="10 MB"), "budget of macs: '10 MB' has 'MB', which is no unit of a count",
            "did you mean 'M'?", id="a unit",
        ),
        pytest.param(
            rule(metric="*", max_increase="10 M"),
            'max_increase = "10 M" is an amount, and the rule is for every metric',
            "name one metric, or write a percentage", id="an amount of everything",
        ),
        pytest.param(
            rule(budget="1 G", against="previous"), "a budget is compared with nothing",
            "leave against out", id="a budget against something",
        ),
        pytest.param(
            rule(against="previus"), 'against = "previus" is not known',
            "did you mean 'previous'?", id="a baseline",
        ),
        pytest.param(
            rule(against="tag:"), 'against = "tag:" is not known',
            "did you mean 'tag:NAME'?", id="a tag without a name",
        ),
        pytest.param(
            rule(against="best:3"), 'against = "best:3" is not known',
            "did you mean 'best'?", id="a best one with a name",
        ),
        pytest.param(
            rule(scope="layers:head"), 'scope = "layers:head" is not known',
            "did you mean 'layer:*'?", id="a scope",
        ),
        pytest.param(
            rule(scope="op:"), 'scope = "op:" is not known', "did you mean 'op:*'?",
            id="a scope without a glob",
        ),
        pytest.param(
            rule(scope="layer"), 'scope = "layer" is not known', "did you mean 'layer:*'?",
            id="a scope without a colon",
        ),
        pytest.param(
            rule(metric="peak_memory_bytes", scope="op:Conv"),
            "peak_memory_bytes is the whole model's, and no part has one of its own",
            'leave scope out, or write metric = "activation_bytes"', id="the peak of a part",
        ),
    ],
)  # fmt: skip
def test_a_wrong_rule(table: Table, message: str, hint: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_policy([rule(name="fine", against="anchor"), table], "costdb.toml")
    assert caught.value.message == f"costdb.toml: rule 2: {message}"
    assert caught.value.hint == hint


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param([], "costdb.toml has no rules", id="none"),
        pytest.param(
            [rule(), rule(model="a"), rule(max_increase="3%")],
            "costdb.toml: rule 3 judges the same as rule 1", id="two for the same",
        ),
        pytest.param(
            [rule(budget=3, metric="params"), rule(budget=4, metric="params")],
            "costdb.toml: rule 2 judges the same as rule 1", id="two budgets",
        ),
        pytest.param(
            [rule(name="x"), rule(name="x", model="a")],
            "costdb.toml: rule 2 is called 'x' like rule 1", id="two of one name",
        ),
    ],
)  # fmt: skip
def test_wrong_policies(tables: list[Table], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(tables, "costdb.toml")
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("increase", "old", "expected"),
    [
        pytest.param(MaxIncrease(), 100, 100, id="nothing"),
        pytest.param(MaxIncrease(Fraction(2, 100)), 100, 102, id="2 % of 100"),
        pytest.param(MaxIncrease(Fraction(2, 100)), 149, 151, id="2 % of 149 are 2.98"),
        pytest.param(MaxIncrease(Fraction(2, 100)), 0, 0, id="2 % of nothing"),
        pytest.param(
            MaxIncrease(Fraction(1, 10)), 10**18 + 1, 11 * 10**17 + 1, id="exact beyond floats"
        ),
        pytest.param(MaxIncrease(amount=10), 100, 110, id="an amount"),
        pytest.param(MaxIncrease(Fraction(2, 100), 10), 100, 110, id="both: the amount is wider"),
        pytest.param(MaxIncrease(Fraction(2, 100), 10), 1000, 1020, id="both: the share is wider"),
    ],
)
def test_limit(increase: MaxIncrease, old: int, expected: int) -> None:
    assert increase.limit(old) == expected
    assert PolicyRule("r", "macs", max_increase=increase).limit(old) == expected
    assert PolicyRule("r", "macs", max_increase=increase, budget=7).limit(old) == 7


@pytest.mark.parametrize(
    ("tables", "winner"),
    [
        pytest.param([{"model": "*"}, {"model": "detector"}], 1, id="the model's name"),
        pytest.param([{"model": "detector"}, {"model": "*"}], 0, id="wherever it stands"),
        pytest.param([{"model": "det*"}, {"model": "*"}], 0, id="a glob before any"),
        pytest.param([{"model": "det*"}, {"model": "d*"}], 0, id="the longer glob"),
        pytest.param([{"model": "d??????r"}, {"model": "det*"}], 1, id="more literal characters"),
        pytest.param([{"model": "detector"}, {"model": "detector*"}], 0, id="a name before a glob"),
        pytest.param([{"metric": "macs"}, {"metric": "*"}], 0, id="the metric's name"),
        pytest.param(
            [{"metric": "macs"}, {"metric": "*", "model": "det*"}], 1, id="model before metric"
        ),
        pytest.param([{"model": "de*"}, {"model": "d*r"}], 1, id="of equals the later one"),
    ],
)
def test_the_most_specific_rule_wins(tables: list[Table], winner: int) -> None:
    policy = parse_policy([rule(name=str(n), **table) for n, table in enumerate(tables)], "p")
    (won,) = (entry for entry in policy.rules_for("detector") if entry.metric == "macs")
    assert won.name == str(winner)


def test_rules_for_other_things_do_not_compete() -> None:
    others: list[Table] = [
        {},
        {"severity": "warn"},
        {"against": "anchor"},
        {"scope": "op:Conv"},
        {"budget": 1},
    ]
    policy = parse_policy([rule(name=str(n), **keys) for n, keys in enumerate(others)], "p")
    assert [entry.name for entry in policy.rules_for("detector")] == ["0", "1", "2", "3", "4"]


def test_rules_for_a_model_that_none_is_for() -> None:
    assert parse_policy([rule(model="det*")], "p").rules_for("speech") == ()


@pytest.mark.parametrize(
    ("scope", "metrics"),
    [
        pytest.param("total", METRICS, id="of the model"),
        pytest.param("op:Conv", SUMMED_METRICS, id="of a part, which has no peak"),
    ],
)
def test_a_rule_for_every_metric(scope: str, metrics: tuple[str, ...]) -> None:
    policy = parse_policy([rule(metric="*", scope=scope)], "p")
    assert [entry.metric for entry in policy.rules_for("m")] == list(metrics)


def test_baselines_are_asked_for_once() -> None:
    tables = [rule(), rule(severity="warn"), rule(against="anchor"), rule(budget=1)]
    assert parse_policy(tables, "p").baselines_for("m") == (
        BaselineKey("previous", "macs", "total"),
        BaselineKey("anchor", "macs", "total"),
    )


def test_the_default_policy() -> None:
    rules = [
        (entry.metric, entry.severity.value, entry.max_increase, entry.against)
        for entry in default_policy().rules_for("any")
    ]
    assert rules == [
        expected
        for metric in ("macs", "weight_bytes", "peak_memory_bytes")
        for expected in (
            (metric, "warn", MaxIncrease(Fraction(1, 100)), "previous"),
            (metric, "fail", MaxIncrease(Fraction(5, 100)), "previous"),
            (metric, "fail", MaxIncrease(Fraction(10, 100)), "anchor"),
        )
    ]


RULE = 'metric = "macs"\nmax_increase = "2%"\n'


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"[[rules]]\n{RULE}", id="a policy file"),
        pytest.param(f'[database]\nurl = "a.db"\n[[policy.rules]]\n{RULE}', id="a costdb.toml"),
    ],
)
def test_read_policy(tmp_path: Path, text: str) -> None:
    file = tmp_path / "policy.toml"
    file.write_text(text)
    assert read_policy(file) == parse_policy([rule()], file)
    assert default_policy(file) == read_policy(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "{file} has no rules", id="empty"),
        pytest.param(b"rules = 3", "{file}: rules is not an array of tables", id="no tables"),
        pytest.param(b"rules = [3]", "{file}: rules is not an array of tables", id="no table"),
        pytest.param(
            b"rules = []\nmodels = 3", "{file}: 'models' is no key of a policy file", id="a key"
        ),
        pytest.param(b"[[rules", "{file} is not valid TOML: ", id="no TOML"),
        pytest.param(b"\xff", "{file} is not valid TOML: ", id="no UTF-8"),
        pytest.param(None, "the policy '{file}' cannot be read: No such file", id="no file"),
    ],
)
def test_wrong_files(tmp_path: Path, content: bytes | None, message: str) -> None:
    file = tmp_path / "policy.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        read_policy(file)
    assert caught.value.message.startswith(message.format(file=file))
