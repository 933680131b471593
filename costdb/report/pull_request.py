"""The findings of a check as a comment on a pull request: what moved first, the rest folded.

GitHub takes 65,536 characters. What does not fit is left out and counted, the least important
first; the last line, by which the comment is found and updated, is never cut.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from textwrap import shorten
from urllib.parse import quote

from costdb.contracts import Finding
from costdb.report import escape
from costdb.report.finding import (
    WORSE,
    Name,
    Sentence,
    age,
    by_change,
    change,
    headline,
    metric,
    numbers,
    signed,
    subject,
    worst_first,
)
from costdb.report.numbers import percent, quantity
from costdb.trends.verdicts import question

# GitHub counts characters; UTF-8 bytes are never fewer.
MOST_BYTES = 65_536

# Of a name that is longer than this, the end is left out.
NAME_CHARACTERS = 120

# How many parts of a model are named as the cause of one finding.
PARTS_SHOWN = 5

_SIGNS = {"regression": "❌", "warn": "⚠️", "not-judged": "❔", "improved": "✅", "ok": "✅"}

_TABLE_HEAD = (
    "| | version | metric | before | now | change | limit | against |\n"
    "| --- | --- | --- | ---: | ---: | ---: | ---: | --- |"
)


@dataclass(frozen=True, slots=True)
class _Section:
    """A part of the comment.

    Attributes:
        opening: What stands before its items.
        items: What is left out from its end if there is no room; none of them is cut.
        closing: What stands behind them.
        what: What the items are, to count those that are left out.
    """

    opening: str
    items: Sequence[str]
    closing: str
    what: str


def pull_request(findings: Sequence[Finding], name: str) -> str:
    """GitHub's Markdown, of at most `MOST_BYTES` bytes.

    Args:
        findings: What was found.
        name: What the comment is about, the same from run to run: a model, or "all".
    """
    ordered = worst_first(findings)
    sign = _SIGNS[ordered[0].verdict] if ordered else _SIGNS["not-judged"]
    head = f"### {sign} {_said(headline(ordered))}"
    marker = marker_of(name)
    room = MOST_BYTES - _size(head) - _size(marker)
    return "\n\n".join([head, *_fitted(list(_sections(ordered)), room), marker])


def marker_of(name: str) -> str:
    """The last line of a comment, by which it is found again: an HTML comment."""
    # Two hyphens would end it early.
    return f"<!-- costdb check {quote(escape.plain(name), safe='').replace('-', '%2D')} -->"


def _sections(findings: Sequence[Finding]) -> Iterable[_Section]:
    moved = [found for found in findings if found.verdict in {*WORSE, "improved"}]
    still = [found for found in findings if found.verdict == "ok"]
    unjudged = [found for found in findings if found.verdict == "not-judged"]
    if moved:
        yield _Section(_TABLE_HEAD, [_row(found) for found in moved], "", "changes")
    explained = [found for found in moved if found.attribution]
    if explained:
        items = [_explanation(same) for same in by_change(explained)]
        yield _folded("What made the changes", items, "changes")
    if unjudged:
        items = [f"- {_subject_and_metric(f)}: {_text(f.reason)}" for f in unjudged]
        yield _folded(f"{len(unjudged)} not judged", items, "comparisons")
    if still:
        items = [_row(found) for found in still]
        yield _folded(f"{len(still)} within limits", items, "comparisons", head=_TABLE_HEAD)


def _folded(title: str, items: Sequence[str], what: str, *, head: str = "") -> _Section:
    opening = f"<details>\n<summary>{title}</summary>\n\n{head}".rstrip("\n") + "\n" * (not head)
    return _Section(opening, items, "\n</details>", what)


def _fitted(sections: Sequence[_Section], room: int) -> Iterable[str]:
    """The sections with as many items as there is room for, in bytes."""
    frames = [
        _size("\n\n".join([section.opening, _left_out(len(section.items), section.what)]))
        + _size(section.closing)
        for section in sections
    ]
    room -= sum(frames) + 4 * len(sections)
    for section in sections:
        shown: list[str] = []
        for item in section.items:
            room -= _size(item) + 1
            if room < 0:
                break
            shown.append(item)
        left = len(section.items) - len(shown)
        note = ["", _left_out(left, section.what)] if left else []
        yield "\n".join([section.opening, *shown, *note, section.closing]).rstrip("\n")


def _left_out(number: int, what: str) -> str:
    return f"*{number:,} more {what} do not fit into a comment and are left out.*"


def _row(finding: Finding) -> str:
    # A number and its unit stay in one line.
    old, new, limit, moved = (
        text.replace(" ", "&nbsp;") for text in (*numbers(finding), change(finding))
    )
    *_, baseline_kind = question(finding)
    against = _name(finding.baseline) if baseline_kind else "budget"
    cells = (
        _SIGNS[finding.verdict],
        _name(subject(finding)),
        _name(metric(finding)),
        old,
        new,
        moved,
        limit,
        against,
    )
    return f"| {' | '.join(cells)} |"


def _explanation(same: Sequence[Finding]) -> str:
    finding = same[0]
    lines = [f"- {_subject_and_metric(finding)}"]
    for each in same:
        against = f" against {_name(each.baseline)}" if each.baseline else ""
        lines.append(f"  - {each.verdict}{against}{age(each)}; the rule: {_name(each.rule)}")
    whole = sum(part.change for part in finding.attribution)
    for part in finding.attribution[:PARTS_SHOWN]:
        share, amount = percent(part.change, whole), signed(part.change, finding.metric)
        lines.append(f"  - {share} ({amount}) {_name(part.scope)}: {_text(part.text)}")
    rest = len(finding.attribution) - PARTS_SHOWN
    if rest > 0:
        lines.append(f"  - {quantity(rest, 'smaller part')}")
    return "\n".join(lines)


def _subject_and_metric(finding: Finding) -> str:
    return f"{_name(metric(finding))} of {_name(subject(finding))}"


def _said(sentence: Sentence) -> str:
    return "".join(_name(word) if isinstance(word, Name) else word for word in sentence)


def _name(text: str) -> str:
    return escape.code(_short(text))


def _text(text: str) -> str:
    return escape.mention_free(_short(text, 3 * NAME_CHARACTERS))


def _short(text: str, width: int = NAME_CHARACTERS) -> str:
    return shorten(text, width, placeholder=" …") if " " in text else _cut(text, width)


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else f"{text[: width - 1]}…"


def _size(text: str) -> int:
    return len(text.encode())
