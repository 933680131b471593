"""What the last kept checks found, and accepting it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import RedirectResponse, Response

from costdb import accepting
from costdb.contracts import Finding
from costdb.errors import NotInDatabase, UsageError, VersionConflict
from costdb.in_force import acceptances_in_force
from costdb.report.finding import (
    VERDICTS,
    WORSE,
    by_change,
    change,
    metric,
    numbers,
    subject,
    tally,
    worst_first,
)
from costdb.report.html.check import judgement
from costdb.report.html.parts import bars
from costdb.server import judging
from costdb.server.access import Administrator, Reader, Visitor
from costdb.server.pages import links
from costdb.server.pages.rendering import page
from costdb.server.service import Service, Serving
from costdb.store import browsing
from costdb.store.records import CheckRun, TokenScope
from costdb.trends.acceptance import Acceptance, AcceptanceKey
from costdb.trends.policy_rule import AGAINST
from costdb.trends.verdicts import Verdict, finding_id

router = APIRouter()

_SHOWN = 50
_PARTS_SHOWN = 5

# What the names of a policy's baselines begin with, and a version's tag ends.
_KINDS = frozenset(name.partition(":")[0] for name in AGAINST)

# The worst verdict of a run says which verdicts it may hold.
_WORST_FIRST = tuple(verdict.value for verdict in Verdict)


class Shown(StrEnum):
    """Which findings are listed."""

    WORSE = "worse"  # what a reader should care about
    REGRESSION = "regression"
    WARN = "warn"
    NOT_JUDGED = "not-judged"
    IMPROVED = "improved"
    OK = "ok"
    ALL = "all"

    @property
    def verdicts(self) -> frozenset[str]:
        """The verdicts that it stands for."""
        if self is Shown.WORSE:
            return WORSE
        return frozenset(VERDICTS if self is Shown.ALL else (self.value,))


@dataclass(frozen=True, slots=True)
class State:
    """What is listed: every state of the page is an address."""

    verdict: Shown
    model: str
    number: int

    def to(self, **changes: object) -> str:
        """The address of this state, or of one that differs."""
        verdict = "" if self.verdict is Shown.WORSE else self.verdict.value
        number = self.number if self.number > 1 else ""
        query = {"verdict": verdict, "model": self.model, "number": number}
        return links.findings(**(query | changes))


@router.get("/findings")
def findings(
    *,
    request: Request,
    service: Serving,
    visitor: Reader,
    verdict: Shown = Shown.WORSE,
    model: str = "",
    number: int = 1,
) -> Response:
    """What is wrong first; what was accepted since comes last."""
    if model:
        visitor.require(TokenScope.READ, model)
    accepted = acceptances_in_force(service.settings, service.store, datetime.now(UTC))
    runs = _runs(service, visitor, verdict, model)
    found = [one for run in runs for one in run.findings if one.verdict in verdict.verdicts]
    # Sorting keeps the order of equals, so each half is by how much it matters.
    ordered = sorted(
        by_change(worst_first(found)), key=lambda same: _acceptance(same[0], accepted) is not None
    )
    checked = {id(one): run.created_at for run in runs for one in run.findings}
    start = (max(number, 1) - 1) * _SHOWN
    shown = ordered[start : start + _SHOWN]
    return page(
        request,
        visitor,
        "findings.html",
        state=State(verdict, model, max(number, 1)),
        verdicts=list(Shown),
        counted=tally(found),
        changes=[
            _described(same, accepted, visitor) | {"checked_at": checked[id(same[0])]}
            for same in shown
        ],
        has_more=len(ordered) > start + _SHOWN,
    )


@router.post("/findings/accept")
def accept(
    *,
    service: Serving,
    visitor: Administrator,
    finding: Annotated[str, Form()] = "",
    tag: Annotated[str, Form()] = "",
    reason: Annotated[str, Form()] = "",
    then: Annotated[str, Form()] = "/findings",
) -> Response:
    """Let what a finding is about be so from now on, and lead back."""
    found = _known(service, finding, tag)
    visitor.require(TokenScope.ADMIN, found.model)
    if not reason.strip():
        raise UsageError("the reason is empty", hint="go back and say why it may be so")
    request = accepting.Request(
        version=f"{found.model}@{found.tag}",
        metrics=[found.metric],
        scope=found.scope,
        point=found.point,
        reason=reason.strip(),
        author=visitor.name,
        expires_at=None,
        policy=None,
        in_file=False,
        now=datetime.now(UTC),
    )
    judging.accept(
        service, visitor, request, record=lambda _connection, made: _check_seen(found, made)
    )
    return RedirectResponse(then if links.is_inside(then) else "/findings", 303)


def _check_seen(found: Finding, made: accepting.Accepted) -> None:
    """See that a version costs no more than its finding says. Raises VersionConflict.

    It does if it was replaced, or counted by other rules, since it was judged.
    """
    if any(one.value is not None and one.value > (found.new or 0) for one in made.acceptances):
        raise VersionConflict(
            f"{made.version} costs more by now than the last check found",
            hint=f"costdb check {found.model}, then look at the findings again",
        )


def _runs(service: Service, visitor: Visitor, shown: Shown, model: str) -> list[CheckRun]:
    """The runs that may hold what is shown, of models that the visitor may read."""
    last = max(map(_WORST_FIRST.index, shown.verdicts))
    runs = browsing.last_runs(service.engine, verdicts=_WORST_FIRST[: last + 1])
    readable = judging.readable(service, visitor, runs)
    return [run for run in readable if model in {"", judging.judged_model(run)}]


def _known(service: Service, identity: str, tag: str) -> Finding:
    """A finding of a version by its identity. Raises NotInDatabase."""
    for run in browsing.last_runs(service.engine, verdicts=WORSE):
        for finding in run.findings:
            if finding.tag == tag and finding_id(finding) == identity:
                return finding
    raise NotInDatabase(
        "no last check has this finding any more", hint="look at the findings again"
    )


def _acceptance(
    finding: Finding, accepted: Mapping[AcceptanceKey, Acceptance]
) -> Acceptance | None:
    """What lets a finding be, made after it was found."""
    key = AcceptanceKey(finding.model, finding.point, finding.metric, finding.scope)
    one = accepted.get(key)
    if one is None or finding.verdict not in WORSE:
        return None
    if finding.new is None:
        return one if one.tag == finding.tag else None
    return one if one.value is not None and finding.new <= one.value else None


def _described(
    same: Sequence[Finding], accepted: Mapping[AcceptanceKey, Acceptance], visitor: Visitor
) -> dict[str, Any]:
    """One change; the worst finding of it leads."""
    finding = same[0]
    old, new, _ = numbers(finding)
    parts, smaller = bars(finding.metric, finding.attribution, _PARTS_SHOWN)
    acceptance = _acceptance(finding, accepted)
    is_open = finding.verdict in WORSE and acceptance is None and bool(finding.tag)
    return {
        "finding": finding,
        "id": finding_id(finding),
        "subject": subject(finding),
        "metric": metric(finding),
        "old": old if finding.old is not None else "",
        "new": new,
        "change": change(finding) if finding.old is not None else "",
        "parts": parts,
        "smaller": smaller,
        "judgements": list(map(judgement, same)),
        "link": links.version(finding.model, finding.tag, point=finding.point)
        if finding.tag
        else "",
        "history": links.model(finding.model, metric=_shown_metric(finding), point=finding.point),
        "diff": _diff(finding),
        "acceptance": acceptance,
        "may_accept": is_open and visitor.may(TokenScope.ADMIN, finding.model),
    }


def _shown_metric(finding: Finding) -> str:
    """The metric, unless a structural rule looked at something that is none."""
    return "" if finding.new is None else finding.metric


def _diff(finding: Finding) -> str:
    """Where the finding's version is compared with its baseline; empty if that is no version."""
    kind, _, tag = finding.baseline.rpartition(" ")
    # `check --against` names a version whole, or a file.
    old = f"{finding.model}@{tag}" if kind.partition(" ")[0] in _KINDS else finding.baseline
    if finding.old is None or not finding.tag or "@" not in old:
        return ""
    new = f"{finding.model}@{finding.tag}"
    return links.diff(old, new, metric=finding.metric, point=finding.point)
