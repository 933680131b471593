"""Findings, and accepting them."""

from pathlib import Path

import pytest
from builders.findings import NOW, finding
from builders.html import Element, addresses, of_class, options, said
from builders.pages import MakeVisitor, Visitor, add, fill, make_token

from costdb import api
from costdb.server.pages import links
from costdb.store import open_store
from costdb.store.check_runs import save_runs
from costdb.store.records import CheckRun, TokenScope


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database that may be written."""
    return fill(str(tmp_path / "costs.db"))


def headings(page: Element) -> list[str]:
    """What each finding is about."""
    return [said(next(found.iter("h2"))) for found in of_class(page, "found")]


def hidden(page: Element) -> list[dict[str, str]]:
    """What the forms to accept a finding send along."""
    return [
        {each.get("name"): each.get("value") for each in form.iter("input") if each.get("value")}
        for form in of_class(page, "accept")
    ]


def test_what_is_wrong_is_listed_with_its_causes_and_its_ways(visit: Visitor) -> None:
    page = visit("/findings")
    # By hand: 4 layers instead of 2 double MACs and weights. Of memory, 512 more bytes of weights
    # beside 64 of activations: (1024 + 64) / (512 + 64) is 188.89 %.
    assert headings(page) == [
        "regression detector@v3: macs +100.00 %",
        "regression detector@v3: weight_bytes +100.00 %",
        "regression detector@v3: peak_memory_bytes +88.89 %",
    ]
    first = of_class(page, "found")[0]
    assert "50 % dense/2 1 new MatMul +64" in said(first)
    assert "against previous v2" in said(first)
    assert "against anchor v1" in said(first)
    found = addresses(first)
    assert found["detector@v3"] == "/models/detector/versions/v3"
    assert found["Layer by layer"].startswith("/diff?old=detector%40v2&new=detector%40v3")
    for link in found.values():
        visit(link)


@pytest.mark.parametrize(
    ("query", "number"),
    [
        ("", 3),
        ("?verdict=regression", 3),
        ("?verdict=warn", 0),
        ("?verdict=ok&model=stable", 3),
        ("?model=stable", 0),
        ("?model=detector", 3),
        ("?verdict=all", 6),
        ("?number=2", 0),
    ],
    ids=str,
)
def test_findings_are_chosen_by_verdict_and_model(visit: Visitor, query: str, number: int) -> None:
    page = visit(f"/findings{query}")
    assert len(headings(page)) == number
    assert options(page, "verdict")[0][0] == "regression or warn"


@pytest.mark.parametrize(
    ("baseline", "old"),
    [
        ("previous v2", "detector@v2"),
        ("alias prod v2", "detector@v2"),
        ("tag v1", "detector@v1"),
        ("weights@w1", "weights@w1"),
        ("costs.json", None),
        ("my costs v2", None),
    ],
)
def test_a_finding_leads_to_the_diff_with_its_baseline_if_that_is_a_version(
    visiting: MakeVisitor, url: str, baseline: str, old: str | None
) -> None:
    found = finding(model="detector", tag="v3", baseline=baseline)
    with open_store(url) as store:
        save_runs(
            store.engine, [CheckRun("detector", "branch main", 1, "regression", (found,), NOW)]
        )
    visit = visiting(url)
    link = addresses(visit("/findings?model=detector")).get("Layer by layer")
    wanted = old and links.diff(old, "detector@v3", metric="macs")
    assert link == wanted
    if link:
        visit(link)


def test_a_verdict_or_a_page_that_cannot_be_is_told(visit: Visitor) -> None:
    visit("/findings?verdict=terrible", 422)
    visit("/findings?number=x", 422)
    assert len(headings(visit("/findings?number=-5"))) == 3


def test_only_an_admin_is_offered_to_accept(visiting: MakeVisitor, url: str) -> None:
    assert hidden(visiting(url)("/findings")) == []
    for scope in (TokenScope.READ, TokenScope.INGEST):
        token = make_token(url, scope.value, scope)
        assert hidden(visiting(url, token)("/findings")) == []
    admin = make_token(url, "ann", TokenScope.ADMIN)
    assert len(hidden(visiting(url, admin)("/findings"))) == 3
    other = make_token(url, "ben", TokenScope.ADMIN, model_glob="stable")
    assert hidden(visiting(url, other)("/findings")) == []


def test_an_admin_accepts_what_was_found(visiting: MakeVisitor, url: str) -> None:
    visit = visiting(url, make_token(url, "ann", TokenScope.ADMIN))
    form = hidden(visit("/findings"))[0]
    answer = visit.post("/findings/accept", reason=" more layers ", **form)
    assert (answer.status_code, answer.headers["location"]) == (303, "/findings")
    ((made, _),) = api.accepted(database=url)
    assert (made.model, made.tag, made.metric, made.scope) == ("detector", "v3", "macs", "total")
    assert (made.value, made.reason, made.author) == (256, "more layers", "ann")
    page = visit("/findings")
    assert headings(page)[-1] == "regression detector@v3: macs +100.00 %"
    assert "accepted by ann on" in said(of_class(page, "accepted")[0])
    assert len(hidden(page)) == 2
    verdicts = {f.metric: f.verdict for f in api.check("detector", database=url).findings}
    assert verdicts["macs"] == "ok"


def test_what_costs_more_by_now_than_was_found_is_not_accepted(
    visiting: MakeVisitor, url: str
) -> None:
    visit = visiting(url, make_token(url, "ann", TokenScope.ADMIN))
    form = hidden(visit("/findings"))[0] | {"reason": "more layers"}
    with open_store(url) as store:
        add(store, "detector", "v3", layers=8, replace=True)
    answer = visit.post("/findings/accept", **form)
    assert answer.status_code == 409
    assert "detector@v3 costs more by now than the last check found" in answer.text
    assert api.accepted(database=url) == []


def test_what_may_not_be_accepted_changes_nothing(visiting: MakeVisitor, url: str) -> None:
    admin = make_token(url, "ann", TokenScope.ADMIN)
    form = hidden(visiting(url, admin)("/findings"))[0] | {"reason": "why not"}
    ingest = make_token(url, "ci", TokenScope.INGEST)
    other = make_token(url, "ben", TokenScope.ADMIN, model_glob="stable")
    closed = visiting(url, admin)
    refused = [
        visiting(url).post("/findings/accept", **form),  # to sign in
        visiting(url, ingest).post("/findings/accept", **form),
        visiting(url, other).post("/findings/accept", **form),
        closed.post("/findings/accept", origin="https://evil.example", **form),
        closed.post("/findings/accept", origin="null", **form),
        closed.post("/findings/accept", **(form | {"reason": " "})),
        closed.post("/findings/accept", **(form | {"finding": "0" * 16})),
        closed.post("/findings/accept", **(form | {"tag": "v2"})),
    ]
    assert [answer.status_code for answer in refused] == [303, 403, 403, 403, 403, 422, 404, 404]
    assert refused[0].headers["location"].startswith("/sign-in")
    assert api.accepted(database=url) == []


def test_accepting_leads_to_no_other_site(visiting: MakeVisitor, url: str) -> None:
    visit = visiting(url, make_token(url, "ann", TokenScope.ADMIN))
    form = hidden(visit("/findings"))[0] | {"then": "https://evil.example/", "reason": "x"}
    assert visit.post("/findings/accept", **form).headers["location"] == "/findings"
