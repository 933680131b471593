"""What an ingest did, as a listing and as JSON, `costdb.ingest/1`."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from costdb.report.analysis import METRIC_UNITS, describe_coverage
from costdb.report.listing import Column, Listing, Unit
from costdb.store.records import IngestStatus

if TYPE_CHECKING:
    from costdb.api import Ingested

METRICS_SHOWN = ("macs", "flops", "params", "weight_bytes", "peak_memory_bytes")

_SENTENCES = {
    IngestStatus.CREATED: "stored as a new version",
    IngestStatus.UNCHANGED: "nothing changed: this structure is stored already",
    IngestStatus.ADDED_POINTS: "operating points added",
    IngestStatus.REPLACED: "replaced; the old analysis is kept",
    IngestStatus.REANALYSED: "analysed again: the loader reads this file differently now",
}


def ingest_listings(result: "Ingested") -> Iterator[Listing]:
    """What happened, and what the version costs at each point."""
    outcome = result.outcome
    footer = [describe_coverage(analysis.cost) for analysis in result.analyses]
    stale = ", ".join(outcome.stale_points)
    if stale:
        footer.append(f"still of the old file: {stale}; ingest them again with --at")
    yield Listing(
        (Column("point"), *(Column(name, METRIC_UNITS[name]) for name in METRICS_SHOWN)),
        [
            (analysis.point, *(analysis.cost.totals[name] for name in METRICS_SHOWN))
            for analysis in result.analyses
        ],
        title=f"{outcome.model}@{outcome.tag}: {_SENTENCES[outcome.status]}",
        footer=tuple(dict.fromkeys(footer)),
    )


def ingest_rows(result: "Ingested") -> Listing:
    """A row for each point, for CSV."""
    outcome = result.outcome
    headings = ("model", "tag", "point", "status", "structure", *METRICS_SHOWN)
    return Listing(
        tuple(Column(name, Unit.TEXT) for name in headings),
        [
            (
                outcome.model,
                outcome.tag,
                point.point,
                point.status.value,
                point.structure_digest,
                *(analysis.cost.totals[name] for name in METRICS_SHOWN),
            )
            for point, analysis in zip(outcome.points, result.analyses, strict=True)
        ],
    )


def ingest_document(result: "Ingested") -> dict[str, Any]:
    """What happened at each point, exact."""
    outcome = result.outcome
    return {
        "schema": "costdb.ingest/1",
        "model": outcome.model,
        "tag": outcome.tag,
        "ordinal": outcome.ordinal,
        "status": outcome.status.value,
        "points": [
            {
                "point": point.point,
                "status": point.status.value,
                "structure": point.structure_digest,
                "replaced": point.old_digest,
            }
            for point in outcome.points
        ],
        "warnings": list(result.warnings),
    }
