"""The policy: which changes of a model's cost are too much.

Rules are TOML tables: `[[rules]]` in a policy file, `[[policy.rules]]` in `costdb.toml`.

    [[rules]]
    model = "detector*"         # every model, if not given
    point = "b32"               # every operating point, if not given
    metric = "macs"             # or "*" for every one
    scope = "scope:decoder/*"   # the total, if not given; or layer:GLOB, op:GLOB
    max_increase = "2%"         # or "10 M", or "2% and 10 M", which allows the larger of both
    against = "previous"        # or anchor, best, tag:v1.0, alias:prod
    severity = "fail"           # or warn

In the place of metric and max_increase a rule may have `metric` and `budget = "25 M"`, which is
compared with nothing, or one of `new_unknown_ops = true` and `dtype_changed = true`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.points import DEFAULT
from costdb.settings import config_folder
from costdb.toml_file import TomlFile, TomlTable
from costdb.trends.policy_rule import (
    ANY,
    MaxIncrease,
    PolicyRule,
    Severity,
    Structural,
    parse_rule,
)
from costdb.trends.scopes import SUMMED_METRICS, TOTAL

__all__ = [
    "BaselineKey",
    "MaxIncrease",
    "Policy",
    "PolicyRule",
    "Ruling",
    "Severity",
    "Structural",
    "default_policy",
    "parse_policy",
    "read_policy",
]


class BaselineKey(NamedTuple):
    """What a baseline is asked for. An anchor may be another one for each metric and scope."""

    against: str
    metric: str
    scope: str


class Ruling(NamedTuple):
    """Which of several rules for the same holds.

    Attributes:
        rule: The one that holds, for one metric.
        beaten: Those that would hold without it, the most specific first.
    """

    rule: PolicyRule
    beaten: tuple[PolicyRule, ...]

    @property
    def reason(self) -> str:
        """Why it holds, in words."""
        if not self.beaten:
            return "the only one"
        first = self.beaten[0]
        for ours, theirs, reason in zip(
            _specificity(self.rule), _specificity(first), _REASONS, strict=True
        ):
            if ours != theirs:
                return reason
        return "the later one"


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, in the order of their file.

    Attributes:
        rules: As the file has them.
        origin: The file.
    """

    rules: tuple[PolicyRule, ...]
    origin: str = ""

    def rulings(self, model: str, point: str = DEFAULT) -> tuple[Ruling, ...]:
        """What holds for a model at an operating point, and what it beat.

        Of rules for the same metric, scope, baseline and severity the most specific one wins: the
        one that names the model before one whose glob matches it (the more literal characters in
        it the better) before one for every model; then the same of the operating point; then the
        one that names the metric; then the later one.
        """
        return _rulings(
            tuple(
                rule
                for rule in self.rules
                if fnmatchcase(model, rule.model) and fnmatchcase(point, rule.point)
            )
        )

    def rules_for(self, model: str, point: str = DEFAULT) -> tuple[PolicyRule, ...]:
        """The rules that a model is judged by at an operating point, each for one metric."""
        return tuple(ruling.rule for ruling in self.rulings(model, point))

    def baselines_for(self, model: str, point: str = DEFAULT) -> tuple[BaselineKey, ...]:
        """What a model is compared with, each once."""
        keys = (
            BaselineKey(rule.against, rule.metric, rule.scope)
            for rule in self.rules_for(model, point)
            if rule.budget is None
        )
        return tuple(dict.fromkeys(keys))


# Of thousands of models, most match the same rules.
@lru_cache(64)
def _rulings(matching: tuple[PolicyRule, ...]) -> tuple[Ruling, ...]:
    """What holds of rules that are for one model, and what it beat, in the order of the rules."""
    candidates: dict[tuple[object, ...], list[PolicyRule]] = {}
    # Sorting keeps the file's order, so of equals the later rule comes last.
    for rule in sorted(matching, key=_specificity):
        for metric in _metrics(rule):
            single = replace(rule, metric=metric)
            candidates.setdefault(_subject(single), []).append(rule)
    order = {rule.name: position for position, rule in enumerate(matching)}
    rulings = [
        Ruling(replace(winner, metric=str(metric)), tuple(reversed(beaten)))
        for (metric, *_), (*beaten, winner) in candidates.items()
    ]
    return tuple(sorted(rulings, key=lambda ruling: order[ruling.rule.name]))


