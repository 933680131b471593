"""The tables. `migrations/` builds them; a test holds the two together.

Cost is a function of structure, and retraining repeats structures: a version has an analysis for
each operating point, an analysis names a structure, and the structure's costs are kept once.
"""

from sqlalchemy import (
    Column,
    ForeignKey,
    Index,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    UniqueConstraint,
)
from sqlalchemy.schema import SchemaItem

from costdb.contracts import COUNT_NAMES
from costdb.cost.result import METRICS
from costdb.store.types import AnyText, Flag, UtcDateTime, Whole

# Every revision of migrations/versions, the oldest first: a command compares the database's with
# these instead of importing Alembic.
REVISIONS = ("0001", "0002", "0003")

# Every constraint has a name: SQLite cannot drop one without.
metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    }
)

# What `costdb.cost.result.Totals` may lack for a state dict.
NULLABLE_METRICS = frozenset(METRICS) - {"params", "buffers", "weight_bytes"}

# How many layers are of each coverage; `unknown_layers` may be null, these are not.
COVERAGE_COLUMNS = ("exact", "estimated", "bounded", "unknown")

# What a layer has besides its counts, in whole numbers.
LAYER_METRICS = (
    "params",
    "buffers",
    "weight_bytes",
    "memory_accesses",
    "traffic_bytes",
    "activation_bytes",
    "live_bytes",
)


def _table(name: str, *items: SchemaItem, with_rowid: bool = True) -> Table:
    return Table(name, metadata, *items, sqlite_strict=True, sqlite_with_rowid=with_rowid)


def _identity() -> Column[int]:
    return Column("id", Whole, primary_key=True)


def _whole(name: str, *, nullable: bool = False) -> Column[int]:
    return Column(name, Whole, nullable=nullable)


def _text(name: str, *, nullable: bool = False) -> Column[str]:
    """Text that was checked, or that this program wrote."""
    return Column(name, Text, nullable=nullable)


def _any_text(name: str, *, nullable: bool = False) -> Column[str]:
    """Text from a file or a person."""
    return Column(name, AnyText, nullable=nullable)


def _moment(name: str, *, nullable: bool = False) -> Column[object]:
    return Column(name, UtcDateTime, nullable=nullable)


def _reference(name: str, target: str) -> Column[int]:
    return Column(name, Whole, ForeignKey(f"{target}.id"), nullable=False)


model = _table(
    "model",
    _identity(),
    _text("slug"),
    _any_text("description"),
    _text("former_names"),  # JSON list
    _moment("created_at"),
    UniqueConstraint("slug"),
)

version = _table(
    "version",
    _identity(),
    _reference("model_id", "model"),
    _text("tag"),
    _whole("ordinal"),
    _text("branch"),
    _any_text("git_sha", nullable=True),
    _text("file_format"),
    _text("framework"),
    _any_text("artifact_path"),
    _whole("artifact_bytes"),
    _text("sha256", nullable=True),
    _any_text("source", nullable=True),
    _any_text("author", nullable=True),
    _moment("created_at"),
    _moment("archived_at", nullable=True),
    UniqueConstraint("model_id", "tag"),
    UniqueConstraint("model_id", "ordinal"),
    Index(None, "model_id", "branch", "ordinal"),
)

structure = _table(
    "structure",
    _identity(),
    _text("digest"),
    _whole("ir_version"),
    Column("content", LargeBinary, nullable=False),  # zstd of the canonical JSON
    _text("loader"),  # that first gave it
    _whole("loader_revision"),
    UniqueConstraint("digest"),
)

layer_names = _table(
    "layer_names",
    _identity(),
    _text("digest"),
    Column("content", LargeBinary, nullable=False),  # zstd of the canonical JSON
    UniqueConstraint("digest"),
)

analysis = _table(
    "analysis",
    _identity(),
    _reference("version_id", "version"),
    _text("point"),
    _reference("structure_id", "structure"),
    _reference("layer_names_id", "layer_names"),
    _text("loader"),
    # Its own, not the structure's: loaders of several revisions may give one structure.
    _whole("loader_revision"),
    _text("warnings"),  # JSON list
    _moment("created_at"),
    _moment("replaced_at", nullable=True),  # null: the current one
    Index(None, "structure_id"),
)

# Partial on PostgreSQL as well, by its migration; saying so here would load that dialect for every
# command.
Index(
    "uq_analysis_current",
    analysis.c.version_id,
    analysis.c.point,
    unique=True,
    sqlite_where=analysis.c.replaced_at.is_(None),
)

cost = _table(
    "cost",
    _identity(),
    _reference("structure_id", "structure"),
    _whole("rules"),
    *(_whole(metric, nullable=metric in NULLABLE_METRICS) for metric in METRICS),
    *(_whole(coverage) for coverage in COVERAGE_COLUMNS),
    _text("unknown_ops"),  # JSON: operator -> how often
    UniqueConstraint("structure_id", "rules"),
)

layer_cost = _table(
    "layer_cost",
    _reference("cost_id", "cost"),
    _whole("position"),
    _any_text("op"),
    _text("dtype", nullable=True),
    _text("coverage"),
    *(_whole(count) for count in COUNT_NAMES),
    *(_whole(metric) for metric in LAYER_METRICS),
    Column("folded", Flag, nullable=False),
    _any_text("note"),
    PrimaryKeyConstraint("cost_id", "position"),
    with_rowid=False,
)

alias = _table(
    "alias",
    _reference("model_id", "model"),
    _text("name"),
    _reference("version_id", "version"),
    _any_text("author", nullable=True),
    _moment("updated_at"),
    PrimaryKeyConstraint("model_id", "name"),
)

acceptance = _table(
    "acceptance",
    _identity(),
    _reference("model_id", "model"),
    _reference("version_id", "version"),
    _text("point"),
    _text("metric"),
    _any_text("scope"),
    _whole("value", nullable=True),  # null where a finding has no number
    _whole("rules"),  # the revision that the value was counted under
    _any_text("reason"),
    _any_text("author", nullable=True),
    _moment("created_at"),
    _moment("expires_at", nullable=True),  # null: never
    _moment("revoked_at", nullable=True),
    Index(None, "model_id", "point", "metric", "scope"),
)

check_run = _table(
    "check_run",
    _identity(),
    _any_text("subject"),  # what was judged
    _any_text("baseline"),  # against what
    _whole("rules"),
    _text("verdict"),
    _text("findings"),  # JSON list
    _moment("created_at"),
    Index(None, "subject", "baseline"),
)

token = _table(
    "token",
    _identity(),
    _any_text("name"),
    _text("hash"),
    _text("scope"),  # read, ingest or admin
    _any_text("model_glob"),
    _moment("created_at"),
    _moment("expires_at", nullable=True),
    _moment("revoked_at", nullable=True),
    UniqueConstraint("name"),
    UniqueConstraint("hash"),
)

# What the server answered to a push, for a client that asks again because it got no answer.
receipt = _table(
    "receipt",
    _text("key"),  # digest of the token's name and the client's key
    _text("request"),  # digest of what was pushed
    _any_text("answer"),  # JSON
    _moment("created_at"),
    PrimaryKeyConstraint("key"),
    Index(None, "created_at"),
)
