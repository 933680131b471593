"""What a server answers, checked, as the records that the functions of `costdb.api` return."""

from collections.abc import Iterator
from datetime import datetime
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from costdb import __version__
from costdb.canonical_schema import Text
from costdb.contracts import Attribution, Finding
from costdb.cost.result import Totals
from costdb.cost.schema import TotalsDocument
from costdb.errors import ServerUnavailable
from costdb.store.records import (
    IngestOutcome,
    IngestStatus,
    PointOutcome,
    Series,
    SeriesPoint,
    VersionRecord,
)
from costdb.trends.acceptance import Acceptance

_Form = TypeVar("_Form", bound=BaseModel)

# 64 bits, of either sign: what a database holds.
_Integer = Annotated[int, Field(ge=-(2**63), le=2**63 - 1, strict=True)]


class _Answer(BaseModel):
    # What a later server says besides is no mistake.
    model_config = ConfigDict(extra="ignore", frozen=True)


class _ArtifactForm(_Answer):
    path: Text
    format: Text
    framework: Text
    bytes: _Integer


class VersionForm(_Answer):
    """A version, as `costdb.report.versions` writes it."""

    model: Text
    tag: Text
    ordinal: _Integer
    branch: Text
    git_sha: Text | None
    author: Text | None
    source: Text | None
    sha256: Text | None
    artifact: _ArtifactForm
    ingested_at: datetime
    archived_at: datetime | None
    points: dict[Text, Any]

    def record(self) -> VersionRecord:
        """The same as the store returns; its row is nobody's business here."""
        return VersionRecord(
            id=0,
            model=self.model,
            tag=self.tag,
            ordinal=self.ordinal,
            branch=self.branch,
            git_sha=self.git_sha,
            file_format=self.artifact.format,
            framework=self.artifact.framework,
            artifact_path=self.artifact.path,
            artifact_bytes=self.artifact.bytes,
            sha256=self.sha256,
            source=self.source,
            author=self.author,
            created_at=self.ingested_at,
            archived_at=self.archived_at,
            points=tuple(self.points),
        )


class VersionAnalysisForm(_Answer):
    """A version with its analysis at one operating point; see `costdb.pushing`."""

    version: VersionForm
    carried: dict[str, Any]


class _SeriesPointForm(_Answer):
    tag: Text
    ordinal: _Integer
    ingested_at: datetime
    git_sha: Text | None
    archived: bool
    rules: _Integer | None
    structure: Text
    totals: TotalsDocument | None

    def record(self) -> SeriesPoint:
        """The same as the store returns."""
        return SeriesPoint(
            tag=self.tag,
            ordinal=self.ordinal,
            ingested_at=self.ingested_at,
            git_sha=self.git_sha,
            structure_digest=self.structure,
            totals=None if self.totals is None else Totals(**dict(self.totals)),
            rules=self.rules,
            is_archived=self.archived,
        )


class SeriesForm(_Answer):
    """One series of `costdb.history/1`, or some of its versions."""

    model: Text
    point: Text
    branch: Text
    versions: list[_SeriesPointForm]

    def record(self) -> Series:
        """The same as the store returns."""
        versions = tuple(version.record() for version in self.versions)
        return Series(self.model, self.point, self.branch, versions)


class _PointOutcomeForm(_Answer):
    point: Text
    status: IngestStatus
    structure_digest: Text
    old_digest: Text | None
    cost_added: bool


class OutcomeForm(_Answer):
    """What became of a push."""

    status: IngestStatus
    model: Text
    tag: Text
    ordinal: _Integer
    points: list[_PointOutcomeForm]
    stale_points: list[Text]
    warnings: list[Text] = []

    def record(self) -> IngestOutcome:
        """The same as the store returns."""
        return IngestOutcome(
            status=self.status,
            model=self.model,
            tag=self.tag,
            ordinal=self.ordinal,
            points=tuple(PointOutcome(**dict(point)) for point in self.points),
            stale_points=tuple(self.stale_points),
        )


