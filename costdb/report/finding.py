"""How a finding reads, whatever it is written in: its subject, its numbers, and the headline.

Sentences are tuples of words in which every name from outside is a `Name`, so that each renderer
escapes and sets off names in its own way.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from fractions import Fraction
from math import inf

from costdb.contracts import Finding
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Unit
from costdb.report.numbers import (
    UNKNOWN,
    exact,
    format_change,
    format_column,
    format_count,
    percent,
    quantity,
)
from costdb.trends import reasons
from costdb.trends.module_path import EVERYWHERE
from costdb.trends.verdicts import question

# From the worst to the best, as counts of them are told.
VERDICTS = ("regression", "warn", "not-judged", "improved", "ok")

# What one finding of a verdict is called; those of the other verdicts have no noun: "14 ok".
_NOUNS = {"regression": "regression", "warn": "warning"}

# What a reader should care about.
WORSE = frozenset({"regression", "warn"})


class Name(str):
    """A part of a sentence that comes from outside."""

    __slots__ = ()


Sentence = tuple[str, ...]


def subject(finding: Finding) -> str:
    """What was judged: "detector@v3 at b32"."""
    tag = f"@{finding.tag}" if finding.tag else ""
    point = f" at {finding.point}" if finding.point != "default" else ""
    return f"{finding.model}{tag}{point}"


def metric(finding: Finding) -> str:
    """What of it was judged: "macs", "macs of layer:head*"."""
    return reasons.subject(finding.metric, finding.scope)


def suffix(metric_name: str) -> str:
    """The unit that a metric's numbers are written with."""
    return "B" if METRIC_UNITS.get(metric_name) is Unit.BYTES else ""


def numbers(finding: Finding) -> list[str]:
    """Old, new and limit under one prefix; exact where rounding would make two look equal."""
    return format_column([finding.old, finding.new, finding.limit], suffix(finding.metric))


def change(finding: Finding) -> str:
    """By how much it moved: "+33.92 %", or a dash where there is nothing to compare."""
    if finding.old is None or finding.new is None:
        return UNKNOWN
    return format_change(finding.old, finding.new)


def signed(value: int, metric_name: str) -> str:
    """A part of a change: "+1.20 G", "-512 B"."""
    return f"{'+' if value > 0 else ''}{format_count(value, suffix(metric_name))}"


def age(finding: Finding) -> str:
    """Whether the last run had it: ", new", ", as before", or nothing where no one knows."""
    return {True: ", new", False: ", as before", None: ""}[finding.is_new]


def growth(finding: Finding) -> float:
    """The share that was added; infinite from zero. Orders findings by how much they matter."""
    if finding.old is None or finding.new is None or finding.new == finding.old:
        return 0.0
    return float(Fraction(finding.new - finding.old, finding.old)) if finding.old else inf


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """By verdict, then what this version did before what was so already, then by growth."""
    return sorted(
        findings,
        key=lambda found: (
            VERDICTS.index(found.verdict),
            question(found)[-1] != "previous",
            -growth(found),
        ),
    )


def by_change(findings: Sequence[Finding]) -> list[list[Finding]]:
    """Findings of one change together, such as those against different baselines."""
    groups: dict[tuple[object, ...], list[Finding]] = {}
    for finding in findings:
        key = (subject(finding), metric(finding), finding.attribution)
        groups.setdefault(key, []).append(finding)
    return list(groups.values())


def tally(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Each verdict there is, the worst first, and how often: ("regression", "2 regressions")."""
    found = Counter(finding.verdict for finding in findings)
    return [(verdict, _times(found[verdict], verdict)) for verdict in VERDICTS if found[verdict]]


def _times(number: int, verdict: str) -> str:
    noun = _NOUNS.get(verdict)
    return quantity(number, noun) if noun else f"{exact(number)} {verdict}"


def counted(findings: Iterable[Finding]) -> str:
    """How many of each verdict: "2 regressions, 14 ok"."""
    return ", ".join(text for _, text in tally(findings)) or "nothing to judge"


def fact(finding: Finding) -> Sentence:
    """What happened: "macs +33.92 % against previous v2"."""
    what = Name(metric(finding))
    if finding.old is not None and finding.new is not None:
        return (what, f" {change(finding)} against ", Name(finding.baseline))
    if finding.new is not None and finding.limit is not None:
        _, new, limit = numbers(finding)
        return (what, f" {new}, with a budget of {limit}")
    return (what, ": ", Name(finding.reason))


def headline(findings: Sequence[Finding]) -> Sentence:
    """One sentence that says whether anyone should care, and about what first."""
    ordered = worst_first(findings)
    if not ordered:
        return ("Nothing was judged.",)
    if ordered[0].verdict in WORSE:
        return _got_worse(ordered)
    judged = [finding for finding in ordered if finding.verdict != "not-judged"]
    if not judged:
        who, _ = _who(ordered, ordered)
        return (*who, " could not be judged: ", Name(ordered[0].reason), ".")
    return _is_fine(judged, len(ordered))


def _got_worse(ordered: Sequence[Finding]) -> Sentence:
    first = ordered[0]
    who, are_several = _who([f for f in ordered if f.verdict == first.verdict], ordered)
    verb = "cost" if are_several else "costs"
    how = "than the policy allows" if first.verdict == "regression" else "enough for a warning"
    comma = "" if first.verdict == "regression" else ","
    worst: Sentence = ("first of all ", Name(subject(first)), ", ") if are_several else ()
    return (*who, f" {verb} more{comma} {how}: ", *worst, *fact(first), *_cause(first), ".")


def _is_fine(judged: Sequence[Finding], compared: int) -> Sentence:
    who, are_several = _who(judged, judged)
    if are_several:
        who = (f"None of {len({finding.model for finding in judged})} models costs",)
    else:
        who = (*who, " costs no")
    best = min(judged, key=growth)
    gain: Sentence = ()
    if growth(best) < 0:
        whose: Sentence = (Name(subject(best)), " has ") if are_several else ()
        gain = ("; ", *whose, *fact(best))
    unjudged = compared - len(judged)
    rest = f"; {unjudged} of {compared} comparisons could not be made" if unjudged else ""
    return (*who, " more than the policy allows", *gain, rest, ".")


def _who(some: Sequence[Finding], everything: Sequence[Finding]) -> tuple[Sentence, bool]:
    """Whom a sentence is about, and whether that is more than one."""
    subjects = set(map(subject, some))
    if len(subjects) == 1:
        return (Name(*subjects),), False
    models, compared = ({f.model for f in findings} for findings in (some, everything))
    if len(models) == 1:
        return (Name(*models),), False
    return (f"{len(models)} of {len(compared)} models",), True


def _cause(finding: Finding) -> Sentence:
    if not finding.attribution:
        return ()
    part = finding.attribution[0]
    whole = sum(part.change for part in finding.attribution)
    share = "all" if part.change == whole else percent(part.change, whole)
    if part.scope == EVERYWHERE:
        return (f", {share} of it from ", Name(part.text))
    return (f", {share} of it from ", Name(part.scope), " (", Name(part.text), ")")
