"""Which findings are new. Each run is a list of (metric, verdict, rule)."""

from collections.abc import Iterator

import pytest

from costdb.contracts import Finding
from costdb.trends.news import with_news

Said = tuple[str, str, str]


def finding(metric: str, verdict: str, rule: str = "fail") -> Finding:
    return Finding(
        f"{metric}-x",
        "m",
        "v1",
        "default",
        metric,
        "total",
        verdict,
        "",
        1,
        2,
        1,
        rule,
        "anchor v0",
    )


def run(*said: Said) -> list[Finding]:
    return [finding(*one) for one in said]


BAD, WARN, OK, UNJUDGED = (
    ("macs", "regression", "fail"),
    ("macs", "warn", "warn"),
    ("macs", "ok", "warn"),
    ("macs", "not-judged", "fail"),
)
OTHER = ("flops", "regression", "fail")


@pytest.mark.parametrize(
    ("earlier", "is_new"),
    [
        pytest.param([], True, id="the first run"),
        pytest.param([[BAD]], False, id="it was there"),
        pytest.param([[OK]], True, id="it was not there"),
        pytest.param([[UNJUDGED], [BAD]], False, id="it could not be judged, and was there before"),
        pytest.param([[UNJUDGED], [OK]], True, id="it could not be judged, and was not before"),
        pytest.param([[OTHER], [BAD]], False, id="a run of other rules"),
        pytest.param([[OK], [BAD]], True, id="it was mended and broken again"),
        pytest.param([[WARN], [BAD]], True, id="it was a warning, and worse before"),
        pytest.param([[], []], True, id="nothing was judged ever"),
    ],
)
def test_whether_a_regression_is_new(earlier: list[list[Said]], *, is_new: bool) -> None:
    (found,) = with_news(run(BAD), [run(*said) for said in earlier])
    assert found.is_new is is_new


def test_what_is_no_news_is_neither_old_nor_new() -> None:
    found = with_news(run(OK, ("flops", "improved", "x"), ("params", "not-judged", "x")), [])
    assert [one.is_new for one in found] == [None] * 3


def test_no_more_runs_are_read_than_are_needed() -> None:
    def runs() -> Iterator[list[Finding]]:
        yield run(BAD)
        raise AssertionError("the last run says all")

    assert [one.is_new for one in with_news(run(BAD), runs())] == [False]
    assert [one.is_new for one in with_news(run(OK), iter([run(BAD)]))] == [None]


def test_the_version_is_no_part_of_it() -> None:
    earlier = [
        Finding(
            "macs-x", "m", "v0", "default", "macs", "total", "regression", "", 3, 4, 1, "fail",
            "anchor v7",
        )
    ]  # fmt: skip
    (found,) = with_news(run(BAD), [earlier])
    assert found.is_new is False
