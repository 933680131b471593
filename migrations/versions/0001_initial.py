"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# SQLite's tables are STRICT: they know INTEGER, TEXT and BLOB.
WHOLE = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
FLAG = sa.Boolean().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    create_models_and_versions()
    create_structures_and_analyses()
    create_costs()
    create_names_and_acceptances()
    create_runs_and_tokens()


def downgrade() -> None:
    for table in (
        "token",
        "check_run",
        "acceptance",
        "alias",
        "layer_cost",
        "cost",
        "analysis",
        "layer_names",
        "structure",
        "version",
        "model",
    ):
        op.drop_table(table)


def create_table(name: str, *items: sa.schema.SchemaItem, with_rowid: bool = True) -> None:
    op.create_table(name, *items, sqlite_strict=True, sqlite_with_rowid=with_rowid)


def create_models_and_versions() -> None:
    create_table(
        "model",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("former_names", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_model"),
        sa.UniqueConstraint("slug", name="uq_model_slug"),
    )
    create_table(
        "version",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("model_id", WHOLE, nullable=False),
        sa.Column("tag", sa.Text(), nullable=False),
        sa.Column("ordinal", WHOLE, nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("git_sha", sa.Text(), nullable=True),
        sa.Column("file_format", sa.Text(), nullable=False),
        sa.Column("framework", sa.Text(), nullable=False),
        sa.Column("artifact_path", sa.Text(), nullable=False),
        sa.Column("artifact_bytes", WHOLE, nullable=False),
        sa.Column("sha256", sa.Text(), nullable=True),
        sa.Column("source", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("archived_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
        sa.UniqueConstraint("model_id", "tag", name="uq_version_model_id_tag"),
        sa.UniqueConstraint("model_id", "ordinal", name="uq_version_model_id_ordinal"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_version_model_id"),
    )
    op.create_index(
        "ix_version_model_id_branch_ordinal", "version", ["model_id", "branch", "ordinal"]
    )


def create_structures_and_analyses() -> None:
    create_table(
        "structure",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ir_version", WHOLE, nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.Column("loader", sa.Text(), nullable=False),
        sa.Column("loader_revision", WHOLE, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_structure"),
        sa.UniqueConstraint("digest", name="uq_structure_digest"),
    )
    create_table(
        "layer_names",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_layer_names"),
        sa.UniqueConstraint("digest", name="uq_layer_names_digest"),
    )
    create_table(
        "analysis",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("structure_id", WHOLE, nullable=False),
        sa.Column("layer_names_id", WHOLE, nullable=False),
        sa.Column("loader", sa.Text(), nullable=False),
        sa.Column("loader_revision", WHOLE, nullable=False),
        sa.Column("warnings", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("replaced_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_analysis"),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name="fk_analysis_version_id"),
        sa.ForeignKeyConstraint(
            ["structure_id"], ["structure.id"], name="fk_analysis_structure_id"
        ),
        sa.ForeignKeyConstraint(
            ["layer_names_id"], ["layer_names.id"], name="fk_analysis_layer_names_id"
        ),
    )
    op.create_index("ix_analysis_structure_id", "analysis", ["structure_id"])
    op.create_index(
        "uq_analysis_current",
        "analysis",
        ["version_id", "point"],
        unique=True,
        sqlite_where=sa.text("replaced_at IS NULL"),
        postgresql_where=sa.text("replaced_at IS NULL"),
    )


def create_costs() -> None:
    create_table(
        "cost",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("structure_id", WHOLE, nullable=False),
        sa.Column("rules", WHOLE, nullable=False),
        sa.Column("params", WHOLE, nullable=False),
        sa.Column("buffers", WHOLE, nullable=False),
        sa.Column("weight_bytes", WHOLE, nullable=False),
        sa.Column("macs", WHOLE, nullable=True),
        sa.Column("flops", WHOLE, nullable=True),
        sa.Column("int_ops", WHOLE, nullable=True),
        sa.Column("memory_accesses", WHOLE, nullable=True),
        sa.Column("traffic_bytes", WHOLE, nullable=True),
        sa.Column("activation_bytes", WHOLE, nullable=True),
        sa.Column("peak_activation_bytes", WHOLE, nullable=True),
        sa.Column("peak_memory_bytes", WHOLE, nullable=True),
        sa.Column("layers", WHOLE, nullable=True),
        sa.Column("unknown_layers", WHOLE, nullable=True),
        sa.Column("exact", WHOLE, nullable=False),
        sa.Column("estimated", WHOLE, nullable=False),
        sa.Column("bounded", WHOLE, nullable=False),
        sa.Column("unknown", WHOLE, nullable=False),
        sa.Column("unknown_ops", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_cost"),
        sa.UniqueConstraint("structure_id", "rules", name="uq_cost_structure_id_rules"),
        sa.ForeignKeyConstraint(["structure_id"], ["structure.id"], name="fk_cost_structure_id"),
    )
    create_table(
        "layer_cost",
        sa.Column("cost_id", WHOLE, nullable=False),
        sa.Column("position", WHOLE, nullable=False),
        sa.Column("op", sa.Text(), nullable=False),
        sa.Column("dtype", sa.Text(), nullable=True),
        sa.Column("coverage", sa.Text(), nullable=False),
        sa.Column("macs", WHOLE, nullable=False),
        sa.Column("dots", WHOLE, nullable=False),
        sa.Column("adds", WHOLE, nullable=False),
        sa.Column("muls", WHOLE, nullable=False),
        sa.Column("divs", WHOLE, nullable=False),
        sa.Column("compares", WHOLE, nullable=False),
        sa.Column("specials", WHOLE, nullable=False),
        sa.Column("params", WHOLE, nullable=False),
        sa.Column("buffers", WHOLE, nullable=False),
        sa.Column("weight_bytes", WHOLE, nullable=False),
        sa.Column("memory_accesses", WHOLE, nullable=False),
        sa.Column("traffic_bytes", WHOLE, nullable=False),
        sa.Column("activation_bytes", WHOLE, nullable=False),
        sa.Column("live_bytes", WHOLE, nullable=False),
        sa.Column("folded", FLAG, nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("cost_id", "position", name="pk_layer_cost"),
        sa.ForeignKeyConstraint(["cost_id"], ["cost.id"], name="fk_layer_cost_cost_id"),
        with_rowid=False,
    )


def create_names_and_acceptances() -> None:
    create_table(
        "alias",
        sa.Column("model_id", WHOLE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("updated_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("model_id", "name", name="pk_alias"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_alias_model_id"),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name="fk_alias_version_id"),
    )
    create_table(
        "acceptance",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("model_id", WHOLE, nullable=False),
        sa.Column("version_id", WHOLE, nullable=False),
        sa.Column("point", sa.Text(), nullable=False),
        sa.Column("metric", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("value", WHOLE, nullable=True),
        sa.Column("rules", WHOLE, nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_acceptance"),
        sa.ForeignKeyConstraint(["model_id"], ["model.id"], name="fk_acceptance_model_id"),
        sa.ForeignKeyConstraint(["version_id"], ["version.id"], name="fk_acceptance_version_id"),
    )
    op.create_index(
        "ix_acceptance_model_id_point_metric_scope",
        "acceptance",
        ["model_id", "point", "metric", "scope"],
    )


def create_runs_and_tokens() -> None:
    create_table(
        "check_run",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("baseline", sa.Text(), nullable=False),
        sa.Column("rules", WHOLE, nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("findings", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_check_run"),
    )
    op.create_index("ix_check_run_subject_baseline", "check_run", ["subject", "baseline"])
    create_table(
        "token",
        sa.Column("id", WHOLE, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("model_glob", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.Column("expires_at", MOMENT, nullable=True),
        sa.Column("revoked_at", MOMENT, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
        sa.UniqueConstraint("name", name="uq_token_name"),
        sa.UniqueConstraint("hash", name="uq_token_hash"),
    )
