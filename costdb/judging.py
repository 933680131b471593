"""One version by one policy: by its totals first, and by its layers where those leave it open."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from costdb.baselines import BaselineFinder, Known
from costdb.contracts import Finding
from costdb.trends.policy import BaselineKey, Policy, PolicyRule
from costdb.trends.verdicts import Baseline, Candidate, is_settled, judge

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
    if against is None and not any(rule.needs_layers for rule in rules):
        found, is_lower_bound = _look(subject, policy, rules, None, whole=False)
        # Layers say what made a change, and which operators were not counted.
        if is_settled(found) and not is_lower_bound:
            return found
    return _look(subject, policy, rules, against, whole=True)[0]


def _look(
    subject: Subject,
    policy: Policy,
    rules: Sequence[PolicyRule],
    against: Against | None,
    *,
    whole: bool,
) -> tuple[tuple[Finding, ...], bool]:
    """The findings, and whether a number in them is a lower bound."""
    keys = policy.baselines_for(subject.model, subject.point)
    baselines: dict[BaselineKey, Baseline | str]
    if against is None:
        baselines = subject.finder.find(keys, whole=whole)
    else:
        baselines = dict.fromkeys(keys, against(subject.point)) if keys else {}
    known = subject.read(whole)
    candidate = (
        Candidate(subject.model, subject.tag, subject.point, known)
        if isinstance(known, str)
        else Candidate(subject.model, subject.tag, subject.point, *known)
    )
    accepted = subject.finder.accepted(rules, whole=whole)
    compared = [known, *baselines.values()]
    is_lower_bound = any(
        bool(entry.cost.totals.unknown_layers) for entry in compared if not isinstance(entry, str)
    )
    return judge(candidate, baselines, policy, accepted=accepted), is_lower_bound
