"""How findings read: their order, and the one sentence above them."""

import pytest
from builders.findings import finding, fine, not_judged, over_budget

from costdb.contracts import Attribution, Finding
from costdb.report.finding import Name, by_change, change, counted, headline, worst_first


def said(*findings: Finding) -> str:
    return "".join(headline(findings))


@pytest.mark.parametrize(
    ("findings", "sentence"),
    [
        pytest.param([], "Nothing was judged.", id="nothing"),
        pytest.param(
            [finding()],
            "detector@v3 costs more than the policy allows: macs +34.00 % against previous v2,"
            " 88 % of it from decoder/* (8 new Conv).",
            id="one regression",
        ),
        pytest.param(
            [finding(verdict="warn", point="b8", attribution=())],
            "detector@v3 at b8 costs more, enough for a warning: macs +34.00 % against previous"
            " v2.",
            id="one warning at a point",
        ),
        pytest.param(
            [finding(attribution=(Attribution("*", 340, "input 224 -> 256"),))],
            "detector@v3 costs more than the policy allows: macs +34.00 % against previous v2,"
            " all of it from input 224 -> 256.",
            id="the input made all of it",
        ),
        pytest.param(
            [fine(model="ocr"), finding(), finding(model="speech", new=1_100, attribution=())],
            "2 of 3 models cost more than the policy allows: first of all detector@v3, macs"
            " +34.00 % against previous v2, 88 % of it from decoder/* (8 new Conv).",
            id="several models",
        ),
        pytest.param(
            [over_budget()],
            "detector@v3 costs more than the policy allows: weight_bytes 30.00 MB, with a budget"
            " of 25.00 MB.",
            id="a budget",
        ),
        pytest.param(
            [finding(metric="dtype", kind="dtype-changed", old=None, new=None, limit=None,
                     reason="2 layers compute in float16", attribution=())],
            "detector@v3 costs more than the policy allows: dtype: 2 layers compute in float16.",
            id="a structural rule",
        ),
        pytest.param(
            [fine()], "detector@v3 costs no more than the policy allows.", id="fine"
        ),
        pytest.param(
            [fine(), fine(model="ocr")],
            "None of 2 models costs more than the policy allows.",
            id="all fine",
        ),
        pytest.param(
            [fine(verdict="improved", new=900)],
            "detector@v3 costs no more than the policy allows; macs -10.00 % against previous v2.",
            id="better",
        ),
        pytest.param(
            [fine(), not_judged(), not_judged()],
            "detector@v3 costs no more than the policy allows; 2 of 3 comparisons could not be"
            " made.",
            id="partly judged",
        ),
        pytest.param(
            [not_judged()],
            "detector@v3 could not be judged: no earlier version on branch main.",
            id="not judged",
        ),
    ],
)  # fmt: skip
def test_the_headline_is_one_sentence(findings: list[Finding], sentence: str) -> None:
    assert said(*findings) == sentence


def test_every_name_in_a_headline_is_marked_as_one() -> None:
    hostile = finding(
        model="MODEL", metric="macs", scope="layer:SCOPE", baseline="BASELINE",
        attribution=(Attribution("PART", 340, "WHAT"),),
    )  # fmt: skip
    own_words = "".join(word for word in headline([hostile]) if not isinstance(word, Name))
    assert not {"MODEL", "SCOPE", "BASELINE", "PART", "WHAT"} & set(own_words.split())


def test_the_gravest_comes_first_and_this_versions_doing_before_what_was_so() -> None:
    creep = finding(baseline="anchor v1", old=500)
    small, large = finding(new=1_100), finding(new=1_340)
    warned = finding(verdict="warn", new=5_000)
    assert worst_first([fine(), not_judged(), warned, creep, small, large]) == [
        large, small, creep, warned, not_judged(), fine(),
    ]  # fmt: skip


def test_from_zero_there_is_no_percentage() -> None:
    grown = finding(old=0, new=5)
    assert change(grown) == "new (0 -> 5)"
    assert worst_first([finding(), grown])[0] == grown


def test_findings_are_counted_by_verdict() -> None:
    assert counted([fine(), finding(), fine()]) == "1 regression, 2 ok"
    several = [finding(verdict="warn"), *[finding()] * 1_200, finding(verdict="warn")]
    assert counted(several) == "1,200 regressions, 2 warnings"
    assert counted([finding(verdict="warn")]) == "1 warning"
    assert counted([]) == "nothing to judge"


def test_a_change_against_two_baselines_is_one_change() -> None:
    previous, anchor = finding(), finding(baseline="anchor v1")
    other = finding(attribution=())
    assert by_change([previous, other, anchor]) == [[previous, anchor], [other]]
