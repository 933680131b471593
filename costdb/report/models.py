"""The models of a database as a listing and as JSON, `costdb.models/1`."""

from collections.abc import Sequence
from typing import Any

from costdb.cost.result import METRICS
from costdb.report.analysis import METRIC_UNITS
from costdb.report.listing import Column, Listing, Unit
from costdb.store.records import ModelRecord

METRICS_SHOWN = ("macs", "flops", "params", "weight_bytes", "peak_memory_bytes")


def models_listing(models: Sequence[ModelRecord]) -> Listing:
    """A row for each operating point of each model's latest version."""
    rows = [
        (
            model.name,
            model.versions,
            model.latest_tag,
            point,
            *(totals[metric] if totals else None for metric in METRICS_SHOWN),
        )
        for model in models
        for point, totals in (model.latest_totals or {"": None}).items()
    ]
    return Listing(
        (
            Column("model"),
            Column("versions", Unit.EXACT),
            Column("latest"),
            Column("point"),
            *(Column(metric, METRIC_UNITS[metric]) for metric in METRICS_SHOWN),
        ),
        rows,
        footer=() if rows else ("none yet: costdb ingest FILE --tag v1",),
    )


def models_document(models: Sequence[ModelRecord]) -> dict[str, Any]:
    """Every model; totals are exact, and null where the version was counted by other rules."""
    return {
        "schema": "costdb.models/1",
        "models": [
            {
                "model": model.name,
                "description": model.description,
                "former_names": list(model.former_names),
                "versions": model.versions,
                "latest": model.latest_tag,
                "points": {
                    point: totals and {metric: totals[metric] for metric in METRICS}
                    for point, totals in model.latest_totals.items()
                },
            }
            for model in models
        ],
    }
