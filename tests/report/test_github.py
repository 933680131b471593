"""Annotations as GitHub's runner reads them."""

import re

from builders.findings import finding, fine, not_judged

from costdb.contracts import Finding
from costdb.report.github import annotations

_COMMAND = re.compile(r"::(?P<command>\w+) title=(?P<title>[^,:]*)::(?P<text>.*)")


HEADLINE = (
    "detector@v3 costs more than the policy allows: macs +34.00 % against previous v2,"
    " 88 % of it from decoder/* (8 new Conv)."
)


def read(*findings: Finding) -> list[tuple[str, str, str]]:
    """Command, title and text of each line, as docs.github.com says they are escaped."""
    found = []
    for line in annotations(findings).split("\n"):
        match = _COMMAND.fullmatch(line)
        assert match, line
        title, text = (_unescaped(match[group]) for group in ("title", "text"))
        found.append((match["command"], title, text))
    return found


def _unescaped(text: str) -> str:
    for code, character in (("%3A", ":"), ("%2C", ","), ("%0D", "\r"), ("%0A", "\n")):
        text = text.replace(code, character)
    return text.replace("%25", "%")


def test_what_got_worse_is_annotated_and_the_headline_is_a_notice() -> None:
    warned = finding(verdict="warn", point="b8")
    assert read(fine(), warned, finding(), not_judged()) == [
        ("error", "detector@v3: macs", f"{finding().reason}; the rule: {finding().rule}"),
        ("warning", "detector@v3 at b8: macs", f"{warned.reason}; the rule: {warned.rule}"),
        ("notice", "costdb", HEADLINE),
    ]


def test_ten_are_shown_and_the_tenth_counts_the_rest() -> None:
    ten = [finding(model=f"m{number}") for number in range(10)]
    assert [command for command, *_ in read(*ten)] == ["error"] * 10 + ["notice"]
    shown = read(*ten, finding(model="m10"), finding(model="m11"))
    assert [command for command, *_ in shown] == ["error"] * 10 + ["notice"]
    assert shown[9][2] == "3 more findings; the other formats list them all"


def test_text_can_neither_end_a_command_nor_start_one() -> None:
    hostile = finding(model="a,b::c", reason="100%\n::set-env name=x::y\r")
    ((command, title, text), _) = read(hostile)
    assert (command, title) == ("error", "a,b::c@v3: macs")
    assert text.startswith("100%\\x0a::set-env name=x::y\\x0d;")
