"""Names that attack whatever shows them, in every format of a check."""

import csv
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from xml.etree.ElementTree import fromstring

import cmarkgfm
import html5lib
import pytest
from builders.findings import NOW, finding, not_judged, series
from cmarkgfm.cmark import Options
from rich.console import Console

from costdb.contracts import Attribution, Finding
from costdb.report import escape, text
from costdb.report.check import check_document, check_listings, check_rows
from costdb.report.github import annotations
from costdb.report.html.check import check_page
from costdb.report.html.history import history_page
from costdb.report.junit import junit
from costdb.report.pull_request import pull_request
from costdb.report.sarif import sarif
from costdb.report.table import print_table

HOSTILE = {
    "html": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "html attribute": "\"'><svg onload=alert(1)>",
    "html comment": "--><script>x</script><!--",
    "template": "{{ 7 * 7 }}{% raw %}${7*7}",
    "markdown": "**a** _b_ ~~c~~ `d` [e](javascript:f) ![g](http://h) # i",
    "markdown table": "a|b|c\n\n# title",
    "markdown fold": "</summary></details>\n\n- [x] y",
    "links": "http://evil.example www.evil.example a@evil.example",
    "mentions": "@everyone #1 GH-1",
    "ansi": "\x1b[31mred\x1b]0;title\x07\x9b2J",
    "rich": "[bold red]x[/][link=http://h]y[/link]",
    "formula": '=cmd|"/c calc"!A1',
    "formula after space": " \t+1+1",
    "xml": "]]>&amp;&#0;<!DOCTYPE x>",
    "illegal in xml": "a\x00\x0b\x1f\x7f\x85\ufffe\uffffb",
    "surrogate": "a\ud800b",
    "workflow command": "%0A::set-env name=a::b\n::error::c\r##[error]d,e:f",
    "workflow command first": "  ::error title=x::y",
    "old workflow command": "x ##[error]y",
    "direction": "a\u202egpj.exe\u2066\u200b",
    "line separators": "a\u2028b\u2029c\vd",
    "sarif": "[a](1) {0} {{x}} \\",
    "long": "x" * 5_000,
}  # fmt: skip

FINDINGS = pytest.mark.parametrize("name", HOSTILE.values(), ids=HOSTILE.keys())


def hostile(name: str) -> list[Finding]:
    """Every text of a finding is the name."""
    parts = (Attribution(name, 300, name), Attribution(f"{name}2", 40, name))
    texts = dict.fromkeys(("kind", "model", "tag", "point", "reason", "rule", "baseline"), name)
    everything: dict[str, Any] = {**texts, "scope": f"layer:{name}", "attribution": parts}
    return [
        finding(**everything),
        finding(**{**everything, "verdict": "warn", "scope": "total"}),
        not_judged(**texts),
    ]


def lines_of_printable(shown: str) -> list[str]:
    """The lines of a text that hides nothing: no control, no escape, no change of direction."""
    lines = shown.split("\n")
    assert all(character.isprintable() for line in lines for character in line)
    return lines


@FINDINGS
def test_table(name: str) -> None:
    def printed(findings: list[Finding]) -> list[str]:
        stream = io.StringIO()
        console = Console(file=stream, width=100_000, force_terminal=False)
        for listing in check_listings("regression", findings):
            print_table(listing, console)
        return lines_of_printable(stream.getvalue())

    shown = printed(hostile(name))
    assert len(shown) == len(printed(hostile("plain")))
    if "[" in name and name.isprintable() and "##[" not in name:
        assert any(name in line for line in shown)


@FINDINGS
def test_json(name: str) -> None:
    shown = json.dumps(check_document("regression", hostile(name)))
    lines_of_printable(shown)
    # Exact: a program gets the name as it is.
    assert json.loads(shown)["findings"][0]["model"] == name


@FINDINGS
def test_csv(name: str) -> None:
    shown = text.comma_separated(check_rows(hostile(name)))
    rows = list(csv.reader(io.StringIO(shown)))
    assert len(rows) == len(lines_of_printable(shown)) == 4
    assert not any(cell.lstrip().startswith(("=", "+", "-", "@", "|", "%")) for row in rows
                   for cell in row)  # fmt: skip


def element_skeleton(top: Any, *, without_values_of: frozenset[str]) -> list[Any]:
    """Elements and attributes in order; comments are left out."""
    return [
        (element.tag, {key: "" if key in without_values_of else value
                       for key, value in element.attrib.items()})
        for element in top.iter()
        if isinstance(element.tag, str)
    ]  # fmt: skip


