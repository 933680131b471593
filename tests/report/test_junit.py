"""JUnit XML as CI systems read it."""

from xml.etree.ElementTree import Element, fromstring

import pytest
from builders.findings import finding, fine, not_judged, over_budget

from costdb.contracts import Finding
from costdb.report.junit import junit

ALL = [
    finding(),
    finding(verdict="warn", metric="flops"),
    fine(metric="params"),
    not_judged(metric="weight_bytes"),
    over_budget(),
    finding(model="speech", point="b8"),
]

# What Jenkins' and Surefire's schemas allow: the attributes that must be there, those that may,
# and the children in their order.
SCHEMA: dict[str, tuple[set[str], set[str], list[str]]] = {
    "testsuites": (set(), {"name", "time", "tests", "failures", "errors", "skipped"},
                   ["testsuite"]),
    "testsuite": ({"name", "tests"}, {"failures", "errors", "skipped", "time", "timestamp"},
                  ["properties", "testcase", "system-out", "system-err"]),
    "testcase": ({"name", "classname"}, {"time"},
                 ["skipped", "error", "failure", "system-out", "system-err"]),
    "failure": (set(), {"message", "type"}, []),
    "skipped": (set(), {"message", "type"}, []),
    "system-out": (set(), set(), []),
}  # fmt: skip


def parsed(*findings: Finding, **arguments: object) -> Element:
    return fromstring(junit(findings, **arguments))  # type: ignore[arg-type]  # noqa: S314


def check_layout(element: Element) -> None:
    required, optional, children = SCHEMA[element.tag]
    assert required <= set(element.attrib) <= required | optional, element.tag
    places = [children.index(child.tag) for child in element]
    assert places == sorted(places)
    for child in element:
        check_layout(child)


def test_it_has_the_published_layout() -> None:
    top = parsed(*ALL)
    assert top.tag == "testsuites"
    check_layout(top)
    for case in top.iter("testcase"):
        assert len(case.findall("failure") + case.findall("skipped")) <= 1


def test_a_regression_fails_and_what_was_not_judged_is_skipped() -> None:
    outcomes = {
        case.attrib["name"]: [child.tag for child in case]
        for case in parsed(*ALL).iter("testcase")
        if case.attrib["classname"] == "costdb.detector"
    }
    assert outcomes == {
        "macs against previous": ["failure"],
        "flops against previous": ["system-out"],
        "params against previous": ["system-out"],
        "weight_bytes against previous": ["skipped"],
        "weight_bytes within budget": ["failure"],
    }


def test_each_version_and_point_is_a_suite_that_counts_its_own() -> None:
    top = parsed(*ALL)
    suites = {suite.attrib["name"]: suite.attrib for suite in top}
    numbers = ("tests", "failures", "skipped", "errors")
    assert [suites["detector@v3"][name] for name in numbers] == ["5", "2", "1", "0"]
    assert [suites["speech@v3 at b8"][name] for name in numbers] == ["1", "1", "0", "0"]
    assert [top.attrib[name] for name in numbers] == ["6", "3", "1", "0"]


def test_a_test_keeps_its_name_from_version_to_version() -> None:
    names = [
        next(parsed(finding(tag=tag, baseline=baseline)).iter("testcase")).attrib
        for tag, baseline in (("v3", "previous v2"), ("v4", "previous v3"))
    ]
    assert names[0] == names[1]


@pytest.mark.parametrize(("failing", "failures"), [(("regression",), "0"), (("warn",), "1")])
def test_a_warning_fails_where_it_fails_the_check(failing: tuple[str], failures: str) -> None:
    assert parsed(finding(verdict="warn"), failing=failing).attrib["failures"] == failures


def test_the_reason_and_the_rule_are_in_the_failure() -> None:
    failure = next(parsed(finding()).iter("failure"))
    assert failure.attrib == {"message": finding().reason, "type": "macs-increased"}
    assert failure.text == f"{finding().reason}; the rule: {finding().rule}"


def test_nothing_is_a_document_too() -> None:
    assert parsed().attrib["tests"] == "0"
