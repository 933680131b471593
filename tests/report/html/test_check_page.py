"""The page of a check: what it says, and that it asks for nothing from outside."""

import base64
import hashlib
import re
from itertools import pairwise

from builders.findings import NOW, finding, fine, not_judged, over_budget, series
from builders.html import Element, of_class, parsed, said, tables

from costdb.contracts import Attribution, Finding
from costdb.report.html.check import FINDINGS_SHOWN, SUBJECTS_SHOWN, check_page
from costdb.store.records import Series
from costdb.trends.verdicts import worst


def source(*findings: Finding, history: Series | None = None) -> str:
    known = {} if history is None else {(history.model, history.point): history}
    return check_page(worst(findings), findings, known, made_at=NOW)


def page(*findings: Finding, history: Series | None = None) -> Element:
    return parsed(source(*findings, history=history))


def test_the_headline_is_the_heading() -> None:
    top = page(finding())
    (heading,) = top.iter("h1")
    assert said(heading) == (
        "detector@v3 costs more than the policy allows: macs +34.00 % against previous v2,"
        " 88 % of it from decoder/* (8 new Conv)."
    )
    assert said(of_class(top, "counted")[0]) == "1 regression 1 new since the last check"
    assert said(next(top.iter("title"))) == "regression: costdb check"
    assert said(next(top.iter("footer"))).endswith("2026-03-05 04:30 UTC.")


def test_what_moved_what_did_not_and_what_was_not_judged_are_apart() -> None:
    found = tables(page(finding(), fine(metric="params"), not_judged("no baseline"), over_budget()))
    assert found["What moved"][1:] == [
        ["detector@v3", "macs", "1.00 k", "1.34 k", "+34.00 %", "1.05 k", "previous v2",
         "regression"],
        ["detector@v3", "weight_bytes", "-", "30.00 MB", "-", "25.00 MB", "budget", "regression"],
    ]  # fmt: skip
    assert [row[1] for row in found["Within limits"]] == ["metric", "params"]
    assert found["Not judged"][1:] == [["detector@v3", "macs", "previous", "no baseline"]]


def test_a_change_has_its_causes_its_judgements_and_its_plot() -> None:
    top = page(finding(), finding(baseline="anchor v1", old=900), history=series(900, 1_000, 1_340))
    (change,) = of_class(top, "change")
    assert said(of_class(change, "values")[0]) == "1.00 k → 1.34 k"
    assert [said(part) for part in next(iter(of_class(change, "parts")))] == [
        "88 % decoder/* 8 new Conv +300",
        "12 % head Conv changed 3x3 -> 5x5 +40",
    ]
    judged = [said(item) for item in next(iter(of_class(change, "judgements")))]
    assert judged[0].startswith("regression new +34.00 % against previous v2, limit 1.05 k rule:")
    assert judged[1].startswith("regression new +48.89 % against anchor v1")
    assert len(of_class(change, "ring")) == 1
    bounds = [said(bound) for bound in of_class(change, "bound") if bound.tag.endswith("text")]
    assert bounds == ["previous v2", "limit 1.05 k"]


def test_totals_stand_beside_those_of_the_version_before() -> None:
    found = tables(page(finding(), history=series(900, 1_000, 1_340)))
    rows = {row[0]: row[1:] for row in found["All totals"]}
    assert rows["total"] == ["v2", "v3", "change"]
    assert rows["macs"] == ["1.00 k", "1.34 k", "+34.00 %"]
    assert rows["weight_bytes"] == ["4.00 kB", "5.36 kB", "+34.00 %"]
    assert len(found["History"]) == 4


def test_a_file_that_is_in_no_database_comes_behind_the_versions() -> None:
    top = page(finding(tag=""), history=series(900, 1_000))
    labels = [said(label) for label in of_class(top, "reading")]
    assert [label.split()[0] for label in labels[:2]] == ["v1", "v2"]
    assert labels[2] == "this file 1.34 k (1,340), +34.00 %"
    assert "All totals" not in tables(top)


def test_without_a_database_there_is_no_plot_and_the_rest_is_there() -> None:
    top = page(finding(), finding(metric="dtype", kind="dtype-changed", old=None, new=None,
                                  limit=None, reason="float32 -> float16"))  # fmt: skip
    assert of_class(top, "plot") == []
    assert len(of_class(top, "change")) == 2
    assert "float32 -> float16" in said(of_class(top, "change")[1])


def test_small_parts_are_counted() -> None:
    parts = tuple(Attribution(f"layer{number}", 10, "1 new Conv") for number in range(30))
    assert "and 22 smaller parts" in said(page(finding(attribution=parts)))


def test_many_models_stay_one_page() -> None:
    top = page(*(finding(model=f"m{number}") for number in range(SUBJECTS_SHOWN + 3)))
    assert len(of_class(top, "subject")) == SUBJECTS_SHOWN
    assert "And 3 more, in the table above only." in said(top)
    assert len(tables(top)["What moved"]) == SUBJECTS_SHOWN + 4


def test_a_model_that_did_not_move_shows_its_history() -> None:
    top = page(fine(), not_judged(), history=series(1_000, 1_000, 1_000))
    (change,) = of_class(top, "change")
    assert said(of_class(change, "values")[0]) == "1.00 k → 1.00 k"
    assert len(of_class(change, "ring")) == 1
    assert of_class(page(fine(), fine(model="ocr")), "change") == []


def test_a_version_with_very_many_findings_stays_one_page() -> None:
    many = [finding(scope=f"layer:{number}") for number in range(FINDINGS_SHOWN + 9)]
    top = page(*many)
    assert len(of_class(top, "change")) == FINDINGS_SHOWN
    assert len(tables(top)["What moved"]) == FINDINGS_SHOWN + 10


def test_nothing_to_judge_is_a_page_too() -> None:
    assert "Nothing was judged." in said(page())


def test_it_asks_for_nothing_and_runs_its_own_script_alone() -> None:
    text = source(finding(), history=series(900, 1_000, 1_340))
    for attribute in ("src", "href", "action", "style", r"on\w+"):
        assert not re.search(rf"<[^>]*\s{attribute}\s*=", text), attribute
    assert "url(" not in text
    assert "@import" not in text
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]+)"', text)
    directives = dict(item.split(" ", 1) for item in policy.replace("&#39;", "'").split("; "))
    assert directives["default-src"] == directives["form-action"] == "'none'"
    for element, directive in (("style", "style-src"), ("script", "script-src")):
        (body,) = re.findall(rf"<{element}>(.*?)</{element}>", text, re.DOTALL)
        digest = base64.b64encode(hashlib.sha256(body.encode()).digest()).decode()
        assert directives[directive] == f"'sha256-{digest}'"


def test_headings_are_in_order_and_every_region_has_a_name() -> None:
    top = page(finding(), fine(), not_judged(), history=series(900, 1_000, 1_340))
    tags = [str(element.tag) for element in top.iter()]
    levels = [int(tag[1]) for tag in tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    identities = [element.get("id") for element in top.iter() if element.get("id")]
    assert len(identities) == len(set(identities))
    for element in top.iter():
        if element.get("aria-labelledby"):
            assert element.get("aria-labelledby") in identities
    drawings = [drawing for drawing in of_class(top, "plot") if drawing.get("role")]
    assert drawings
    assert all(drawing.get("aria-label") for drawing in drawings)
