"""Did it get worse? Judges what a version costs by a policy.

Costs are exact integers and are compared exactly. Of every metric, more is worse.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from costdb.contracts import Attribution, Finding
from costdb.cost.result import GraphCost
from costdb.ir import Tensor
from costdb.trends import reasons
from costdb.trends.alignment import align
from costdb.trends.attribution import Comparison, attribute, summary
from costdb.trends.policy import BaselineKey, Policy, PolicyRule, Severity, Structural
from costdb.trends.scopes import TOTAL, amount
from costdb.trends.structure import violations

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

_SAID_OF = {
    Structural.NEW_UNKNOWN_OPS: "operators that no rule counts are new",
    Structural.DTYPE_CHANGED: "layers compute in other types",
}


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is judged.

    Attributes:
        model: The model's name.
        tag: The version; empty for a file that is in no database.
        point: The operating point.
        cost: What it costs, or the reason for not knowing. Its layers may be left out as long as no
            rule needs them; see `is_settled`.
        inputs: What it is fed, as far as that is known.
    """

    model: str
    tag: str
    point: str
    cost: GraphCost | str
    inputs: tuple[Tensor, ...] = ()

    @property
    def label(self) -> str:
        """How a sentence calls it."""
        return self.tag or self.model


class Baseline(NamedTuple):
    """What a version is compared with.

    Attributes:
        label: "previous v2", "anchor v1", "best v3", "alias prod v2", "tag v1.0", a file's name.
        cost: What it costs.
        inputs: What it is fed, as far as that is known.
    """

    label: str
    cost: GraphCost
    inputs: tuple[Tensor, ...] = ()


# For all that `Policy.baselines_for` asks for: a baseline, or the reason for having none.
Baselines = Mapping[BaselineKey, Baseline | str]


class Allowance(NamedTuple):
    """What someone accepted of a metric and scope.

    Attributes:
        value: What the metric may reach in any case; None for a structural rule.
        version: The version that was accepted, for structural rules: what it had, others may have.
    """

    value: int | None
    version: Baseline | None = None


_NOTHING = Allowance(None)

