"""The grammar of policies, which rule wins, and the policy that ships."""

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from builders.policies import policy_text

from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.settings import config_folder
from costdb.trends.policy import (
    BaselineKey,
    MaxIncrease,
    Policy,
    PolicyRule,
    Severity,
    Structural,
    default_policy,
    parse_policy,
    read_policy,
)
from costdb.trends.scopes import SUMMED_METRICS

Table = dict[str, Any]


def rule(**keys: Any) -> Table:
    """A rule's table, valid unless the keys given make it wrong."""
    is_structural = {"new_unknown_ops", "dtype_changed"} & set(keys)
    defaults = {} if is_structural else {"metric": "macs"}
    return defaults | ({} if is_structural or "budget" in keys else {"max_increase": "2%"}) | keys


def parsed(tables: list[Table], origin: str | Path = "p") -> Policy:
    return parse_policy(policy_text(tables), origin)


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
            rule(new_unknown_ops=True, severity="warn"),
            PolicyRule("new_unknown_ops against previous, warn", "unknown_ops",
                       severity=Severity.WARN, structural=Structural.NEW_UNKNOWN_OPS),
            id="no new unknown operators",
        ),
        pytest.param(
            rule(dtype_changed=True, model="a", scope="scope:head/*", point="b*", against="anchor"),
            PolicyRule("a: dtype_changed of scope:head/* at b* against anchor, fail", "dtype", "a",
                       "scope:head/*", against="anchor", point="b*",
                       structural=Structural.DTYPE_CHANGED),
            id="no other types in a part",
        ),
        pytest.param(
            rule(point="b32", budget="1 G"),
            PolicyRule('macs at b32 budget = "1 G", fail', "macs", budget=10**9, point="b32"),
            id="an operating point",
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
    policy = parsed([table], "costdb.toml")
    assert policy == Policy((replace(expected, line=1),), "costdb.toml")


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
            rule(max_increase="0.02"), "max_increase of macs: '0.02' is no whole number",
            'write "2%" for a share of the baseline', id="a ratio as text",
        ),
        pytest.param(
            rule(new_unknown_ops=False), "new_unknown_ops = false is not true",
            "write true, or leave it out", id="a structural rule that is off",
        ),
        pytest.param(
            rule(dtype_changed=True, metric="macs"), "metric does not go with dtype_changed",
            "write two rules", id="a structural rule with a metric",
        ),
        pytest.param(
            rule(dtype_changed=True, budget=3), "budget does not go with dtype_changed",
            "write two rules", id="a structural rule with a budget",
        ),
        pytest.param(
            rule(dtype_changed=True, new_unknown_ops=True),
            "dtype_changed does not go with new_unknown_ops", "write two rules",
            id="two structural rules",
        ),
        pytest.param(
            rule(dtype_changed=True, against="best"), "best is the lowest value, and here is none",
            'write against = "previous"', id="the best of no value",
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
        parsed([rule(name="fine", against="anchor"), table], "costdb.toml")
    # The first rule takes its head and four keys, and an empty line.
    place, _, said = caught.value.message.partition(": ")
    assert place.startswith("costdb.toml:")
    assert int(place.rpartition(":")[2]) >= 7
    assert (said, caught.value.hint) == (message, hint)
    assert caught.value.others == ()


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        pytest.param([], "costdb.toml has no rules", id="none"),
        pytest.param(
            [rule(), rule(model="a"), rule(max_increase="3%")],
            "costdb.toml:10: it judges the same as the rule on line 1", id="two for the same",
        ),
        pytest.param(
            [rule(budget=3, metric="params"), rule(budget=4, metric="params")],
            "costdb.toml:5: it judges the same as the rule on line 1", id="two budgets",
        ),
        pytest.param(
            [rule(name="x"), rule(name="x", model="a")],
            "costdb.toml:9: it is called 'x' like the rule on line 1", id="two of one name",
        ),
    ],
)  # fmt: skip
def test_wrong_policies(tables: list[Table], message: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed(tables, "costdb.toml")
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
    policy = parsed([rule(name=str(n), **table) for n, table in enumerate(tables)])
    (won,) = (entry for entry in policy.rules_for("detector") if entry.metric == "macs")
    assert won.name == str(winner)


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        pytest.param([{}], "the only one", id="alone"),
        pytest.param([{}, {"model": "detector"}], "it names the model", id="the model"),
        pytest.param(
            [{"model": "d*"}, {"model": "det*"}], "its glob fits the model more closely",
            id="a longer glob",
        ),
        pytest.param([{}, {"point": "b32"}], "it names the point", id="the point"),
        pytest.param(
            [{"point": "b*"}, {"point": "b3*"}], "its glob fits the point more closely",
            id="a longer glob of points",
        ),
        pytest.param([{"metric": "*"}, {}], "it names the metric", id="the metric"),
        pytest.param([{"model": "de*"}, {"model": "d*r"}], "the later one", id="a later one"),
        pytest.param(
            [{"point": "b32"}, {"model": "detector"}], "it names the model", id="model before point"
        ),
    ],
)  # fmt: skip
def test_why_a_rule_wins_and_what_it_beats(tables: list[Table], reason: str) -> None:
    policy = parsed([rule(name=str(n), **table) for n, table in enumerate(tables)])
    rulings = policy.rulings("detector", "b32")
    (ruling,) = (one for one in rulings if one.rule.metric == "macs")
    assert ruling.rule.name == str(len(tables) - 1)
    assert [beaten.name for beaten in ruling.beaten] == [str(n) for n in range(len(tables) - 1)]
    assert ruling.reason == reason


