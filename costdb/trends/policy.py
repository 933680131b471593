"""The policy: which changes of a model's cost are too much.

Rules are TOML tables: `[[rules]]` in a policy file, `[[policy.rules]]` in `costdb.toml`.

    [[rules]]
    model = "detector*"         # every model, if not given
    metric = "macs"
    scope = "scope:decoder/*"   # the total, if not given
    max_increase = "2%"         # or "10 M", or "2% and 10 M"; or budget = "25 M"
    against = "previous"        # or anchor, best, tag:v1.0, alias:prod
    severity = "fail"           # or warn
"""

import tomllib
from collections.abc import Hashable, Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.settings import config_folder, read_policy_rules
from costdb.trends.policy_rule import ANY, MaxIncrease, PolicyRule, Severity, parse_rule
from costdb.trends.scopes import SUMMED_METRICS, TOTAL

__all__ = [
    "BaselineKey",
    "MaxIncrease",
    "Policy",
    "PolicyRule",
    "Severity",
    "default_policy",
    "parse_policy",
    "read_policy",
]


class BaselineKey(NamedTuple):
    """What a baseline is asked for. An anchor may be another one for each metric and scope."""

    against: str
    metric: str
    scope: str


@dataclass(frozen=True, slots=True)
class Policy:
    """Rules, in the order of their file.

    Attributes:
        rules: As the file has them.
        origin: The file.
    """

    rules: tuple[PolicyRule, ...]
    origin: str = ""

    def rules_for(self, model: str) -> tuple[PolicyRule, ...]:
        """The rules that a model is judged by, each for one metric.

        Of rules for the same metric, scope, baseline and severity the most specific one wins: the
        one that names the model before one whose glob matches it (the more literal characters in
        it the better) before one for every model; then the one that names the metric; then the
        later one.
        """
        winners: dict[Hashable, PolicyRule] = {}
        matching = [rule for rule in self.rules if fnmatchcase(model, rule.model)]
        # Sorting keeps the file's order, so a later rule overwrites an earlier one.
        for rule in sorted(matching, key=_specificity):
            for metric in _metrics(rule):
                single = replace(rule, metric=metric)
                winners[_subject(single)] = single
        order = {rule.name: position for position, rule in enumerate(self.rules)}
        return tuple(sorted(winners.values(), key=lambda rule: order[rule.name]))

    def baselines_for(self, model: str) -> tuple[BaselineKey, ...]:
        """What a model is compared with, each once."""
        keys = (
            BaselineKey(rule.against, rule.metric, rule.scope)
            for rule in self.rules_for(model)
            if rule.budget is None
        )
        return tuple(dict.fromkeys(keys))


def parse_policy(tables: Iterable[Mapping[str, Any]], origin: str | Path) -> Policy:
    """Read rules from TOML tables.

    Args:
        tables: One for each rule.
        origin: The file that they stand in, for errors.

    Raises:
        ConfigurationError: There are none, or a key, value or unit is wrong, or two rules are for
            the same.
    """
    rules = tuple(
        parse_rule(table, f"{origin}: rule {number}") for number, table in enumerate(tables, 1)
    )
    if not rules:
        raise ConfigurationError(f"{origin} has no rules", hint="write [[rules]] tables")
    _check_distinct(rules, origin)
    return Policy(rules, str(origin))


def read_policy(file: Path) -> Policy:
    """Read a policy file, or the rules in a `costdb.toml`, such as another branch's.

    Raises:
        ConfigurationError: It cannot be read, has no rules, or one of them is wrong.
    """
    top = _read(file)
    if "rules" not in top:
        return parse_policy(read_policy_rules(file), file)
    rules = top.pop("rules")
    if top:
        raise ConfigurationError(
            f"{file}: {next(iter(top))!r} is no key of a policy file", hint="write [[rules]] tables"
        )
    if not isinstance(rules, list) or not all(isinstance(table, dict) for table in rules):
        raise ConfigurationError(
            f"{file}: rules is not an array of tables", hint="write [[rules]] tables"
        )
    return parse_policy(rules, file)


def default_policy(file: Path | None = None) -> Policy:
    """What holds where no rules are given.

    Args:
        file: The policy file; the one that ships with costdb if not given.

    Raises:
        ConfigurationError: It is missing or wrong.
    """
    return read_policy(file or config_folder() / "policy.toml")


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(
            f"the policy {str(file)!r} cannot be read: {error.strerror}", hint="check the path"
        ) from error
    except ValueError as error:
        raise ConfigurationError(
            f"{file} is not valid TOML: {error}", hint="see https://toml.io"
        ) from error


def _specificity(rule: PolicyRule) -> tuple[bool, int, bool]:
    wildcards = sum(rule.model.count(wildcard) for wildcard in "*?[")
    return wildcards == 0, len(rule.model) - wildcards, rule.metric != ANY


def _metrics(rule: PolicyRule) -> tuple[str, ...]:
    """The metrics that a rule is for."""
    if rule.metric != ANY:
        return (rule.metric,)
    return METRICS if rule.scope == TOTAL else SUMMED_METRICS


def _subject(rule: PolicyRule) -> tuple[Hashable, ...]:
    """What a rule judges, whatever it allows."""
    baseline = rule.against if rule.budget is None else None
    return rule.metric, rule.scope, baseline, rule.severity


def _check_distinct(rules: Iterable[PolicyRule], origin: str | Path) -> None:
    seen: dict[Hashable, int] = {}
    for number, rule in enumerate(rules, 1):
        for key, problem, hint in (
            ((rule.model, *_subject(rule)), "judges the same as", "keep one of them"),
            (rule.name, f"is called {rule.name!r} like", "give it another name"),
        ):
            earlier = seen.setdefault(key, number)
            if earlier != number:
                raise ConfigurationError(
                    f"{origin}: rule {number} {problem} rule {earlier}", hint=hint
                )
