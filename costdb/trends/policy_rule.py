"""One rule of a policy: what may grow by how much, or change, compared with what."""

import re
from dataclasses import dataclass, replace
from enum import Enum
from fractions import Fraction

from costdb.binding import nearest
from costdb.cost.result import METRICS
from costdb.errors import ConfigurationError
from costdb.toml_file import TomlTable, written
from costdb.trends import scopes
from costdb.trends.amounts import parse_amount, parse_percent

# Stands for every metric, model or operating point.
ANY = "*"

AGAINST = ("previous", "anchor", "best", "tag:NAME", "alias:NAME")
BOUNDS = ("max_increase", "budget")


class Severity(Enum):
    """What it means to break a rule."""

    WARN = "warn"
    FAIL = "fail"


class Structural(Enum):
    """What must not happen to a model's layers, whatever they cost. The value is its key."""

    NEW_UNKNOWN_OPS = "new_unknown_ops"
    DTYPE_CHANGED = "dtype_changed"


# What a structural rule looks at, in the place of a metric.
LOOKED_AT = {Structural.NEW_UNKNOWN_OPS: "unknown_ops", Structural.DTYPE_CHANGED: "dtype"}

JUDGED = (*METRICS, *LOOKED_AT.values())

KEYS = (
    "name", "model", "point", "metric", "scope", *BOUNDS, *(kind.value for kind in Structural),
    "against", "severity",
)  # fmt: skip


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
    """What may grow by how much, or what must not happen.

    Attributes:
        name: What reports call it.
        metric: A metric of `Totals`, or "*" for every one; what a structural rule looks at.
        model: Glob of models' names.
        scope: The part of the model; see `costdb.trends.scopes`.
        max_increase: How much more than the baseline is allowed.
        budget: How much is allowed in all, whatever the baseline; None for no such rule.
        against: The baseline: "previous", "anchor", "best", "tag:v1.0", "alias:prod".
        severity: What breaking it means.
        point: Glob of operating points.
        structural: What must not happen since the baseline; None for a rule about numbers.
        line: Where its file writes it; 0 if that is not known.
    """

    name: str
    metric: str
    model: str = ANY
    scope: str = scopes.TOTAL
    max_increase: MaxIncrease = MaxIncrease()
    budget: int | None = None
    against: str = "previous"
    severity: Severity = Severity.FAIL
    point: str = ANY
    structural: Structural | None = None
    line: int = 0

    def limit(self, old: int) -> int:
        """The largest integer that is allowed after an old value."""
        return self.max_increase.limit(old) if self.budget is None else self.budget

    @property
    def needs_layers(self) -> bool:
        """Whether totals alone do not say if it is broken."""
        return self.scope != scopes.TOTAL or self.structural is not None


def parse_rule(table: TomlTable) -> PolicyRule:
    """Read a rule from its TOML table. What is wrong is noted in the table's file.

    Args:
        table: With the keys `KEYS`.
    """
    table.check_keys(KEYS, "a rule")
    kinds = [kind for kind in Structural if kind.value in table.values]
    structural = _structural(table, kinds)
    metric = LOOKED_AT[structural] if structural else _metric(table)
    max_increase, budget = (MaxIncrease(), None) if kinds else _allowed(table, metric)
    rule = PolicyRule(
        name="",
        metric=metric,
        model=table.text("model", ANY),
        scope=_scope(table, metric),
        max_increase=max_increase,
        budget=budget,
        against=_against(table, metric, is_budget=budget is not None),
        severity=Severity(table.choice("severity", ("warn", "fail"), "fail")),
        point=table.text("point", ANY),
        structural=structural,
        line=table.line,
    )
    return replace(rule, name=table.text("name", _name(table, rule)))


def is_scope(scope: str) -> bool:
    """Whether a text is a part of a model as policies name them."""
    kind, _, glob = scope.partition(":")
    return scope == scopes.TOTAL or (kind in scopes.KINDS and bool(glob))


def scope_hint(scope: str) -> str:
    """What may have been meant by a text that is no part of a model."""
    known = (scopes.TOTAL, *(f"{kind}:*" for kind in scopes.KINDS))
    return nearest(scope, known, "known")


def _structural(table: TomlTable, kinds: list[Structural]) -> Structural | None:
    for kind in kinds:
        if table.values[kind.value] is not True:
            shown = written(table.values[kind.value])
            table.mistake(
                kind.value, f"{kind.value} = {shown} is not true", "write true, or leave it out"
            )
        for key in ("metric", *BOUNDS, *(other.value for other in kinds if other is not kind)):
            if key in table.values and kind is kinds[0]:
                table.mistake(key, f"{key} does not go with {kind.value}", "write two rules")
    return kinds[0] if kinds else None


