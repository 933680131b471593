"""What the store returns. Loads no SQLAlchemy. Times are aware and in UTC."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import NamedTuple

from costdb.contracts import Finding
from costdb.cost.result import Analysis, Artifact, GraphCost, Totals
from costdb.ir import Graph


class IngestStatus(Enum):
    """What an ingest did."""

    CREATED = "created"
    UNCHANGED = "unchanged"
    ADDED_POINTS = "added points"
    REPLACED = "replaced"
    REANALYSED = "re-analysed"


@dataclass(frozen=True, slots=True)
class PointOutcome:
    """What an ingest did at one operating point.

    Attributes:
        point: The operating point.
        status: CREATED, UNCHANGED, ADDED_POINTS, REPLACED or REANALYSED.
        structure_digest: Digest of the structure that is current now.
        old_digest: Digest of the structure that was current before; None for a new point.
        cost_added: Whether a cost under these rules was new to the database.
    """

    point: str
    status: IngestStatus
    structure_digest: str
    old_digest: str | None
    cost_added: bool


@dataclass(frozen=True, slots=True)
class IngestOutcome:
    """What an ingest did.

    Attributes:
        status: The most that happened at any point.
        model: The model's name.
        tag: The version's tag.
        ordinal: The version's place among the model's versions.
        points: Each operating point, in the order given.
        stale_points: Operating points of the version that still show the file that was replaced.
    """

    status: IngestStatus
    model: str
    tag: str
    ordinal: int
    points: tuple[PointOutcome, ...]
    stale_points: tuple[str, ...] = ()

    @property
    def digests(self) -> Mapping[str, str]:
        """Operating point -> digest of its structure."""
        return {outcome.point: outcome.structure_digest for outcome in self.points}


@dataclass(frozen=True, slots=True)
class VersionRecord:
    """One version of a model.

    Attributes:
        id: Its row.
        model: The model's name.
        tag: Unique among the model's versions.
        ordinal: Its place among them; they have gaps.
        branch: The line that it continues.
        git_sha: The commit it was built from; None where not said.
        file_format: Such as "onnx".
        framework: "onnx", "tensorflow" or "pytorch".
        artifact_path: Path or URL of the file, without credentials.
        artifact_bytes: The file's size.
        sha256: The file's hash; None where not asked for.
        source: Where it comes from, such as a CI run; None where not said.
        author: Who ingested it; None where not said.
        created_at: When it was ingested first.
        archived_at: When it was taken out of lists and baselines; None while it is in them.
        points: Its operating points; `default` first, the rest by name.
    """

    id: int
    model: str
    tag: str
    ordinal: int
    branch: str
    git_sha: str | None
    file_format: str
    framework: str
    artifact_path: str
    artifact_bytes: int
    sha256: str | None
    source: str | None
    author: str | None
    created_at: datetime
    archived_at: datetime | None
    points: tuple[str, ...]

    @property
    def name(self) -> str:
        """As it is typed: `detector@v7`."""
        return f"{self.model}@{self.tag}"

    @property
    def artifact(self) -> Artifact:
        """The file that was costed."""
        return Artifact(self.artifact_path, self.file_format, self.framework, self.artifact_bytes)


class Neighbours(NamedTuple):
    """What came before a version on its branch, with its operating point.

    Attributes:
        previous: The one just before; None for the first.
        first: The first of all; None for the first itself.
    """

    previous: VersionRecord | None
    first: VersionRecord | None


@dataclass(frozen=True, slots=True)
class ModelRecord:
    """One model.

    Attributes:
        name: The model's name.
        description: What it is for; may be empty.
        former_names: What it was called before.
        versions: How many it has, archived ones left out.
        latest_tag: The highest ordinal on `main`, else on any branch; None without versions.
        latest_totals: Operating point -> what that version costs; None where it has no cost under
            today's rules.
    """

    name: str
    description: str
    former_names: tuple[str, ...]
    versions: int
    latest_tag: str | None
    latest_totals: Mapping[str, Totals | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SeriesPoint:
    """One version in a series.

    Attributes:
        tag: The version's tag.
        ordinal: Its place among the model's versions.
        ingested_at: When it was ingested first.
        git_sha: The commit it was built from.
        structure_digest: Digest of what was costed; equal digests cost the same.
        totals: What it costs under today's rules; None where it has to be recosted first.
        rules: The revision that `totals` were counted under; where they are None, the last
            revision that it was costed under.
        is_archived: Whether it was taken out of lists and baselines.
    """

    tag: str
    ordinal: int
    ingested_at: datetime
    git_sha: str | None
    structure_digest: str
    totals: Totals | None
    rules: int | None
    is_archived: bool = False

    @property
    def is_lower_bound(self) -> bool:
        """Whether some layer was not counted."""
        return self.totals is not None and bool(self.totals.unknown_layers)


@dataclass(frozen=True, slots=True)
class Series:
    """The versions of one model at one operating point on one branch, by ordinal."""

    model: str
    point: str
    branch: str
    versions: tuple[SeriesPoint, ...]


class Content(NamedTuple):
    """What a version is made of at an operating point; many versions have the same.

    Attributes:
        structure_id: The row of its structure.
        layer_names_id: The row of the names of its layers.
    """

    structure_id: int
    layer_names_id: int


@dataclass(frozen=True, slots=True)
class StoredVersion:
    """One version at one operating point, as rich as the day it was analysed.

    Attributes:
        version: The version.
        analysis: Its graph and cost, rebuilt; the graph's notes are among the warnings.
    """

    version: VersionRecord
    analysis: Analysis

    @property
    def point(self) -> str:
        """The operating point."""
        return self.analysis.point

    @property
    def graph(self) -> Graph:
        """The layers."""
        return self.analysis.graph

    @property
    def cost(self) -> GraphCost:
        """What they cost."""
        return self.analysis.cost

    @property
    def artifact(self) -> Artifact:
        """The file that was costed."""
        return self.analysis.artifact


@dataclass(frozen=True, slots=True)
class AliasRecord:
    """An alias.

    Attributes:
        model: The model's name.
        name: The alias.
        tag: The version that it stands for.
        author: Who set it; None where not said.
        updated_at: When it was set to that version.
    """

    model: str
    name: str
    tag: str
    author: str | None
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class AliasMove:
    """What became of an alias.

    Attributes:
        model: The model's name.
        name: The alias.
        before: The tag that it stood for; None where there was no such alias.
        after: The tag that it stands for; None where there is none any more.
    """

    model: str
    name: str
    before: str | None
    after: str | None


@dataclass(frozen=True, slots=True)
class CheckRun:
    """What a check found.

    Attributes:
        subject: What was judged, as it is typed: "detector", "detector@prod".
        baseline: Against what: a branch, for the baselines of a policy, or what `--against` says.
        rules: The revision of the counting rules.
        verdict: The worst.
        findings: All of them.
        created_at: When.
    """

    subject: str
    baseline: str
    rules: int
    verdict: str
    findings: tuple[Finding, ...]
    created_at: datetime


class TokenScope(Enum):
    """What a token allows; each allows what those before it do."""

    READ = "read"
    INGEST = "ingest"  # versions, and runs of checks
    ADMIN = "admin"  # acceptances as well

    def includes(self, other: "TokenScope") -> bool:
        """Whether it allows all that another does."""
        order = list(TokenScope)
        return order.index(self) >= order.index(other)


@dataclass(frozen=True, slots=True)
class TokenRecord:
    """A token, without its secret.

    Attributes:
        name: Whose it is.
        scope: What it allows.
        model_glob: Of which models; "*" for all.
        created_at: When it was made.
        expires_at: From when on it allows nothing; None for never.
        revoked_at: When it was taken back; None while it holds.
    """

    name: str
    scope: TokenScope
    model_glob: str
    created_at: datetime
    expires_at: datetime | None
    revoked_at: datetime | None

    def holds(self, now: datetime) -> bool:
        """Whether it allows anything at a time."""
        has_expired = self.expires_at is not None and self.expires_at <= now
        return self.revoked_at is None and not has_expired
