"""What is sent: a text for people, and the findings for programs."""

import re
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from costdb.plugins import Finding

SCHEMA = "costdb.notification/1"

# Slack shows 40,000 characters and cuts what is longer.
FINDINGS_IN_TEXT = 20
CHARACTERS_OF_ONE = 500

# Mattermost calls whom an @ names and makes links of Markdown, and all make links of addresses:
# not if a space of no width stands behind these. What Mattermost takes for an address is `url` in
# https://github.com/mattermost/marked/blob/master/lib/marked.js.
_LIVE = re.compile(
    r"(?<!\w)@|\](?=\()|\b(?i:https?|ftp|mailto|tel):(?=\S)|:(?=/)"
    r"|www(?=\d{0,3}\.)|\.(?=\w{2,4}/)"
)
_NO_SPACE = "\u200b"


def message(findings: Sequence[Finding]) -> dict[str, Any]:
    """The body of the request: what Slack and its likes show, and every finding in full."""
    are = "s" if len(findings) != 1 else ""
    lines = [f"{len(findings)} new finding{are} of costdb:"]
    lines += [f"- {_line(finding)}" for finding in findings[:FINDINGS_IN_TEXT]]
    left = len(findings) - FINDINGS_IN_TEXT
    if left > 0:
        lines.append(f"- and {left} more")
    return {
        "text": "\n".join(lines),
        # Names of layers are no markup.
        "mrkdwn": False,
        "schema": SCHEMA,
        "findings": [asdict(finding) for finding in findings],
    }


def _line(finding: Finding) -> str:
    tag = f"@{finding.tag}" if finding.tag else ""
    point = f" at {finding.point}" if finding.point != "default" else ""
    text = f"{finding.verdict}: {finding.model}{tag}{point}: {finding.reason}"
    if len(text) > CHARACTERS_OF_ONE:
        text = f"{text[: CHARACTERS_OF_ONE - 1]}…"
    return _inert(text)


def _inert(text: str) -> str:
    """Text on one line that calls no one and holds no address, in Slack or in Mattermost."""
    printable = "".join(character if character.isprintable() else " " for character in text)
    slack = printable.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _LIVE.sub(rf"\g<0>{_NO_SPACE}", slack)