@pytest.mark.parametrize(
    ("table", "needs_layers"),
    [
        pytest.param({}, False, id="a total"),
        pytest.param({"budget": 1}, False, id="a budget"),
        pytest.param({"scope": "op:Conv"}, True, id="a part"),
        pytest.param({"dtype_changed": True}, True, id="a structural rule"),
    ],
)
def test_what_totals_alone_cannot_say(table: Table, *, needs_layers: bool) -> None:
    (found,) = parsed([rule(**table)]).rules
    assert found.needs_layers is needs_layers


def test_a_rule_for_another_point() -> None:
    policy = parsed([rule(point="b32")])
    assert policy.rules_for("detector") == ()
    assert policy.baselines_for("detector", "b32") == (BaselineKey("previous", "macs", "total"),)


def test_every_mistake_in_a_file_is_said_with_its_line() -> None:
    text = """# Rules.
[[rules]]
metrik = "macs"
max_increase = "2 %"

[[rules]]
metric = "weight_bytes"
budget = "10 M"
scope = "layers:head"
severity = "error"

[[rules]]
metric = "macs"
max_increase = 0.02

[[rules]]
metric = "flops"
max_increase = "1 %"

[[rules]]
metric = "flops"
max_increase = "2 %"
"""
    with pytest.raises(ConfigurationError) as caught:
        parse_policy(text, "p.toml")
    assert [(one.message, one.hint) for one in (caught.value, *caught.value.others)] == [
        ("p.toml:2: it has no metric", 'write metric = "params"'),
        ("p.toml:3: 'metrik' is no key of a rule", "did you mean 'metric'?"),
        (
            "p.toml:8: budget of weight_bytes: '10 M' has 'M', which is no unit of bytes",
            "did you mean 'MB'?",
        ),
        ('p.toml:9: scope = "layers:head" is not known', "did you mean 'layer:*'?"),
        ('p.toml:10: severity = "error" is not known', "known: fail, warn"),
        (
            "p.toml:14: max_increase = 0.02 is no amount",
            'write max_increase = "2%" or "25 M"',
        ),
        ("p.toml:20: it judges the same as the rule on line 16", "keep one of them"),
    ]


def test_rules_for_other_things_do_not_compete() -> None:
    others: list[Table] = [
        {},
        {"severity": "warn"},
        {"against": "anchor"},
        {"scope": "op:Conv"},
        {"budget": 1},
    ]
    policy = parsed([rule(name=str(n), **keys) for n, keys in enumerate(others)])
    assert [entry.name for entry in policy.rules_for("detector")] == ["0", "1", "2", "3", "4"]


def test_rules_for_a_model_that_none_is_for() -> None:
    assert parsed([rule(model="det*")]).rules_for("speech") == ()


@pytest.mark.parametrize(
    ("scope", "metrics"),
    [
        pytest.param("total", METRICS, id="of the model"),
        pytest.param("op:Conv", SUMMED_METRICS, id="of a part, which has no peak"),
    ],
)
def test_a_rule_for_every_metric(scope: str, metrics: tuple[str, ...]) -> None:
    policy = parsed([rule(metric="*", scope=scope)])
    assert [entry.metric for entry in policy.rules_for("m")] == list(metrics)


def test_baselines_are_asked_for_once() -> None:
    tables = [rule(), rule(severity="warn"), rule(against="anchor"), rule(budget=1)]
    assert parsed(tables).baselines_for("m") == (
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


def test_rules_that_are_wrong_are_not_called_the_same_as_well() -> None:
    with pytest.raises(ConfigurationError) as caught:
        parsed([rule(metric="mac"), rule(metric="mcas")])
    assert [one.message for one in (caught.value, *caught.value.others)] == [
        'p:2: metric = "mac" is not known',
        'p:6: metric = "mcas" is not known',
    ]


def test_the_example_of_a_policy() -> None:
    rules = read_policy(config_folder() / "costdb.toml").rules_for("detector", "b32")
    assert [(entry.metric, entry.severity.value) for entry in rules] == [
        ("macs", "fail"), ("weight_bytes", "warn"), ("flops", "fail"), ("unknown_ops", "warn"),
    ]  # fmt: skip


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
    (found,) = read_policy(file).rules
    assert found.max_increase == MaxIncrease(Fraction(1, 50))
    assert found.line == text[: text.index("metric")].count("\n")
    assert default_policy(file) == read_policy(file)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        pytest.param(b"", "{file} has no rules", id="empty"),
        pytest.param(b"rules = 3", "{file}:1: rules is no array of tables", id="no tables"),
        pytest.param(b"rules = [3]", "{file}:1: rules is no array of tables", id="no table"),
        pytest.param(b"rules = []\nmodels = 3", "{file}:2: 'models' is no key here", id="a key"),
        pytest.param(
            b"[policy]\nrulez = 3", "{file}:2: 'rulez' is no key here", id="a key of costdb.toml"
        ),
        pytest.param(b"[policy]", "{file} has no rules", id="a costdb.toml with none"),
        pytest.param(b"policy = 3", "{file} has no rules", id="a costdb.toml with a number"),
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
