"""The findings of a check as JUnit XML, which every CI system shows as tests.

The layout is the one that Jenkins, GitLab and GitHub's reporters agree on: suites of cases, each
with a failure, with a reason for being skipped, or with neither.
"""

from collections.abc import Collection, Sequence
from itertools import groupby
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from costdb.contracts import Finding
from costdb.report import escape
from costdb.report.finding import metric, subject
from costdb.trends.verdicts import question


def junit(findings: Sequence[Finding], failing: Collection[str] = ("regression",)) -> str:
    """One test for each finding, in a suite for each version and operating point.

    A test's name does not hold the version's tag, so that its history continues from run to run.

    Args:
        findings: What was found.
        failing: The verdicts that are failures.
    """
    top = Element("testsuites", {"name": "costdb", **_tally(findings, failing)})
    for name, members in groupby(findings, key=subject):
        same = list(members)
        attributes = {"name": escape.plain(name), **_tally(same, failing)}
        suite = SubElement(top, "testsuite", attributes)
        for finding in same:
            suite.append(_case(finding, failing))
    indent(top)
    # ElementTree escapes the markup; `escape.plain` has made visible what XML forbids.
    return tostring(top, encoding="unicode", xml_declaration=True)


def _tally(findings: Sequence[Finding], failing: Collection[str]) -> dict[str, str]:
    verdicts = [finding.verdict for finding in findings]
    return {
        "tests": str(len(verdicts)),
        "failures": str(sum(verdict in failing for verdict in verdicts)),
        "errors": "0",
        "skipped": str(verdicts.count("not-judged")),
        "time": "0",
    }


def _case(finding: Finding, failing: Collection[str]) -> Element:
    point = f".{finding.point}" if finding.point != "default" else ""
    *_, kind = question(finding)
    case = Element(
        "testcase",
        classname=escape.plain(f"costdb.{finding.model}{point}"),
        name=escape.plain(f"{metric(finding)} {f'against {kind}' if kind else 'within budget'}"),
        time="0",
    )
    reason = escape.plain(finding.reason)
    if finding.verdict in failing:
        failure = SubElement(case, "failure", message=reason, type=escape.plain(finding.kind))
        failure.text = escape.plain(f"{finding.reason}; the rule: {finding.rule}")
    elif finding.verdict == "not-judged":
        SubElement(case, "skipped", message=reason)
    elif finding.reason:
        SubElement(case, "system-out").text = escape.plain(f"{finding.verdict}: {finding.reason}")
    return case
