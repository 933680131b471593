"""One rule of a policy: what may grow by how much, compared with what."""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction
from typing import Any

from costdb.binding import nearest
from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.trends import scopes
from costdb.trends.amounts import parse_amount, parse_percent

# Stands for every metric or model.
ANY = "*"

KEYS = ("name", "model", "metric", "scope", "max_increase", "budget", "against", "severity")
AGAINST = ("previous", "anchor", "best", "tag:NAME", "alias:NAME")


class Severity(Enum):
    """What it means to break a rule."""

    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class MaxIncrease:
    """How much more is allowed; nothing, if neither is given. Of two bounds the wider one holds.

    Attributes:
        share: Of the old value: 1/50 for "2%".
        amount: In the metric's unit.
    """

    share: Fraction = Fraction(0)
    amount: int = 0

    def limit(self, old: int) -> int:
        """The largest integer that is allowed after an old value."""
        # int() rounds down: costs are not negative.
        return max(int(old * (1 + self.share)), old + self.amount)


@dataclass(frozen=True, slots=True)
class PolicyRule:
    """What may grow by how much.

    Attributes:
        name: What reports call it.
        metric: A metric of `Totals`, or "*" for every one.
        model: Glob of models' names.
        scope: The part of the model; see `costdb.trends.scopes`.
        max_increase: How much more than the baseline is allowed.
        budget: How much is allowed in all, whatever the baseline; None for no such rule.
        against: The baseline: "previous", "anchor", "best", "tag:v1.0", "alias:prod".
        severity: What breaking it means.
    """

    name: str
    metric: str
    model: str = ANY
    scope: str = scopes.TOTAL
    max_increase: MaxIncrease = MaxIncrease()
    budget: int | None = None
    against: str = "previous"
    severity: Severity = Severity.FAIL

    def limit(self, old: int) -> int:
        """The largest integer that is allowed after an old value."""
        return self.max_increase.limit(old) if self.budget is None else self.budget


def parse_rule(table: Mapping[str, Any], where: str) -> PolicyRule:
    """Read a rule from its TOML table.

    Args:
        table: With the keys `KEYS`.
        where: The file and the rule's position in it, for errors.

    Raises:
        ConfigurationError: A key, value or unit is wrong.
    """
    reader = _Reader(table, where)
    reader.check_keys()
    metric = reader.choice("metric", (*METRICS, ANY))
    scope = _scope(reader, metric)
    max_increase, budget = _allowed(reader, metric)
    rule = PolicyRule(
        name="",
        metric=metric,
        model=reader.text("model", default=ANY),
        scope=scope,
        max_increase=max_increase,
        budget=budget,
        against=_against(reader, is_budget=budget is not None),
        severity=Severity(reader.choice("severity", ("warn", "fail"), default="fail")),
    )
    return replace(rule, name=reader.text("name", default=_name(reader, rule)))


class _Reader:
    """A rule's table, which knows where it stands."""

    def __init__(self, table: Mapping[str, Any], where: str) -> None:
        self.table = table
        self.where = where

    def error(self, problem: str, hint: str) -> ConfigurationError:
        return ConfigurationError(f"{self.where}: {problem}", hint=hint)

    def check_keys(self) -> None:
        for key in self.table:
            if key not in KEYS:
                raise self.error(f"{key!r} is no key of a rule", nearest(key, KEYS, "keys"))

    def text(self, key: str, *, default: str) -> str:
        value = self.table.get(key, default)
        if not isinstance(value, str) or not value:
            raise self.error(f"{key} = {_toml(value)} is no text", f'write {key} = "..."')
        return value

    def choice(self, key: str, known: Collection[str], *, default: str = "") -> str:
        if key not in self.table and not default:
            raise self.error(f"it has no {key}", f'write {key} = "{next(iter(known))}"')
        value = self.text(key, default=default)
        if value not in known:
            raise self.error(f"{key} = {_toml(value)} is not known", nearest(value, known, "known"))
        return value


