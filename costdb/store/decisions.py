"""What becomes of an analysis whose version is in the database already. Pure functions."""

from collections.abc import Collection
from typing import NamedTuple

from costdb.cost.result import Analysis
from costdb.errors import VersionConflict
from costdb.store.records import IngestStatus

# What an ingest says happened, if several things did: the first of these.
_PRECEDENCE = (
    IngestStatus.CREATED,
    IngestStatus.REPLACED,
    IngestStatus.REANALYSED,
    IngestStatus.ADDED_POINTS,
    IngestStatus.UNCHANGED,
)


class StoredFile(NamedTuple):
    """What the database knows of a version's file: its size in bytes and perhaps its hash."""

    artifact_bytes: int
    sha256: str | None


class CurrentAnalysis(NamedTuple):
    """The analysis that stands for an operating point of a version."""

    id: int
    structure_digest: str
    loader: str
    loader_revision: int


def decide(
    analysis: Analysis,
    current: CurrentAnalysis | None,
    *,
    is_same_file: bool,
    replace: bool,
    version_name: str,
) -> IngestStatus:
    """What becomes of an analysis of a version that exists.

    Args:
        analysis: The new one.
        current: The stored one at its operating point; None for a point that is new.
        is_same_file: Whether both are of the same file.
        replace: Whether another structure may take the place of the stored one.
        version_name: `MODEL@TAG`, for the message.

    Raises:
        VersionConflict: The structure is another one, and that was not asked for.
    """
    if current is None:
        return IngestStatus.ADDED_POINTS
    if current.structure_digest == analysis.structure_digest:
        return IngestStatus.UNCHANGED
    hint = "use another --tag, or --replace to show this one from now on"
    if is_same_file and current.loader == analysis.loader:
        if analysis.loader_revision > current.loader_revision:
            return IngestStatus.REANALYSED
        if analysis.loader_revision < current.loader_revision:
            hint = f"a newer {analysis.loader} loader read it before: upgrade the plugin"
    if replace:
        return IngestStatus.REPLACED
    raise VersionConflict(
        f"{version_name} exists with another structure at point {analysis.point!r}:"
        f" {current.structure_digest} is stored, {analysis.structure_digest} is new",
        hint=hint,
    )


def is_same_file(stored: StoredFile, analysis: Analysis, sha256: str | None) -> bool:
    """Whether an analysis is of the file that is stored, as far as sizes and hashes can tell."""
    if sha256 is not None and stored.sha256 is not None:
        return sha256 == stored.sha256
    # A Python object has no size.
    return 0 < analysis.artifact.bytes == stored.artifact_bytes


def overall_status(statuses: Collection[IngestStatus]) -> IngestStatus:
    """What happened in all, where several things happened at several points."""
    return next(status for status in _PRECEDENCE if status in statuses)
