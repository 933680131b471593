"""Which rules hold, and why, as listings and as JSON, `costdb.policy/1`."""

from typing import Any

from costdb.in_force import PolicyInForce
from costdb.report.listing import Column, Listing
from costdb.trends.policy import PolicyRule, Ruling
from costdb.trends.policy_rule import ANY
from costdb.trends.scopes import TOTAL

_EVERYTHING = {ANY: "every"}


def policy_listing(found: PolicyInForce) -> Listing:
    """A row for each rule of the policy, or for each that holds for the model."""
    return _rulings(found) if found.model else _rules(found)


def policy_document(found: PolicyInForce) -> dict[str, Any]:
    """The same as JSON; without a model, nothing is said of what beats what."""
    document: dict[str, Any] = {
        "schema": "costdb.policy/1",
        "origin": found.policy.origin,
        "source": found.source,
    }
    if not found.model:
        return {**document, "rules": [_rule(rule) for rule in found.policy.rules]}
    return {
        **document,
        "model": found.model,
        "point": found.point,
        "rules": [
            {
                **_rule(ruling.rule),
                "reason": ruling.reason,
                "beaten": [_rule(beaten) for beaten in ruling.beaten],
            }
            for ruling in found.rulings
        ],
    }


def _rules(found: PolicyInForce) -> Listing:
    return Listing(
        tuple(map(Column, ("line", "model", "point", *_SHARED, "rule"))),
        [
            (str(rule.line), _any(rule.model), _any(rule.point), *_shared(rule), rule.name)
            for rule in found.policy.rules
        ],
        title=f"the policy of {found.policy.origin}, {found.source}",
        footer=("costdb check --explain-policy MODEL says which of them hold for a model",),
    )


def _rulings(found: PolicyInForce) -> Listing:
    at = f" at {found.point}" if found.point != "default" else ""
    footer = () if found.rulings else (f"no rule is for {found.model}{at}: nothing is judged",)
    return Listing(
        tuple(map(Column, (*_SHARED, "rule", "line", "because", "instead of"))),
        [
            (
                *_shared(ruling.rule),
                ruling.rule.name,
                str(ruling.rule.line),
                ruling.reason,
                _beaten(ruling),
            )
            for ruling in found.rulings
        ],
        title=f"{found.model}{at} by the policy of {found.policy.origin}, {found.source}",
        footer=footer,
    )


_SHARED = ("metric", "scope", "against", "allows", "severity")


def _shared(rule: PolicyRule) -> tuple[str | None, ...]:
    against = None if rule.budget is not None else rule.against
    return _any(rule.metric), rule.scope, against, _allows(rule), rule.severity.value


def _any(glob: str) -> str:
    return _EVERYTHING.get(glob, glob)


def _allows(rule: PolicyRule) -> str:
    """What a rule lets pass, in exact numbers."""
    if rule.structural is not None:
        return "none" if rule.scope == TOTAL else "none there"
    if rule.budget is not None:
        return f"up to {rule.budget:,}"
    share, amount = rule.max_increase.share, rule.max_increase.amount
    parts = [f"+{float(share * 100):g} %"] if share else []
    if amount or not parts:
        parts.append(f"+{amount:,}")
    return " or ".join(parts)


def _beaten(ruling: Ruling) -> str:
    return "; ".join(f"{rule.name} (line {rule.line})" for rule in ruling.beaten)


def _rule(rule: PolicyRule) -> dict[str, Any]:
    is_bound = rule.structural is None and rule.budget is None
    return {
        "name": rule.name,
        "line": rule.line,
        "model": rule.model,
        "point": rule.point,
        "metric": rule.metric,
        "scope": rule.scope,
        "max_increase": (
            {
                "percent": float(rule.max_increase.share * 100),
                "amount": rule.max_increase.amount,
            }
            if is_bound
            else None
        ),
        "budget": rule.budget,
        "structural": rule.structural.value if rule.structural else None,
        "against": None if rule.budget is not None else rule.against,
        "severity": rule.severity.value,
    }
