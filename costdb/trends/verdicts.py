"""Did it get worse? Judges what a version costs by a policy.

Costs are exact integers and are compared exactly. Of every metric, more is worse.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import chain
from typing import NamedTuple

from costdb.contracts import Attribution, Finding
from costdb.cost.result import GraphCost
from costdb.trends import reasons
from costdb.trends.alignment import Alignment, align
from costdb.trends.attribution import attribute, summary
from costdb.trends.policy import BaselineKey, Policy, PolicyRule, Severity
from costdb.trends.scopes import TOTAL, amount

# Labels of baselines that end with a version's tag, and how many words come before it. The tag is
# no part of what a finding is about: it is another one from run to run.
_WORDS_BEFORE_TAG = {"previous": 1, "anchor": 1, "best": 1, "alias": 2}


class Verdict(StrEnum):
    """What a finding says, the worst first."""

    REGRESSION = "regression"
    WARN = "warn"
    NOT_JUDGED = "not-judged"
    OK = "ok"
    IMPROVED = "improved"


_VERDICT_OF = {Severity.FAIL: Verdict.REGRESSION, Severity.WARN: Verdict.WARN}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is judged.

    Attributes:
        model: The model's name.
        tag: The version; empty for a file that is in no database.
        point: The operating point.
        cost: What it costs.
    """

    model: str
    tag: str
    point: str
    cost: GraphCost

    @property
    def label(self) -> str:
        """How a sentence calls it."""
        return self.tag or self.model


class Baseline(NamedTuple):
    """What a version is compared with.

    Attributes:
        label: "previous v2", "anchor v1", "best v3", "alias prod v2", "tag v1.0", a file's name.
        cost: What it costs.
    """

    label: str
    cost: GraphCost


# For all that `Policy.baselines_for` asks for: a baseline, or the reason for having none.
Baselines = Mapping[BaselineKey, Baseline | str]

# Values that someone accepted, by metric and scope.
Accepted = Mapping[tuple[str, str], int]


