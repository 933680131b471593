"""What pages show of a database."""

from datetime import timedelta

import pytest
from builders.analyses import NOW, analysis, chain
from builders.findings import finding

from costdb.cost import RULES
from costdb.errors import NotInDatabase
from costdb.store import Store, browsing
from costdb.store.administration import set_archived
from costdb.store.browsing import Head, ListedModel
from costdb.store.check_runs import save_runs
from costdb.store.history import history
from costdb.store.records import CheckRun
from costdb.store.write import ingest


@pytest.fixture
def filled(store: Store) -> Store:
    """Two branches of `detector`, one with two points and an archived version; `other` is bare."""
    for number in range(1, 7):
        points = ("default", "b8") if number > 3 else ("default",)
        made = [analysis(chain(2, width=number % 2 + 1), point=point) for point in points]
        branch = "next" if number == 6 else "main"
        ingest(store.engine, made, model="detector", tag=f"v{number}", branch=branch,
               now=NOW + timedelta(days=number), git_sha=f"sha{number}")  # fmt: skip
    set_archived(store.engine, "detector@v2", NOW)
    ingest(store.engine, [analysis()], model="other", tag="v1", now=NOW)
    set_archived(store.engine, "other@v1", NOW)
    return store


def test_models_are_listed_by_name(filled: Store) -> None:
    listed = [ListedModel(name, "", ()) for name in ("detector", "other")]
    assert browsing.listed_models(filled.engine) == listed
    assert browsing.listed_models(filled.engine, "other") == listed[1:]
    assert browsing.listed_models(filled.engine, "none") == []


def test_a_head_is_on_main_if_that_has_versions(filled: Store) -> None:
    found = browsing.heads(filled.engine, ["detector", "other", "none"])
    assert found == {"detector": Head("main", 5)}
    ingest(filled.engine, [analysis()], model="third", tag="v1", branch="trunk", now=NOW)
    assert browsing.heads(filled.engine, ["third"]) == {"third": Head("trunk", 1)}
    assert browsing.heads(filled.engine, []) == {}


def test_branches_and_points_of_a_model(filled: Store) -> None:
    assert browsing.branches(filled.engine, "detector") == ["main", "next"]
    assert browsing.points(filled.engine, "detector", "main") == ["default", "b8"]
    assert browsing.points(filled.engine, "detector", "none") == []
    with pytest.raises(NotInDatabase):
        browsing.branches(filled.engine, "none")


@pytest.mark.parametrize("archived", [False, True])
@pytest.mark.parametrize("point", ["default", "b8"])
def test_a_line_is_what_the_history_tells(filled: Store, point: str, *, archived: bool) -> None:
    for branch in ("main", "next"):
        (told,) = history(
            filled.engine, "detector", branch=branch, points=[point], archived=archived
        )
        found = browsing.line(
            filled.engine, "detector", point=point, branch=branch, archived=archived, most=100
        )
        assert found == told


def test_a_line_is_the_newest_versions_and_may_be_empty(filled: Store) -> None:
    def tags(most: int, branch: str = "main") -> list[str]:
        line = browsing.line(
            filled.engine, "detector", point="default", branch=branch, archived=False, most=most
        )
        return [version.tag for version in line.versions]

    assert tags(2) == ["v4", "v5"]
    assert tags(9) == ["v1", "v3", "v4", "v5"]
    assert tags(9, "none") == []


def test_a_line_of_other_rules_has_no_totals(filled: Store) -> None:
    line = browsing.line(
        filled.engine, "detector", point="default", branch="main", archived=False, most=9,
        rules=RULES + 1,
    )  # fmt: skip
    assert {(version.totals, version.rules) for version in line.versions} == {(None, RULES)}


def test_the_last_run_of_each_subject_counts(store: Store) -> None:
    def run(subject: str, baseline: str, verdict: str, tag: str) -> CheckRun:
        return CheckRun(subject, baseline, 1, verdict, (finding(tag=tag),), NOW)

    runs = [
        run("b", "branch main", "regression", "v1"),
        run("a", "branch main", "ok", "v1"),
        run("b", "branch main", "warn", "v2"),
        run("b", "prod", "regression", "v2"),
        run("a@prod", "branch main", "regression", "v1"),
    ]
    save_runs(store.engine, runs)
    found = browsing.last_runs(store.engine)
    assert found == [runs[1], runs[4], runs[2], runs[3]]
    assert browsing.last_runs(store.engine, subjects=["b"]) == runs[2:4]
    assert browsing.last_runs(store.engine, subjects=[]) == []
    assert browsing.last_runs(store.engine, verdicts=["regression"]) == [runs[4], runs[3]]
