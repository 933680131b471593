"""Which acceptances hold."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from costdb.trends.acceptance import Acceptance, AcceptanceKey, in_force, states

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
KEY = AcceptanceKey("detector", "default", "macs", "total")


def accepted(value: int, days_ago: int = 1, **fields: Any) -> Acceptance:
    given: dict[str, Any] = {"model": "detector", "tag": "v7", "point": "default"} | fields
    return Acceptance(
        metric="macs", scope="total", value=value, rules=1, reason="r", author="ada",
        accepted_at=NOW - days_ago * DAY, **given,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("made", "value"),
    [
        pytest.param([], None, id="none"),
        pytest.param([accepted(1)], 1, id="one"),
        pytest.param([accepted(2, 1), accepted(1, 2)], 2, id="the later one"),
        pytest.param(
            [accepted(2, id=2), accepted(1, id=1)], 2, id="of one moment the later number"
        ),
        pytest.param([accepted(1, 2), accepted(2, revoked_at=NOW)], 1, id="one is revoked"),
        pytest.param([accepted(1, expires_at=NOW)], None, id="one ends now"),
        pytest.param([accepted(1, expires_at=NOW + DAY)], 1, id="one ends tomorrow"),
    ],
)
def test_in_force(made: list[Acceptance], value: int | None) -> None:
    held = in_force(made, NOW)
    assert (held[KEY].value if held else None) == value


def test_states_with_the_latest_first() -> None:
    made = [
        accepted(1, 5),
        accepted(2, 4),
        accepted(3, 3, revoked_at=NOW),
        accepted(4, 2, expires_at=NOW - DAY),
        accepted(5, 1, point="b32"),
    ]
    assert [(one.value, state.value) for one, state in states(made, NOW)] == [
        (5, "in force"),
        (4, "expired"),
        (3, "revoked"),
        (2, "in force"),
        (1, "superseded"),
    ]
