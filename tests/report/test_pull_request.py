"""Comments on pull requests, read with GitHub's own Markdown."""

import re

import cmarkgfm
import html5lib
import pytest
from builders.findings import finding, fine, not_judged, over_budget
from cmarkgfm.cmark import Options

from costdb.contracts import Attribution, Finding
from costdb.report.pull_request import MOST_BYTES, marker_of, pull_request


def rendered(text: str) -> "html5lib.treebuilders.base.Node":
    """The comment as GitHub shows it: HTML is kept, for some of it is meant; comments are not."""
    page = cmarkgfm.github_flavored_markdown_to_html(text, Options.CMARK_OPT_UNSAFE)
    return html5lib.parse(re.sub("<!--.*?-->", "", page), namespaceHTMLElements=False)


def shown(*findings: Finding) -> str:
    """What a reader sees, without layout."""
    return " ".join("".join(rendered(pull_request(findings, "detector")).itertext()).split())


def test_the_headline_comes_first_and_the_marker_last() -> None:
    text = pull_request([finding()], "detector")
    assert text.splitlines()[0].startswith("### ❌ ")
    assert shown(finding()).startswith(
        "❌ detector@v3 costs more than the policy allows: macs +34.00 % against previous v2,"
        " 88 % of it from decoder/* (8 new Conv)."
    )
    assert text.splitlines()[-1] == "<!-- costdb check detector -->"


def test_what_moved_is_a_table_and_the_rest_is_folded() -> None:
    findings = [finding(), fine(metric="params"), not_judged(), over_budget()]
    page = rendered(pull_request(findings, "detector"))
    open_table, folded_table = page.iter("table")
    rows = [
        ["".join(cell.itertext()).replace("\xa0", " ") for cell in row]
        for row in open_table.iter("tr")
    ]
    assert rows[0] == ["", "version", "metric", "before", "now", "change", "limit", "against"]
    assert rows[1:] == [
        ["❌", "detector@v3", "macs", "1.00 k", "1.34 k", "+34.00 %", "1.05 k", "previous v2"],
        ["❌", "detector@v3", "weight_bytes", "-", "30.00 MB", "-", "25.00 MB", "budget"],
    ]
    summaries = ["".join(element.itertext()) for element in page.iter("summary")]
    assert summaries == ["What made the changes", "1 not judged", "1 within limits"]
    assert sum(1 for fold in page.iter("details") for _ in fold.iter("table")) == 1
    assert "params" in "".join(folded_table.itertext())


def test_the_parts_that_made_a_change_are_told_once_for_all_baselines() -> None:
    text = shown(finding(), finding(baseline="anchor v1"))
    assert text.count("8 new Conv") == 2  # in the headline, and in the explanation
    assert "88 % (+300) decoder/*: 8 new Conv" in text
    assert "12 % (+40) head: Conv changed 3x3 -> 5x5" in text
    assert "regression against previous v2" in text
    assert "regression against anchor v1" in text


def test_good_news_is_short() -> None:
    text = pull_request([fine()], "detector")
    assert text.startswith("### ✅ ")
    assert text.count("<details>") == 1


@pytest.mark.parametrize(
    ("name", "marker"),
    [
        ("detector", "<!-- costdb check detector -->"),
        ("all", "<!-- costdb check all -->"),
        ("a-->b", "<!-- costdb check a%2D%2D%3Eb -->"),
    ],
)
def test_the_marker_is_one_comment_whatever_the_name(name: str, marker: str) -> None:
    assert marker_of(name) == marker
    assert pull_request([finding(tag="v4")], name).endswith(f"\n{marker}")


LONG = tuple(Attribution(f"part{'é' * 90}{number}", 5, "Conv " * 60) for number in range(68))


@pytest.mark.parametrize("verdict", ["regression", "ok", "not-judged"])
def test_a_long_comment_is_cut_to_githubs_limit_and_says_by_how_much(verdict: str) -> None:
    findings = [
        finding(verdict=verdict, model=f"m{number:04}", attribution=LONG, reason="é<@" * 500)
        for number in range(2_000)
    ]
    text = pull_request(findings, "all")
    assert MOST_BYTES - 2_000 < len(text.encode()) <= MOST_BYTES
    assert text.endswith("\n<!-- costdb check all -->")
    assert text.count("<details>") == text.count("</details>")
    told = re.findall(r"\*([\d,]+) more (\w+) do not fit", text)
    left = {what: int(number.replace(",", "")) for number, what in told}
    assert left
    if verdict == "regression":
        rows = sum(line.startswith("| ❌") for line in text.splitlines())
        explanations = text.count("\n- <code>macs</code> of")
        assert sorted(map(int, (n.replace(",", "") for n, _ in told))) == sorted(
            [2_000 - rows, 2_000 - explanations]
        )
    else:
        lines = [line for line in text.splitlines() if line.startswith(("| ✅", "- <code>"))]
        assert left == {"comparisons": 2_000 - len(lines)}


def test_a_comment_that_just_fits_is_whole() -> None:
    text = pull_request([finding(model=f"m{number}") for number in range(40)], "all")
    assert "do not fit" not in text
    assert text.count("| ❌ |") == 40


@pytest.mark.parametrize(
    ("is_new", "said"), [(True, ", new;"), (False, ", as before;"), (None, ";")]
)
def test_it_says_whether_the_last_check_had_it(is_new: bool | None, said: str) -> None:  # noqa: FBT001 - a row
    text = pull_request([finding(is_new=is_new)], "all")
    assert f"- regression against <code>previous v2</code>{said} the rule" in text
