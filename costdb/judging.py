"""One version by one policy: by its totals first, and by its layers where those leave it open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costdb.baselines import BaselineFinder, Known
from costdb.contracts import Finding
from costdb.trends.policy import BaselineKey, Policy, PolicyRule
from costdb.trends.verdicts import Baseline, Baselines, Candidate, is_settled, judge

# Operating point -> what to compare with there, or the reason for having nothing.
Against = Callable[[str], Baseline | str]


@dataclass(frozen=True, slots=True)
class Subject:
    """What is judged.

    Attributes:
        model: The model's name.
        tag: The version; empty for what is in no database.
        point: The operating point.
        finder: Where its baselines are.
        read: What it costs, or the reason for not knowing; the argument says whether its layers are
            needed.
    """

    model: str
    tag: str
    point: str
    finder: BaselineFinder
    read: Callable[[bool], Known | str]


def judged(subject: Subject, policy: Policy, against: Against | None = None) -> tuple[Finding, ...]:
    """Every finding of a version.

    Args:
        subject: The version.
        policy: The rules.
        against: What to compare with instead of the policy's baselines.
    """
    rules = policy.rules_for(subject.model, subject.point)
    keys = policy.baselines_for(subject.model, subject.point)
    baselines: Baselines
    if against is not None:
        baselines = dict.fromkeys(keys, against(subject.point)) if keys else {}
    elif any(rule.needs_layers for rule in rules):
        baselines = subject.finder.find(keys, whole=True)
    else:
        return _judged_by_totals_first(subject, policy, rules, keys)
    accepted = subject.finder.accepted(rules, whole=True)
    return judge(_candidate(subject, whole=True), baselines, policy, accepted=accepted)


def _judged_by_totals_first(
    subject: Subject, policy: Policy, rules: Sequence[PolicyRule], keys: Sequence[BaselineKey]
) -> tuple[Finding, ...]:
    """What the totals say; where they say too little, what the layers of those baselines do."""
    baselines = subject.finder.find(keys, whole=False)
    accepted = subject.finder.accepted(rules, whole=False)
    candidate = _candidate(subject, whole=False)
    found = judge(candidate, baselines, policy, accepted=accepted)
    # Layers say what made a change, and which operators were not counted.
    changed = {finding.baseline for finding in found if not is_settled(finding)}
    is_bound = _is_lower_bound(candidate) or any(map(_is_lower_bound, baselines.values()))
    opened = [key for key in keys if is_bound or _label(baselines[key]) in changed]
    if not opened and not is_bound:
        return found
    baselines |= subject.finder.find(opened, whole=True)
    return judge(_candidate(subject, whole=True), baselines, policy, accepted=accepted)


def _candidate(subject: Subject, *, whole: bool) -> Candidate:
    known = subject.read(whole)
    named = subject.model, subject.tag, subject.point
    return Candidate(*named, known) if isinstance(known, str) else Candidate(*named, *known)


def _label(baseline: Baseline | str) -> str | None:
    return baseline.label if isinstance(baseline, Baseline) else None


def _is_lower_bound(compared: Candidate | Baseline | str) -> bool:
    """Whether layers were not counted; False for what is not known at all."""
    cost = compared if isinstance(compared, str) else compared.cost
    return not isinstance(cost, str) and bool(cost.totals.unknown_layers)