def parse_policy(text: str, origin: str | Path) -> Policy:
    """Read a policy file's text, or that of a `costdb.toml` with rules in it.

    Args:
        text: TOML.
        origin: What the file is called, for errors.

    Raises:
        ConfigurationError: It has no rules, a key, value or unit is wrong, or two rules are for the
            same. All that is wrong is among its `others`.
    """
    return _policy(TomlFile(origin, text))


def read_policy(file: Path) -> Policy:
    """Read a policy file, or the rules in a `costdb.toml`, such as another branch's.

    Raises:
        ConfigurationError: It cannot be read, or as `parse_policy`.
    """
    return _policy(TomlFile.read(file, "policy"))


def default_policy(file: Path | None = None) -> Policy:
    """What holds where no rules are given.

    Args:
        file: The policy file; the one that ships with costdb if not given.

    Raises:
        ConfigurationError: It is missing or wrong.
    """
    return read_policy(file or config_folder() / "policy.toml")


def _policy(file: TomlFile) -> Policy:
    tables = _rule_tables(file)
    rules = [parse_rule(table) for table in tables]
    _note_duplicates(tables, rules)
    file.check()
    if not rules:
        head = "[[policy.rules]]" if "policy" in file.values else "[[rules]]"
        raise ConfigurationError(f"{file.name} has no rules", hint=f"write {head} tables")
    return Policy(tuple(rules), str(file.name))


def _rule_tables(file: TomlFile) -> list[TomlTable]:
    if "policy" in file.values and "rules" not in file.values:
        file.check_keys(("rules",), ("policy",))
        return file.tables("policy", "rules")
    file.check_keys(("rules",))
    return file.tables("rules")


def _note_duplicates(tables: Sequence[TomlTable], rules: Iterable[PolicyRule]) -> None:
    """Note rules that would judge the same, or could not be told from each other."""
    judging: dict[tuple[object, ...], TomlTable] = {}
    called: dict[str, TomlTable] = {}
    for table, rule in zip(tables, rules, strict=True):
        if table.is_wrong:
            continue
        same = judging.setdefault((rule.model, rule.point, *_subject(rule)), table)
        if same is not table:
            table.mistake(
                "", f"it judges the same as the rule on line {same.line}", "keep one of them"
            )
            continue
        same = called.setdefault(rule.name, table)
        if same is not table:
            table.mistake(
                "name",
                f"it is called {rule.name!r} like the rule on line {same.line}",
                "give it another name",
            )


# Why one rule is more specific than another, in the order of `_specificity`.
_REASONS = (
    "it names the model",
    "its glob fits the model more closely",
    "it names the point",
    "its glob fits the point more closely",
    "it names the metric",
)


def _specificity(rule: PolicyRule) -> tuple[bool, int, bool, int, bool]:
    return *_closeness(rule.model), *_closeness(rule.point), rule.metric != ANY


def _closeness(glob: str) -> tuple[bool, int]:
    """Whether a glob is a name, and how many literal characters it has."""
    wildcards = sum(glob.count(wildcard) for wildcard in "*?[")
    return wildcards == 0, len(glob) - wildcards


def _metrics(rule: PolicyRule) -> tuple[str, ...]:
    """The metrics that a rule is for."""
    if rule.metric != ANY:
        return (rule.metric,)
    return METRICS if rule.scope == TOTAL else SUMMED_METRICS


def _subject(rule: PolicyRule) -> tuple[object, ...]:
    """What a rule judges, whatever it allows."""
    baseline = rule.against if rule.budget is None else None
    return rule.metric, rule.scope, baseline, rule.severity
