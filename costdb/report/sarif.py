"""The findings of a check as SARIF 2.1.0, for code scanning."""

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from costdb import __version__
from costdb.contracts import Finding
from costdb.report import escape
from costdb.report.finding import WORSE, metric, subject
from costdb.trends.verdicts import finding_id

SCHEMA = (
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
)

_LEVELS = {"regression": "error", "warn": "warning"}


def sarif(findings: Sequence[Finding], location: str) -> dict[str, Any]:
    """Results for what got worse; what was not judged is among the tool's notifications.

    Args:
        findings: What was found.
        location: The file that results are shown at, from the top of the repository.
    """
    worse = [finding for finding in findings if finding.verdict in WORSE]
    kinds = sorted({finding.kind for finding in worse})
    unjudged = [finding for finding in findings if finding.verdict == "not-judged"]
    return {
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {
                    "driver": {
                        "name": "costdb",
                        "version": __version__,
                        "rules": [_rule(kind) for kind in kinds],
                    }
                },
                "invocations": [
                    {
                        "executionSuccessful": True,
                        "toolExecutionNotifications": [_notification(f) for f in unjudged],
                    }
                ],
                "results": [_result(finding, kinds, location) for finding in worse],
            }
        ],
    }


def _rule(kind: str) -> dict[str, Any]:
    what = escape.sarif_message(kind.replace("-", " "))
    return {"id": kind, "shortDescription": {"text": what}}


def _notification(finding: Finding) -> dict[str, Any]:
    text = f"not judged: {metric(finding)} of {subject(finding)}: {finding.reason}"
    return {"level": "note", "message": {"text": escape.sarif_message(text)}}


def _result(finding: Finding, kinds: Sequence[str], location: str) -> dict[str, Any]:
    identity = finding_id(finding)
    text = f"{subject(finding)}: {finding.reason}; the rule: {finding.rule}"
    result = {
        "ruleId": finding.kind,
        "ruleIndex": kinds.index(finding.kind),
        "level": _LEVELS[finding.verdict],
        "message": {"text": escape.sarif_message(text)},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(os.fsencode(location))},
                    # A model has no lines, but GitHub shows no result without one.
                    "region": {"startLine": 1},
                },
                "logicalLocations": [
                    {"fullyQualifiedName": escape.plain(part.scope), "kind": "module"}
                    for part in finding.attribution
                ],
            }
        ],
        # GitHub reads the first of them only, and makes its own if it is missing.
        "partialFingerprints": {"primaryLocationLineHash": identity, "costdb/v1": identity},
        "properties": {
            "model": finding.model,
            "tag": finding.tag,
            "point": finding.point,
            "metric": finding.metric,
            "scope": finding.scope,
            "old": finding.old,
            "new": finding.new,
            "limit": finding.limit,
        },
    }
    if finding.is_new is not None:
        result["baselineState"] = "new" if finding.is_new else "unchanged"
    return result