# By metric and scope.
Accepted = Mapping[tuple[str, str], Allowance]


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
        accepted: What was accepted. What is allowed counts from the accepted value where the
            baseline is lower.

    Returns:
        A finding for each metric, scope and baseline, in the order of the rules.
    """
    groups: dict[tuple[str, str, str], tuple[Baseline | str | None, list[PolicyRule]]] = {}
    for rule in policy.rules_for(new.model, new.point):
        baseline = None if rule.budget is not None else baselines[_key(rule)]
        group = (rule.metric, rule.scope, _label(rule, baseline))
        groups.setdefault(group, (baseline, []))[1].append(rule)
    if isinstance(new.cost, str):
        return tuple(
            _not_judged(new, rules, new.cost, label=label)
            for (_, _, label), (_, rules) in groups.items()
        )
    judgement = _Judgement(new, new.cost, accepted or {})
    return tuple(judgement.finding(rules, baseline) for baseline, rules in groups.values())


def is_settled(finding: Finding) -> bool:
    """Whether a finding says all that there is to say without a look at the layers.

    Only what has changed for better or worse is explained by layers.
    """
    return finding.verdict in {Verdict.OK, Verdict.NOT_JUDGED}


def worst(findings: Iterable[Finding]) -> Verdict:
    """The worst of all verdicts; "not-judged" if there are none."""
    verdicts = {finding.verdict for finding in findings}
    return next((verdict for verdict in Verdict if verdict in verdicts), Verdict.NOT_JUDGED)


def finding_id(finding: Finding) -> str:
    """What a finding is about, whatever version it was found in: 12 hexadecimal digits."""
    model, point, metric, scope, kind = question(finding)
    parts = (model, point, metric, scope, finding.rule, kind)
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:12]


# Model, operating point, metric, scope and the kind of baseline.
Question = tuple[str, str, str, str, str]


def question(finding: Finding) -> Question:
    """What a finding answers, whatever version was judged and whichever rule decided.

    Returns:
        Model, operating point, metric, scope and the kind of baseline.
    """
    words = finding.baseline.split(" ")
    kind = " ".join(words[: _WORDS_BEFORE_TAG.get(words[0])])
    return finding.model, finding.point, finding.metric, finding.scope, kind


def _key(rule: PolicyRule) -> BaselineKey:
    return BaselineKey(rule.against, rule.metric, rule.scope)


def _label(rule: PolicyRule, baseline: Baseline | str | None) -> str:
    """What a finding calls its baseline; empty for a budget."""
    if isinstance(baseline, Baseline):
        return baseline.label
    return "" if baseline is None else rule.against.replace(":", " ", 1)


class _Decision(NamedTuple):
    """The rule that a value is judged by, the largest value that it lets pass, and its verdict.

    The verdict is None for a value that all rules let pass.
    """

    rule: PolicyRule
    limit: int
    verdict: Verdict | None


class _Judgement:
    """Of one version. Rules that are judged together are for one metric, scope and baseline."""

    def __init__(self, new: Candidate, cost: GraphCost, accepted: Accepted) -> None:
        self.new = new
        self.cost = cost
        self.accepted = accepted
        self.comparisons: dict[int, Comparison] = {}
        self.attributions: dict[tuple[int, str, str], tuple[Attribution, ...]] = {}

    def finding(self, rules: Sequence[PolicyRule], baseline: Baseline | str | None) -> Finding:
        """What the rules say; budgets have no baseline."""
        if baseline is None:
            return self._of_budgets(rules)
        if isinstance(baseline, str):
            return _not_judged(self.new, rules, baseline, label=_label(rules[0], baseline))
        if rules[0].structural is not None:
            return self._of_structure(rules, rules[0].structural, baseline)
        return self._of_increases(rules, baseline)

    def _of_budgets(self, rules: Sequence[PolicyRule]) -> Finding:
        metric, scope = rules[0].metric, rules[0].scope
        new = amount(self.cost, metric, scope)
        gap = reasons.gap(self.new.label, self.cost, metric, scope)
        if new is None or gap:
            return _not_judged(self.new, rules, gap)
        decision = self._decide(rules, 0, new)
        caveats = tuple(reasons.lower_bounds(self.new.label, self.cost, metric, scope))
        if caveats and decision.verdict is None:
            return _not_judged(self.new, rules, _sentence(*caveats))
        over = new - decision.limit
        bound = f"over the budget of {decision.limit:,} by {over:,}"
        if over <= 0:
            bound = f"within the budget of {decision.limit:,}"
        text = f"{reasons.subject(metric, scope)} {new:,}, {bound}"
        return _finding(
            self.new,
            decision.rule,
            "over-budget" if over > 0 else "within-budget",
            decision.verdict or Verdict.OK,
            _sentence(text, *caveats),
            new=new,
            limit=decision.limit,
        )

    def _of_increases(self, rules: Sequence[PolicyRule], baseline: Baseline) -> Finding:
        metric, scope = rules[0].metric, rules[0].scope
        old, new = amount(baseline.cost, metric, scope), amount(self.cost, metric, scope)
        obstacle = self._obstacle(baseline, metric, scope)
        if old is None or new is None or obstacle:
            return _not_judged(self.new, rules, obstacle, label=baseline.label)
        decision = self._decide(rules, old, new)
        caveats = self._lower_bounds(baseline, metric, scope)
        if caveats and not self._is_certain(decision, baseline):
            return _not_judged(self.new, rules, _sentence(*caveats), label=baseline.label)
        verdict = decision.verdict or (Verdict.IMPROVED if new < old else Verdict.OK)
        attribution = () if verdict is Verdict.OK else self._attribution(baseline, metric, scope)
        return _finding(
            self.new,
            decision.rule,
            _happened(old, new),
            verdict,
            _sentence(self._reason(decision, baseline, old, new, attribution), *caveats),
            old=old,
            new=new,
            limit=decision.limit,
            label=baseline.label,
            attribution=attribution,
        )

    def _of_structure(
        self, rules: Sequence[PolicyRule], kind: Structural, baseline: Baseline
    ) -> Finding:
        """What a structural rule says; of several, that of the gravest."""
        gravest = min(rules, key=lambda rule: not _fails(rule))
        metric, scope = gravest.metric, gravest.scope
        # What a structural rule looks at has no total, but where layers are, there are MACs.
        obstacle = self._obstacle(baseline, "macs", scope)
        if obstacle:
            return _not_judged(self.new, rules, obstacle, label=baseline.label)
        alignment = self._comparison(baseline).alignment
        found = violations(kind, baseline.cost, self.cost, scope, alignment)
        text = f"{reasons.subject(metric, scope)} unchanged against {baseline.label}"
        verdict = Verdict.OK
        if found:
            text = f"{_SAID_OF[kind]} against {baseline.label}: {', '.join(found)}"
            text = text if scope == TOTAL else f"in {scope}, {text}"
            verdict = _VERDICT_OF[gravest.severity]
        accepted = self.accepted.get((metric, scope), _NOTHING).version
        if found and accepted is not None:
            alignment = self._comparison(accepted).alignment
            if not violations(kind, accepted.cost, self.cost, scope, alignment):
                text, verdict = f"{text}; accepted with {accepted.label}", Verdict.OK
        return _finding(
            self.new,
            gravest,
            "changed" if found else "unchanged",
            verdict,
            text,
            label=baseline.label,
        )

    def _obstacle(self, baseline: Baseline, metric: str, scope: str) -> str:
        """Why the version cannot be compared with its baseline; empty if it can."""
        problems = [
            *reasons.obstacles(baseline.label, baseline.cost, self.new.label, self.cost),
            reasons.removal(baseline.label, baseline.cost, self.new.label, self.cost, scope),
            reasons.gap(self.new.label, self.cost, metric, scope),
            # A part of the model that only the version has is new: its baseline is zero.
            reasons.gap(baseline.label, baseline.cost, metric, TOTAL),
        ]
        return next(filter(None, problems), "")

    def _decide(self, rules: Sequence[PolicyRule], old: int, new: int) -> _Decision:
        accepted = self._accepted_value(rules[0].metric, rules[0].scope)
        limits = [(rule, max(rule.limit(max(old, accepted)), accepted)) for rule in rules]
        broken = [(rule, limit) for rule, limit in limits if new > limit]
        if broken:
            rule, limit = min(broken, key=lambda pair: (not _fails(pair[0]), pair[1]))
            return _Decision(rule, limit, _VERDICT_OF[rule.severity])
        rule, limit = min(limits, key=lambda pair: (pair[1], not _fails(pair[0])))
        return _Decision(rule, limit, None)

    def _lower_bounds(self, baseline: Baseline, metric: str, scope: str) -> tuple[str, ...]:
        """Which numbers are too low, since layers were not counted."""
        return (
            *reasons.lower_bounds(baseline.label, baseline.cost, metric, scope),
            *reasons.lower_bounds(self.new.label, self.cost, metric, scope),
        )

    def _is_certain(self, decision: _Decision, baseline: Baseline) -> bool:
        """Whether a verdict holds although layers were not counted."""
        metric, scope = decision.rule.metric, decision.rule.scope
        if reasons.leave_out_the_same(baseline.cost, self.cost, metric, scope):
            return True
        # What is too much without these layers is too much with them.
        is_exact = not reasons.uncounted(baseline.cost, metric, scope)
        return is_exact and decision.verdict is not None

    def _accepted_value(self, metric: str, scope: str) -> int:
        return self.accepted.get((metric, scope), _NOTHING).value or 0

    def _comparison(self, baseline: Baseline) -> Comparison:
        # Finding out which layer is which takes time. Several rules have one baseline, and several
        # baselines often one cost: that of a version and of those that were trained again.
        key = id(baseline.cost)
        if key not in self.comparisons:
            alignment = align(baseline.cost.layers, self.cost.layers)
            self.comparisons[key] = Comparison(alignment, baseline.cost.view)
        return self.comparisons[key]

    def _attribution(self, baseline: Baseline, metric: str, scope: str) -> tuple[Attribution, ...]:
        key = id(baseline.cost), metric, scope
        if key not in self.attributions:
            self.attributions[key] = attribute(
                baseline.cost,
                self.cost,
                metric,
                scope=scope,
                comparison=self._comparison(baseline),
            )
        return self.attributions[key]

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
        elif old < new <= self._accepted_value(metric, scope):
            text += f", accepted up to {self._accepted_value(metric, scope):,}"
        if attribution:
            text += f": {summary(attribution, new - old)}"
            text = _sentence(text, *reasons.resized_inputs(baseline.inputs, self.new.inputs))
        return text


def _not_judged(
    new: Candidate, rules: Sequence[PolicyRule], reason: str, *, label: str = ""
) -> Finding:
    gravest = min(rules, key=lambda rule: not _fails(rule))
    return _finding(new, gravest, "not-judged", Verdict.NOT_JUDGED, reason, label=label)


def _finding(
    judged: Candidate,
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
        model=judged.model,
        tag=judged.tag,
        point=judged.point,
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


def _sentence(*parts: str) -> str:
    return "; ".join(parts)
