"""Old runs of `check` go; what says which findings are new stays."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from random import Random

import pytest
from builders.analyses import NOW

from costdb.contracts import Finding
from costdb.store import Store, check_runs, pruning
from costdb.store.check_runs import runs, save_runs
from costdb.store.pruning import Pruned, prune_runs
from costdb.store.records import CheckRun
from costdb.trends.news import with_news

BRANCH = "branch main"
DAY = timedelta(days=1)


def finding(metric: str, verdict: str) -> Finding:
    return Finding(
        kind=f"{metric}-increased", model="detector", tag="v2", point="default", metric=metric,
        scope="total", verdict=verdict, reason="", old=1, new=2, limit=1, rule="r",
        baseline="previous v1",
    )  # fmt: skip


def run(
    days_ago: int, *findings: Finding, subject: str = "detector", baseline: str = BRANCH
) -> CheckRun:
    return CheckRun(subject, baseline, 1, "ok", findings, NOW - days_ago * DAY)


def ages(store: Store, subject: str = "detector", baseline: str = BRANCH) -> list[int]:
    return [(NOW - one.created_at).days for one in runs(store.engine, subject, baseline)]


MACS, PARAMS = finding("macs", "regression"), finding("params", "ok")
UNJUDGED = finding("macs", "not-judged")


@pytest.mark.parametrize(
    ("kept", "stay", "pruned"),
    [
        pytest.param([], [], Pruned(0, 0), id="no runs"),
        pytest.param([run(99, MACS)], [99], Pruned(0, 1), id="the last one stays, however old"),
        pytest.param([run(99), run(98)], [98], Pruned(1, 1), id="also if it judged nothing"),
        pytest.param(
            [run(99, MACS), run(91, MACS), run(5, MACS), run(1, MACS)],
            [1, 5],
            Pruned(2, 0),
            id="old ones go, young ones stay",
        ),
        pytest.param(
            [run(99, MACS), run(98, MACS), run(1, UNJUDGED)],
            [1, 98],
            Pruned(1, 1),
            id="the last that judged it stays",
        ),
        pytest.param(
            [run(99, MACS, PARAMS), run(98, PARAMS), run(97, MACS), run(96, UNJUDGED)],
            [96, 97, 98],
            Pruned(1, 3),
            id="each question has its last answer",
        ),
        pytest.param([run(90, MACS), run(1, MACS)], [1, 90], Pruned(0, 0), id="to the moment"),
    ],
)
def test_what_stays(
    store: Store, kept: Sequence[CheckRun], stay: Sequence[int], pruned: Pruned
) -> None:
    save_runs(store.engine, kept)
    assert prune_runs(store.engine, NOW - 90 * DAY) == pruned
    assert ages(store) == stay
    assert prune_runs(store.engine, NOW - 90 * DAY) == Pruned(0, pruned.kept)


def test_subjects_and_baselines_are_each_by_themselves(store: Store) -> None:
    names = [
        ("detector", BRANCH), ("detector", "detector@v1"), ("a", BRANCH), ("ü\x00[red]", "\ud800"),
        ("Detector", BRANCH), ("detector", "branch \U0001f40d"),
    ]  # fmt: skip
    for age in (99, 98, 1):
        save_runs(store.engine, [run(age, MACS, subject=s, baseline=b) for s, b in names])
    assert prune_runs(store.engine, NOW - 90 * DAY) == Pruned(2 * len(names), 0)
    for subject, baseline in names:
        assert ages(store, subject, baseline) == [1]


def test_what_is_new_is_the_same_after_pruning(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(check_runs, "_PAGE", 7)
    monkeypatch.setattr(pruning, "_DELETED_AT_ONCE", 3)
    random = Random(7)  # noqa: S311 - the same runs each time
    metrics = [f"metric{number}" for number in range(8)]
    verdicts = ["ok", "warn", "regression", "not-judged", "improved"]

    def judgement(metric: str) -> Finding:
        return replace(finding(metric, random.choice(verdicts)), rule=random.choice("rs"))

    save_runs(
        store.engine,
        [
            run(age, *map(judgement, random.sample(metrics, random.randrange(4))))
            for age in range(120, 0, -1)
        ],
    )
    tomorrow = [[judgement(metric) for metric in random.sample(metrics, 5)] for _ in range(50)]

    def news() -> list[tuple[Finding, ...]]:
        earlier = [one.findings for one in runs(store.engine, "detector", BRANCH)]
        return [with_news(found, earlier) for found in tomorrow]

    before = news()
    pruned = prune_runs(store.engine, NOW - 3 * DAY)
    assert pruned.removed > 100
    assert len(ages(store)) == 120 - pruned.removed
    assert news() == before
    assert {one.is_new for found in before for one in found} == {True, False, None}