class _AttributionForm(_Answer):
    scope: Text
    change: _Integer
    text: Text


class _FindingForm(_Answer):
    kind: Text
    model: Text
    tag: Text
    point: Text
    metric: Text
    scope: Text
    verdict: Literal["ok", "improved", "warn", "regression", "not-judged"]
    reason: Text
    old: _Integer | None
    new: _Integer | None
    limit: _Integer | None
    rule: Text
    baseline: Text
    attribution: list[_AttributionForm]
    is_new: bool | None

    def record(self) -> Finding:
        """The same as a check returns."""
        parts = tuple(Attribution(**dict(part)) for part in self.attribution)
        return Finding(**dict(self) | {"attribution": parts})


class _CheckDocumentForm(_Answer):
    schema_: Literal["costdb.check/1"] = Field(alias="schema")
    findings: list[_FindingForm]


class CheckForm(_Answer):
    """What was found, and what a reader should know."""

    document: _CheckDocumentForm
    warnings: list[Text]

    def findings(self) -> tuple[Finding, ...]:
        """The same as the policy's verdicts."""
        return tuple(finding.record() for finding in self.document.findings)


class _ReplayedVersionForm(_Answer):
    tag: Text
    ordinal: _Integer
    findings: list[_FindingForm]


class ReplayForm(_Answer):
    """`costdb.replay/1`."""

    schema_: Literal["costdb.replay/1"] = Field(alias="schema")
    policy: Text
    versions: list[_ReplayedVersionForm]

    def replayed(self) -> Iterator[tuple[str, int, tuple[Finding, ...]]]:
        """Of each version its tag, its ordinal, and what would have been found."""
        for version in self.versions:
            findings = tuple(finding.record() for finding in version.findings)
            yield version.tag, version.ordinal, findings


class _AcceptanceForm(_Answer):
    id: _Integer | None
    file: Text | None
    model: Text
    tag: Text | None
    point: Text
    metric: Text
    scope: Text
    value: _Integer | None
    rules: _Integer
    reason: Text
    by: Text | None
    accepted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def record(self) -> Acceptance:
        """The same as the store returns."""
        return Acceptance(
            model=self.model,
            tag=self.tag or "",
            point=self.point,
            metric=self.metric,
            scope=self.scope,
            value=self.value,
            rules=self.rules,
            reason=self.reason,
            author=self.by,
            accepted_at=self.accepted_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
            id=self.id,
            file=self.file or "",
        )


class AcceptanceForm(_Answer):
    """One acceptance under a key of its own: `{"revoked": ...}`."""

    revoked: _AcceptanceForm


class AcceptedForm(_Answer):
    """`costdb.accept/1`."""

    version: Text
    accepted: list[_AcceptanceForm]

    def acceptances(self) -> Iterator[Acceptance]:
        """What was accepted."""
        return (one.record() for one in self.accepted)


class AcceptancesForm(_Answer):
    """`costdb.acceptances/1`."""

    acceptances: list[_AcceptanceForm]

    def records(self) -> Iterator[Acceptance]:
        """All that was accepted."""
        return (one.record() for one in self.acceptances)


def understood(form: type[_Form], answer: Any) -> _Form:
    """An answer as the form that it is to have.

    Raises:
        ServerUnavailable: It has another one: the server is of another version, or none at all.
    """
    try:
        return form.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"]))[:100] or "its top"
        raise _not_understood(f"{where}: {first['msg']}") from None


def require_schema(found: Any, schema: str) -> None:
    """See that what a document says of itself is what was asked for. Raises ServerUnavailable."""
    if found != schema:
        raise _not_understood(f"it is no {schema}")


def _not_understood(reason: str) -> ServerUnavailable:
    """The error for an answer of another form than this program knows."""
    return ServerUnavailable(
        f"the server answers what this costdb does not understand: {reason}",
        hint=f"use a costdb of the server's version; this is {__version__}",
    )
