"""A stored version as listings and as JSON, `costdb.show/1`."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from costdb.cost.document import analysis_document
from costdb.report.analysis import Grouping, analysis_listings
from costdb.report.listing import Listing
from costdb.report.numbers import joined
from costdb.store.records import StoredVersion


def show_listings(stored: StoredVersion, by: Grouping, top: int | None) -> Iterator[Listing]:
    """Totals, where the version comes from, and its largest parts."""
    version = stored.version
    origin = joined(
        (
            f"branch {version.branch}",
            f"commit {version.git_sha}" if version.git_sha else "",
            f"by {version.author}" if version.author else "",
            f"from {version.source}" if version.source else "",
            f"ingested {version.created_at:%Y-%m-%d %H:%M} UTC",
        )
    )
    first, *rest = analysis_listings(stored.analysis, by, top, version.name)
    yield replace(first, footer=(origin, *first.footer))
    yield from rest


def show_document(stored: StoredVersion) -> dict[str, Any]:
    """The version, and its analysis as `costdb.analysis/1`."""
    version = stored.version
    return {
        "schema": "costdb.show/1",
        "model": version.model,
        "tag": version.tag,
        "ordinal": version.ordinal,
        "branch": version.branch,
        "git_sha": version.git_sha,
        "author": version.author,
        "source": version.source,
        "sha256": version.sha256,
        "ingested_at": version.created_at.isoformat(),
        "points": list(version.points),
        "analysis": analysis_document(stored.analysis),
    }