def _metric(table: TomlTable) -> str:
    if "metric" not in table.values:
        table.mistake("metric", "it has no metric", f'write metric = "{METRICS[0]}"')
        return ANY
    return table.choice("metric", (*METRICS, ANY), "")


def _scope(table: TomlTable, metric: str) -> str:
    scope = table.text("scope", scopes.TOTAL)
    if not is_scope(scope):
        table.mistake("scope", f"scope = {written(scope)} is not known", scope_hint(scope))
        return scopes.TOTAL
    if scope != scopes.TOTAL and metric in METRICS and metric not in scopes.SUMMED_METRICS:
        table.mistake(
            "scope",
            f"{metric} is the whole model's, and no part has one of its own",
            'leave scope out, or write metric = "activation_bytes"',
        )
    return scope


def _allowed(table: TomlTable, metric: str) -> tuple[MaxIncrease, int | None]:
    """What the rule allows: an increase, or else a budget."""
    given = [key for key in BOUNDS if key in table.values]
    if len(given) != 1:
        table.mistake(
            "budget",
            "it has both max_increase and budget" if given else "it has no max_increase",
            'write either max_increase = "2%" or budget = "25 M"',
        )
        return MaxIncrease(), None
    if given == ["budget"]:
        return MaxIncrease(), _amount(table, "budget", table.values["budget"], metric)
    value = table.values["max_increase"]
    parts = re.split(r"\s+and\s+", value.strip()) if isinstance(value, str) else [value]
    shares = [share for part in parts if (share := _percent(part)) is not None]
    amounts = [
        _amount(table, "max_increase", part, metric) for part in parts if _percent(part) is None
    ]
    if len(shares) > 1 or len(amounts) > 1:
        table.mistake(
            "max_increase",
            f"max_increase = {written(value)} has two bounds of one kind",
            'write a percentage, an amount or both: "2% and 10 MB"',
        )
    return MaxIncrease(sum(shares, Fraction(0)), sum(amounts)), None


def _percent(value: object) -> Fraction | None:
    return parse_percent(value) if isinstance(value, str) else None


def _amount(table: TomlTable, key: str, value: object, metric: str) -> int:
    """An amount of a metric; of one that is not known, an amount cannot be judged."""
    if metric == ANY and "metric" in table.values:
        table.mistake(
            key,
            f"{key} = {written(value)} is an amount, and the rule is for every metric",
            "name one metric, or write a percentage",
        )
    if metric not in METRICS:
        return 0
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    is_bytes = metric.endswith("bytes")
    if not isinstance(value, str):
        example = "10 MB" if is_bytes else "25 M"
        ways = f'"2%" or "{example}"' if key == "max_increase" else f'"{example}"'
        table.mistake(key, f"{key} = {written(value)} is no amount", f"write {key} = {ways}")
        return 0
    try:
        return parse_amount(value, is_bytes=is_bytes)
    except ConfigurationError as error:
        # "0.02" is meant as a share.
        is_ratio = key == "max_increase" and not value.strip(" .0123456789")
        hint = 'write "2%" for a share of the baseline' if is_ratio else error.hint
        table.mistake(key, f"{key} of {metric}: {error.message}", hint)
        return 0


def is_baseline(text: str) -> bool:
    """Whether something is written as one of `AGAINST`."""
    kind, _, named = text.partition(":")
    return text in AGAINST[:3] or (named != "" and f"{kind}:NAME" in AGAINST)


def _against(table: TomlTable, metric: str, *, is_budget: bool) -> str:
    if is_budget and "against" in table.values:
        table.mistake("against", "a budget is compared with nothing", "leave against out")
    against = table.text("against", "previous")
    if against == "best" and metric in LOOKED_AT.values():
        table.mistake(
            "against", "best is the lowest value, and here is none", 'write against = "previous"'
        )
    if is_baseline(against):
        return against
    table.mistake(
        "against", f"against = {written(against)} is not known", nearest(against, AGAINST, "known")
    )
    return "previous"


def _name(table: TomlTable, rule: PolicyRule) -> str:
    """A name for a rule without one, in the words of its file."""
    model = "" if rule.model == ANY else f"{rule.model}: "
    part = "" if rule.scope == scopes.TOTAL else f" of {rule.scope}"
    point = "" if rule.point == ANY else f" at {rule.point}"
    baseline = f" against {rule.against}" if rule.budget is None else ""
    if rule.structural is not None:
        return f"{model}{rule.structural.value}{part}{point}{baseline}, {rule.severity.value}"
    key = "max_increase" if rule.budget is None else "budget"
    bound = f"{key} = {written(table.values.get(key))}"
    return f"{model}{rule.metric}{part}{point} {bound}{baseline}, {rule.severity.value}"
