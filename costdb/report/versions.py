"""Versions as JSON, for the server."""

from collections.abc import Mapping
from typing import Any

from costdb.cost.result import METRICS, Totals
from costdb.store.records import VersionRecord


def version_document(version: VersionRecord, totals: Mapping[str, Totals | None]) -> dict[str, Any]:
    """All that is known of a version.

    Args:
        version: The version.
        totals: What it costs at its operating points; nothing where it has to be recosted first.
    """
    return {
        "model": version.model,
        "tag": version.tag,
        "ordinal": version.ordinal,
        "branch": version.branch,
        "git_sha": version.git_sha,
        "author": version.author,
        "source": version.source,
        "sha256": version.sha256,
        "artifact": {
            "path": version.artifact_path,
            "format": version.file_format,
            "framework": version.framework,
            "bytes": version.artifact_bytes,
        },
        "ingested_at": version.created_at.isoformat(),
        "archived_at": version.archived_at and version.archived_at.isoformat(),
        "points": {point: _totals(totals.get(point)) for point in version.points},
    }


def _totals(totals: Totals | None) -> dict[str, int | None] | None:
    return None if totals is None else {metric: totals[metric] for metric in METRICS}
