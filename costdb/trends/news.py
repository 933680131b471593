"""Which findings are new: the last run that judged the same did not have them."""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from costdb.contracts import Finding
from costdb.trends.verdicts import Question, Verdict, finding_id, question

_BAD = frozenset({Verdict.WARN, Verdict.REGRESSION})


def with_news(
    findings: Sequence[Finding], runs: Iterable[Sequence[Finding]]
) -> tuple[Finding, ...]:
    """Findings that say of themselves whether they are new.

    A finding is known if the last run that judged the same metric, scope and baseline at all found
    the same rule broken. What no run has judged is new.

    Args:
        findings: Of this run.
        runs: What earlier ones found, the last one first; no more of them is read than is needed.
    """
    open_ids = {finding_id(one): question(one) for one in findings if one.verdict in _BAD}
    is_new = dict.fromkeys(open_ids, True)
    for run in runs if open_ids else ():
        judged = questions_judged(run)
        had = {finding_id(one) for one in run if one.verdict in _BAD}
        for identity in [one for one, asked in open_ids.items() if asked in judged]:
            is_new[identity] = identity not in had
            del open_ids[identity]
        if not open_ids:
            break
    return tuple(
        replace(one, is_new=is_new[finding_id(one)]) if one.verdict in _BAD else one
        for one in findings
    )


def questions_judged(run: Iterable[Finding]) -> set[Question]:
    """What a run has an answer to, good or bad."""
    return {question(one) for one in run if one.verdict != Verdict.NOT_JUDGED}