@FINDINGS
@pytest.mark.parametrize(
    "render",
    [
        pytest.param(
            lambda found: "\n".join(map(text.markdown, check_listings("regression", found))),
            id="markdown",
        ),
        pytest.param(lambda found: pull_request(found, found[0].model), id="pull-request"),
    ],
)
def test_markdown(name: str, render: Callable[[list[Finding]], str]) -> None:
    shown = render(hostile(name))
    lines_of_printable(shown)

    def skeleton(markdown: str) -> list[Any]:
        page = cmarkgfm.github_flavored_markdown_to_html(markdown, Options.CMARK_OPT_UNSAFE)
        top = html5lib.parse(page, namespaceHTMLElements=False)
        return element_skeleton(top, without_values_of=frozenset())

    assert skeleton(shown) == skeleton(render(hostile("plain")))


@FINDINGS
def test_a_pull_request_calls_no_one_and_refers_to_nothing(name: str) -> None:
    page = cmarkgfm.github_flavored_markdown_to_html(
        pull_request(hostile(name), name), Options.CMARK_OPT_UNSAFE
    )
    # GitHub looks for these in the text of every element but code.
    outside_code = re.sub(r"<code>.*?</code>", "", page, flags=re.DOTALL)
    assert not re.search(r"[@#]\w", outside_code)
    assert page.count("<!-- costdb check") == 1


@FINDINGS
def test_junit(name: str) -> None:
    top = fromstring(junit(hostile(name)))  # noqa: S314
    assert [element.tag for element in top.iter()] == [
        element.tag for element in fromstring(junit(hostile("plain"))).iter()  # noqa: S314
    ]  # fmt: skip
    for element in top.iter():
        for value in (element.text or "").strip(), *element.attrib.values():
            lines_of_printable(value)


@FINDINGS
def test_sarif(name: str) -> None:
    run = sarif(hostile(name), "costdb.toml")["runs"][0]
    for result in run["results"]:
        message = result["message"]["text"]
        lines_of_printable(message)
        assert not re.search(r"(?<!\\)(\\\\)*\[", message)
        assert not re.search(r"(?<!\{)(\{\{)*\{(?!\{)\d+\}", message)


@FINDINGS
def test_github(name: str) -> None:
    lines = lines_of_printable(annotations(hostile(name)))
    assert [line.split(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    for line in lines:
        # The runner takes the properties up to the next "::", and splits them at commas.
        _, properties, _ = line.split("::", 2)
        assert properties.count("=") >= 1
        assert "," not in properties
        assert re.fullmatch(r"\w+ title=[^:,]*", properties)
        assert not re.search("%(?!25|3A|2C)", line)


@FINDINGS
def test_what_is_printed_into_a_jobs_log_commands_no_runner(name: str) -> None:
    findings = hostile(name)
    stream = io.StringIO()
    for listing in check_listings("regression", findings):
        print_table(listing, Console(file=stream, width=100_000, force_terminal=False))
    printed = [
        stream.getvalue(),
        escape.json_text(check_document("regression", findings)),
        escape.json_text(sarif(findings, "costdb.toml")),
        text.comma_separated(check_rows(findings)),
        *map(text.markdown, check_listings("regression", findings)),
        pull_request(findings, name),
        junit(findings),
    ]
    for log in printed:
        assert not re.search(r"^\s*::", log, re.MULTILINE)
        assert "##[" not in log
    assert "##[" not in annotations(findings)
    assert json.loads(printed[1])["findings"][0]["rule"] == name


def page_of_a_check(name: str) -> str:
    history = series(900, 1_000, 1_340, model=name, point=name, branch=name)
    return check_page("regression", hostile(name), {(name, name): history}, made_at=NOW)


def page_of_a_history(name: str) -> str:
    line = series(900, 1_000, model=name)
    tagged = replace(line, versions=tuple(replace(each, tag=name) for each in line.versions))
    other = series(8_000, 9_000, model=name, point=name, branch=name)
    return history_page([tagged, other], ["macs"], made_at=NOW)


@FINDINGS
@pytest.mark.parametrize("page", [page_of_a_check, page_of_a_history])
def test_html(name: str, page: Callable[[str], str]) -> None:
    def skeleton(named: str) -> list[Any]:
        shown = page(named)
        lines_of_printable(shown)
        top = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(shown)
        # Drawn text moves with its length, and labels hold names.
        free = frozenset({"x", "y", "class", "aria-label", "content", "viewBox", "d"})
        return element_skeleton(top, without_values_of=free)

    assert skeleton(name) == skeleton("plain")
