"""What the policy holds a metric of a model against, as lines to draw."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from costdb.baselines import BaselineFinder, CostReader
from costdb.binding import nearest
from costdb.cost.result import METRICS
from costdb.errors import UsageError
from costdb.in_force import acceptances_in_force, policy_in_force
from costdb.report.analysis import format_metric
from costdb.report.plot import Bound
from costdb.server.service import Service
from costdb.store import read
from costdb.store.records import AliasRecord, Series
from costdb.trends.policy import BaselineKey
from costdb.trends.policy_rule import AGAINST, Severity, is_baseline
from costdb.trends.scopes import TOTAL
from costdb.trends.verdicts import Baseline

NONE = "none"

_WORDS = {Severity.WARN: "warns over", Severity.FAIL: "fails over"}


@dataclass(frozen=True, slots=True)
class Held:
    """What a history is held against.

    Attributes:
        against: The baseline: "previous", "anchor", "alias:prod" ..., or "none".
        choices: What could be chosen instead.
        bounds: The baseline, the limits that count from it, and budgets.
        note: Why there is no baseline, in words; else empty.
    """

    against: str
    choices: tuple[str, ...]
    bounds: tuple[Bound, ...] = ()
    note: str = ""


def held_against(
    service: Service,
    line: Series,
    metric: str,
    *,
    named: Iterable[AliasRecord],
    against: str,
    now: datetime,
) -> Held:
    """What the policy of the server holds the newest version of a line against.

    Args:
        service: Its settings have the policy.
        line: The versions.
        metric: The metric.
        named: The model's aliases.
        against: The baseline; empty for the one that catches most.
        now: The time, aware.

    Raises:
        UsageError: There is no such kind of baseline.
    """
    if against and against != NONE and not is_baseline(against):
        raise UsageError(
            f"against = {against!r} is not known", hint=nearest(against, (NONE, *AGAINST), "known")
        )
    if metric not in METRICS or not line.versions:
        return Held(NONE, (NONE,))
    policy = policy_in_force(None, service.settings)
    rules = [
        rule
        for rule in policy.rules_for(line.model, line.point)
        if rule.metric == metric and rule.scope == TOTAL and rule.structural is None
    ]
    counted = [rule for rule in rules if rule.budget is None]
    # What creeps is seen best against the anchor.
    preferred = sorted({rule.against for rule in counted}, key=lambda name: name != "anchor")
    chosen = against or next(iter(preferred), NONE)
    aliases = [f"alias:{alias.name}" for alias in named]
    usual = ("previous", "anchor", "best")
    choices = tuple(dict.fromkeys((NONE, *preferred, *usual, *aliases, chosen)))
    budgets = [_bound("budget", rule.budget, metric) for rule in rules if rule.budget is not None]
    if chosen == NONE:
        return Held(NONE, choices, tuple(budgets))
    finder = _finder(service, line, now)
    found = finder.find([key := BaselineKey(chosen, metric, TOTAL)], whole=False)[key]
    value = found.cost.totals[metric] if isinstance(found, Baseline) else None
    if value is None or not isinstance(found, Baseline):
        note = found if isinstance(found, str) else f"{found.label} has no {metric}"
        return Held(chosen, choices, tuple(budgets), note)
    held = [rule for rule in counted if rule.against == chosen]
    allowed = finder.accepted(held, whole=False).get((metric, TOTAL))
    start = max(value, (allowed.value if allowed else None) or 0)
    limits = [_bound(_WORDS[rule.severity], rule.limit(start), metric) for rule in held]
    return Held(chosen, choices, (Bound(found.label, value, "baseline"), *limits, *budgets))


def _bound(words: str, value: int, metric: str) -> Bound:
    kind = "budget" if words == "budget" else "limit"
    return Bound(f"{words} {format_metric(metric, value)}", value, kind)


def _finder(service: Service, line: Series, now: datetime) -> BaselineFinder:
    """Looks back from the newest version."""
    newest = read.resolve(service.engine, f"{line.model}@{line.versions[-1].tag}")
    return BaselineFinder(
        CostReader(service.store),
        line.model,
        line.branch,
        line.point,
        acceptances_in_force(service.settings, service.store, now),
        version=newest,
    )
