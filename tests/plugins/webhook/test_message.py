"""What is sent."""

import json

import pytest
from builders.findings import finding

from costdb_webhook.message import CHARACTERS_OF_ONE, FINDINGS_IN_TEXT, message


def test_people_get_a_line_for_each_finding_and_programs_exact_numbers() -> None:
    findings = [finding(), finding(verdict="warn", point="b8", reason="1 -> 2")]
    sent = json.loads(json.dumps(message(findings)))
    assert sent["text"].split("\n")[0] == "2 new findings of costdb:"
    assert sent["text"].split("\n")[2] == "- warn: detector@v3 at b8: 1 -&gt; 2"
    assert sent["schema"] == "costdb.notification/1"
    first = sent["findings"][0]
    assert (first["old"], first["new"], first["limit"]) == (1_000, 1_340, 1_050)
    assert first["attribution"][0] == {"scope": "decoder/*", "change": 300, "text": "8 new Conv"}


def test_a_name_calls_no_one_and_makes_no_line() -> None:
    text = message([finding(model="<!channel>\n- ok & <http://h|x>\x1b")])["text"]
    assert "<" not in text
    assert text.count("\n") == 1
    assert "&lt;!channel&gt; - ok &amp; &lt;http:\u200b//h|x&gt; @\u200bv3" in text
    assert message([finding()])["mrkdwn"] is False


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("from @all and (@here)", "from @\u200ball and (@\u200bhere)"),
        ("[here](javascript)", "[here]\u200b(javascript)"),
        ("see https://h/x or HTTP:/h", "see https:\u200b//h/x or HTTP:\u200b/h"),
        ("or www.h.org, www2.h.org", "or www\u200b.h.org, www\u200b2.h.org"),
        ("*h.org/x* mailto:a", "*h.\u200borg/x* mailto:\u200ba"),
        ("against previous hotel@v1, 46 % from layer3/*, tel: none, hotel:0", None),
    ],
)
def test_nobody_is_called_and_nothing_is_a_link(reason: str, shown: str | None) -> None:
    line = message([finding(reason=reason)])["text"].split("\n")[1]
    assert line == f"- regression: detector@v3: {shown or reason}"


def test_a_text_stays_short_and_says_how_much_it_leaves_out() -> None:
    many = [finding(reason="x" * 10_000)] * (FINDINGS_IN_TEXT + 5)
    lines = message(many)["text"].split("\n")
    assert len(lines) == FINDINGS_IN_TEXT + 2
    assert max(map(len, lines)) == CHARACTERS_OF_ONE + len("- ")
    assert lines[-1] == "- and 5 more"
    assert len(message(many)["findings"]) == len(many)