def judge(
    new: Candidate, baselines: Baselines, policy: Policy, *, accepted: Accepted | None = None
) -> tuple[Finding, ...]:
    """Judge a version by every rule that is for its model.

    Rules for one metric and scope whose baselines turn out to be one make one finding, by the worst
    verdict. It names the rule that decided; if none was broken, the one with the lowest limit.

    Args:
        new: The version.
        baselines: What it is compared with.
        policy: The rules.
        accepted: Values that a metric may reach in any case; what is allowed counts from them where
            the baseline is lower.

    Returns:
        A finding for each metric, scope and baseline, in the order of the rules.
    """
    judgement = _Judgement(new, accepted or {})
    groups: dict[tuple[str, str, str], tuple[Baseline | str | None, list[PolicyRule]]] = {}
    for rule in policy.rules_for(new.model):
        baseline = None if rule.budget is not None else baselines[_key(rule)]
        group = (rule.metric, rule.scope, _label(rule, baseline))
        groups.setdefault(group, (baseline, []))[1].append(rule)
    return tuple(judgement.finding(rules, baseline) for baseline, rules in groups.values())


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst of all verdicts; "not-judged" if there are none."""
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in Verdict if verdict in verdicts), Verdict.NOT_JUDGED)


def finding_id(finding: Finding) -> str:
    """What a finding is about, whatever version it was found in: 12 hexadecimal digits."""
    words = finding.baseline.split(" ")
    kind = " ".join(words[: _WORDS_BEFORE_TAG.get(words[0])])
    parts = (finding.model, finding.point, finding.metric, finding.scope, finding.rule, kind)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


def _key(rule: PolicyRule) -> BaselineKey:
    return BaselineKey(rule.against, rule.metric, rule.scope)


def _label(rule: PolicyRule, baseline: Baseline | str | None) -> str:
    """What a finding calls its baseline; empty for a budget."""
    if isinstance(baseline, Baseline):
        return baseline.label
    return "" if baseline is None else rule.against.replace(":", " ")


class _Decision(NamedTuple):
    """The rule that a value is judged by, the largest value that it lets pass, and its verdict.

    The verdict is None for a value that all rules let pass.
    """

    rule: PolicyRule
    limit: int
    verdict: Verdict | None


class _Judgement:
    """Of one version. Rules that are judged together are for one metric, scope and baseline."""

    def __init__(self, new: Candidate, accepted: Accepted) -> None:
        self.new = new
        self.accepted = accepted
        self.alignments: dict[str, Alignment] = {}

    def finding(self, rules: Sequence[PolicyRule], baseline: Baseline | str | None) -> Finding:
        """What the rules say; budgets have no baseline."""
        if baseline is None:
            return self._of_budgets(rules)
        if isinstance(baseline, str):
            return self._not_judged(rules, baseline, label=_label(rules[0], baseline))
        return self._of_increases(rules, baseline)

    def _of_budgets(self, rules: Sequence[PolicyRule]) -> Finding:
        metric, scope = rules[0].metric, rules[0].scope
        new = amount(self.new.cost, metric, scope)
        gap = reasons.gap(self.new.label, self.new.cost, metric, scope)
        if new is None or gap:
            return self._not_judged(rules, gap)
        decision = self._decide(rules, 0, new)
        over = new - decision.limit
        bound = f"over the budget of {decision.limit:,} by {over:,}"
        if over <= 0:
            bound = f"within the budget of {decision.limit:,}"
        text = f"{reasons.subject(metric, scope)} {new:,}, {bound}"
        return self._finding(
            decision.rule,
            "over-budget" if over > 0 else "within-budget",
            decision.verdict or Verdict.OK,
            _sentence(text, reasons.lower_bounds(self.new.label, self.new.cost, metric, scope)),
            new=new,
            limit=decision.limit,
        )

    def _of_increases(self, rules: Sequence[PolicyRule], baseline: Baseline) -> Finding:
        metric, scope = rules[0].metric, rules[0].scope
        old, new = amount(baseline.cost, metric, scope), amount(self.new.cost, metric, scope)
        obstacle = self._obstacle(baseline, metric, scope)
        if old is None or new is None or obstacle:
            return self._not_judged(rules, obstacle, label=baseline.label)
        decision = self._decide(rules, old, new)
        verdict = decision.verdict or (Verdict.IMPROVED if new < old else Verdict.OK)
        attribution = () if verdict is Verdict.OK else self._attribution(baseline, metric, scope)
        return self._finding(
            decision.rule,
            _happened(old, new),
            verdict,
            self._reason(decision, baseline, old, new, attribution),
            old=old,
            new=new,
            limit=decision.limit,
            label=baseline.label,
            attribution=attribution,
        )

    def _obstacle(self, baseline: Baseline, metric: str, scope: str) -> str:
        """Why the version cannot be compared with its baseline; empty if it can."""
        problems = [
            *reasons.obstacles(baseline.label, baseline.cost, self.new.label, self.new.cost),
            reasons.gap(self.new.label, self.new.cost, metric, scope),
            # A part of the model that only the version has is new: its baseline is zero.
            reasons.gap(baseline.label, baseline.cost, metric, TOTAL),
        ]
        return next(filter(None, problems), "")

    def _decide(self, rules: Sequence[PolicyRule], old: int, new: int) -> _Decision:
        accepted = self.accepted.get((rules[0].metric, rules[0].scope), 0)
        limits = [(rule, max(rule.limit(max(old, accepted)), accepted)) for rule in rules]
        broken = [(rule, limit) for rule, limit in limits if new > limit]
        if broken:
            rule, limit = min(broken, key=lambda pair: (not _fails(pair[0]), pair[1]))
            return _Decision(rule, limit, _VERDICT_OF[rule.severity])
        rule, limit = min(limits, key=lambda pair: (pair[1], not _fails(pair[0])))
        return _Decision(rule, limit, None)

    def _attribution(self, baseline: Baseline, metric: str, scope: str) -> tuple[Attribution, ...]:
        old, new = baseline.cost, self.new.cost
        # Several rules have one baseline, and finding out which layer is which takes time.
        if baseline.label not in self.alignments:
            self.alignments[baseline.label] = align(old.layers, new.layers)
        alignment = self.alignments[baseline.label]
        return attribute(old, new, metric, scope=scope, alignment=alignment)

    def _reason(
        self,
        decision: _Decision,
        baseline: Baseline,
        old: int,
        new: int,
        attribution: Sequence[Attribution],
    ) -> str:
        metric, scope = decision.rule.metric, decision.rule.scope
        text = f"{reasons.subject(metric, scope)} {reasons.change(old, new)}"
        text += f" against {baseline.label}"
        if decision.verdict is not None:
            text += f", limit {decision.limit:,}"
        elif old < new <= self.accepted.get((metric, scope), 0):
            text += f", accepted up to {self.accepted[metric, scope]:,}"
        if attribution:
            text += f": {summary(attribution, new - old)}"
        return _sentence(
            text,
            reasons.lower_bounds(baseline.label, baseline.cost, metric, scope),
            reasons.lower_bounds(self.new.label, self.new.cost, metric, scope),
        )

    def _not_judged(self, rules: Sequence[PolicyRule], reason: str, *, label: str = "") -> Finding:
        gravest = min(rules, key=lambda rule: not _fails(rule))
        return self._finding(gravest, "not-judged", Verdict.NOT_JUDGED, reason, label=label)

    def _finding(
        self,
        rule: PolicyRule,
        happened: str,
        verdict: Verdict,
        reason: str,
        *,
        old: int | None = None,
        new: int | None = None,
        limit: int | None = None,
        label: str = "",
        attribution: tuple[Attribution, ...] = (),
    ) -> Finding:
        return Finding(
            kind=f"{rule.metric.replace('_', '-')}-{happened}",
            model=self.new.model,
            tag=self.new.tag,
            point=self.new.point,
            metric=rule.metric,
            scope=rule.scope,
            verdict=verdict,
            reason=reason,
            old=old,
            new=new,
            limit=limit,
            rule=rule.name,
            baseline=label,
            attribution=attribution,
        )


def _fails(rule: PolicyRule) -> bool:
    return rule.severity is Severity.FAIL


def _happened(old: int, new: int) -> str:
    if new == old:
        return "unchanged"
    return "increased" if new > old else "decreased"


def _sentence(text: str, *caveats: Iterable[str]) -> str:
    return "; ".join([text, *chain.from_iterable(caveats)])
