"""The forms of what the API answers, for who reads its OpenAPI description.

Answers are made by the same functions as the command line's JSON; tests hold them to these forms.
Additions are no new version.
"""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from costdb.canonical_schema import Number, Text
from costdb.cost.schema import LayerDocument, TotalsDocument
from costdb.pushing import CarriedAnalysis
from costdb.store.records import IngestStatus
from costdb.trends.acceptance import AcceptanceState
from costdb.trends.verdicts import Verdict


class _Document(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelDocument(_Document):
    """A model with what its latest version costs at each operating point.

    A point is null where the version was counted by other rules.
    """

    model: Text = Field(examples=["detector"])
    description: Text
    former_names: list[Text]
    versions: Number
    latest: Text | None = Field(examples=["v7"])
    points: dict[Text, TotalsDocument | None]


class ModelsDocument(_Document):
    """Every model that the visitor may read."""

    schema_: Literal["costdb.models/1"] = Field(alias="schema")
    models: list[ModelDocument]


class HistoryVersionDocument(_Document):
    """A version in a series; `totals` is null where it was counted by other rules."""

    tag: Text
    ordinal: int
    ingested_at: datetime
    git_sha: Text | None
    archived: bool
    rules: Number | None
    structure: Text
    totals: TotalsDocument | None
    derived: dict[Text, int | float | None]


class SeriesDocument(_Document):
    """The versions of a model on a branch, at one operating point, by ordinal."""

    model: Text
    point: Text
    branch: Text
    versions: list[HistoryVersionDocument]


class HistoryDocument(_Document):
    """What versions cost, one after the other."""

    schema_: Literal["costdb.history/1"] = Field(alias="schema")
    series: list[SeriesDocument]


class FileDocument(_Document):
    """The file that was analysed."""

    path: Text
    format: Text
    framework: Text
    bytes: Number


class VersionDocument(_Document):
    """One version of a model; a point is null where it has to be recosted first."""

    model: Text = Field(examples=["detector"])
    tag: Text = Field(examples=["v7"])
    ordinal: int
    branch: Text = Field(examples=["main"])
    git_sha: Text | None
    author: Text | None
    source: Text | None
    sha256: Text | None
    artifact: FileDocument
    ingested_at: datetime
    archived_at: datetime | None
    points: dict[Text, TotalsDocument | None]


class VersionsPage(_Document):
    """Some versions; `next` is null on the last page, else the `after` of the following one."""

    versions: list[VersionDocument]
    next: int | None


class VersionAnalysis(_Document):
    """A version at one operating point, with its graph."""

    version: VersionDocument
    carried: CarriedAnalysis


class LayersPage(_Document):
    """Some layers of a version; `total` is how many there are."""

    version: Text = Field(examples=["detector@v7"])
    point: Text
    total: Number
    offset: Number
    layers: list[LayerDocument]


class PushedPoint(_Document):
    """What became of one operating point; `old_digest` is what stood there before."""

    point: Text
    status: IngestStatus
    structure_digest: Text
    old_digest: Text | None
    cost_added: bool


class PushAnswer(_Document):
    """What became of a push.

    `stale_points` still show the file that was replaced. `warnings` say what the client counted
    otherwise.
    """

    status: IngestStatus
    model: Text
    tag: Text
    ordinal: int
    points: list[PushedPoint]
    stale_points: list[Text]
    warnings: list[Text]


class AttributionPart(_Document):
    """A part of the model that changed a metric; `share` is its part of the whole change."""

    scope: Text
    share: float
    change: int
    text: Text


class FindingDocument(_Document):
    """One metric of one version, judged by one policy rule against one baseline."""

    id: Text
    kind: Text = Field(examples=["macs-increased"])
    model: Text
    tag: Text
    point: Text
    metric: Text
    scope: Text
    verdict: Verdict
    reason: Text
    old: int | None
    new: int | None
    limit: int | None
    rule: Text
    baseline: Text
    attribution: list[AttributionPart]
    is_new: bool | None


class CheckDocument(_Document):
    """What a check found; the verdict is the worst of all."""

    schema_: Literal["costdb.check/1"] = Field(alias="schema")
    verdict: Verdict
    findings: list[FindingDocument]


class CheckAnswer(_Document):
    """What a check found, and what a reader should know besides."""

    document: CheckDocument
    warnings: list[Text]


class RunDocument(_Document):
    """What was found of a subject against a baseline, the last time that it was kept."""

    subject: Text = Field(examples=["detector"])
    baseline: Text = Field(examples=["branch main"])
    rules: Number
    verdict: Verdict
    checked_at: datetime
    findings: list[FindingDocument]


class FindingsDocument(_Document):
    """The last kept runs."""

    runs: list[RunDocument]


class ReplayedVersionDocument(_Document):
    """What would have been said of a version when it was the latest."""

    tag: Text
    ordinal: int
    verdict: Verdict
    findings: list[FindingDocument]


class ReplayDocument(_Document):
    """A policy over the versions of a model; `policy` says where it comes from."""

    schema_: Literal["costdb.replay/1"] = Field(alias="schema")
    model: Text
    branch: Text
    policy: Text
    versions: list[ReplayedVersionDocument]


class AcceptanceDocument(_Document):
    """A value that a metric may reach; `id` is null and `file` is said for one in a file."""

    id: int | None
    file: Text | None
    model: Text
    tag: Text | None
    point: Text
    metric: Text
    scope: Text
    value: Number | None
    rules: Number
    reason: Text
    by: Text | None
    accepted_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None


class StatedAcceptance(AcceptanceDocument):
    """The same, and whether it holds."""

    state: AcceptanceState


class AcceptancesDocument(_Document):
    """What was accepted, the latest first."""

    schema_: Literal["costdb.acceptances/1"] = Field(alias="schema")
    acceptances: list[StatedAcceptance]


class AcceptedDocument(_Document):
    """What was accepted just now; nothing, where the policy finds nothing."""

    schema_: Literal["costdb.accept/1"] = Field(alias="schema")
    version: Text
    file: Text | None
    accepted: list[AcceptanceDocument]


class RevokedDocument(_Document):
    """What was taken back."""

    schema_: Literal["costdb.accept/1"] = Field(alias="schema")
    revoked: AcceptanceDocument