def _scope(reader: _Reader, metric: str) -> str:
    scope = reader.text("scope", default=scopes.TOTAL)
    kind, separator, glob = scope.partition(":")
    if scope == scopes.TOTAL:
        return scope
    if kind not in scopes.KINDS or not separator or not glob:
        known = (scopes.TOTAL, *(f"{kind}:*" for kind in scopes.KINDS))
        raise reader.error(f"scope = {_toml(scope)} is not known", nearest(scope, known, "known"))
    if metric not in (*scopes.SUMMED_METRICS, ANY):
        raise reader.error(
            f"{metric} is the whole model's, and no part has one of its own",
            'leave scope out, or write metric = "activation_bytes"',
        )
    return scope


def _allowed(reader: _Reader, metric: str) -> tuple[MaxIncrease, int | None]:
    """What the rule allows: an increase, or else a budget."""
    given = [key for key in ("max_increase", "budget") if key in reader.table]
    if len(given) != 1:
        raise reader.error(
            "it has both max_increase and budget" if given else "it has no max_increase",
            'write either max_increase = "2%" or budget = "25 M"',
        )
    if given == ["budget"]:
        return MaxIncrease(), _amount(reader, "budget", reader.table["budget"], metric)
    value = reader.table["max_increase"]
    parts = re.split(r"\s+and\s+", value.strip()) if isinstance(value, str) else [value]
    shares = [share for part in parts if (share := _percent(part)) is not None]
    amounts = [
        _amount(reader, "max_increase", part, metric) for part in parts if _percent(part) is None
    ]
    if len(shares) > 1 or len(amounts) > 1:
        raise reader.error(
            f"max_increase = {_toml(value)} has two bounds of one kind",
            'write a percentage, an amount or both: "2% and 10 MB"',
        )
    return MaxIncrease(sum(shares, Fraction(0)), sum(amounts)), None


def _percent(value: object) -> Fraction | None:
    return parse_percent(value) if isinstance(value, str) else None


def _amount(reader: _Reader, key: str, value: object, metric: str) -> int:
    if metric == ANY:
        raise reader.error(
            f"{key} = {_toml(value)} is an amount, and the rule is for every metric",
            "name one metric, or write a percentage",
        )
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    is_bytes = metric.endswith("bytes")
    if not isinstance(value, str):
        example = "10 MB" if is_bytes else "25 M"
        ways = f'"2%" or "{example}"' if key == "max_increase" else f'"{example}"'
        raise reader.error(f"{key} = {_toml(value)} is no amount", f"write {key} = {ways}")
    try:
        return parse_amount(value, is_bytes=is_bytes)
    except ConfigurationError as error:
        raise reader.error(f"{key} of {metric}: {error.message}", error.hint) from error


def _against(reader: _Reader, *, is_budget: bool) -> str:
    if is_budget and "against" in reader.table:
        raise reader.error("a budget is compared with nothing", "leave against out")
    against = reader.text("against", default="previous")
    kind, _, named = against.partition(":")
    if against not in AGAINST and not (named and f"{kind}:NAME" in AGAINST):
        raise reader.error(
            f"against = {_toml(against)} is not known", nearest(against, AGAINST, "known")
        )
    return against


def _name(reader: _Reader, rule: PolicyRule) -> str:
    """A name for a rule without one, in the words of its file."""
    model = "" if rule.model == ANY else f"{rule.model}: "
    part = "" if rule.scope == scopes.TOTAL else f" of {rule.scope}"
    key = "max_increase" if rule.budget is None else "budget"
    baseline = f" against {rule.against}" if rule.budget is None else ""
    bound = f"{key} = {_toml(reader.table[key])}"
    return f"{model}{rule.metric}{part} {bound}{baseline}, {rule.severity.value}"


def _toml(value: object) -> str:
    """A value as TOML writes it, at least nearly."""
    return json.dumps(value, default=str)
