"""Findings as a check hands them to the renderers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from costdb.contracts import Attribution, Finding
from costdb.cost.result import Totals
from costdb.store.records import Series, SeriesPoint

NOW = datetime(2026, 3, 5, 4, 30, tzinfo=UTC)

# 1,000 -> 1,340 is an increase of 34 %, of which 300/340 = 88 % and 40/340 = 12 %.
REGRESSION = Finding(
    kind="macs-increased",
    model="detector",
    tag="v3",
    point="default",
    metric="macs",
    scope="total",
    verdict="regression",
    reason="macs +34.0 % (1,000 -> 1,340) against previous v2, limit 1,050",
    old=1_000,
    new=1_340,
    limit=1_050,
    rule='macs max_increase = "5%" against previous, fail',
    baseline="previous v2",
    attribution=(
        Attribution("decoder/*", 300, "8 new Conv"),
        Attribution("head", 40, "Conv changed 3x3 -> 5x5"),
    ),
    is_new=True,
)


def finding(**changes: Any) -> Finding:
    """A regression of detector@v3, changed as given."""
    return replace(REGRESSION, **changes)


def not_judged(reason: str = "no earlier version on branch main", **changes: Any) -> Finding:
    """A finding that could not be judged."""
    unknown: dict[str, Any] = {
        **dict.fromkeys(("old", "new", "limit", "is_new")),
        "kind": "macs-not-judged",
        "verdict": "not-judged",
        "reason": reason,
        "baseline": "previous",
        "attribution": (),
    }
    return finding(**{**unknown, **changes})


def fine(**changes: Any) -> Finding:
    """A finding of a metric that did not move."""
    unchanged = {
        "kind": "macs-unchanged",
        "verdict": "ok",
        "reason": "macs unchanged at 1,000 against previous v2",
        "new": 1_000,
        "attribution": (),
        "is_new": None,
    }
    return finding(**{**unchanged, **changes})


def over_budget(**changes: Any) -> Finding:
    """A metric that is over what it may be in all."""
    spent = {
        "kind": "weight-bytes-over-budget",
        "metric": "weight_bytes",
        "reason": "weight_bytes 30,000,000, over the budget of 25,000,000 by 5,000,000",
        "old": None,
        "new": 30_000_000,
        "limit": 25_000_000,
        "rule": 'weight_bytes budget = "25 MB", fail',
        "baseline": "",
        "attribution": (),
    }
    return finding(**{**spent, **changes})


def series(
    *macs: int | None, model: str = "detector", point: str = "default", branch: str = "main"
) -> Series:
    """Versions v1, v2 ... with these MACs; the weights take four bytes for each; None is stale."""
    return Series(
        model,
        point,
        branch,
        tuple(
            SeriesPoint(
                tag=f"v{number}",
                ordinal=number * 1_024,
                ingested_at=NOW + timedelta(days=number),
                git_sha=None,
                structure_digest=f"1:{value}",
                totals=None if value is None else totals(value),
                rules=1,
            )
            for number, value in enumerate(macs, 1)
        ),
    )


def totals(macs: int) -> Totals:
    """Totals of a network of so many MACs."""
    others = dict.fromkeys(
        (
            "int_ops", "memory_accesses", "traffic_bytes", "activation_bytes",
            "peak_activation_bytes", "unknown_layers",
        ),
        0,
    )  # fmt: skip
    return Totals(
        params=macs,
        buffers=0,
        weight_bytes=4 * macs,
        macs=macs,
        flops=2 * macs,
        peak_memory_bytes=4 * macs,
        layers=1,
        **others,
    )
