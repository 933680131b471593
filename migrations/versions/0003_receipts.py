"""The server keeps what it answered to a push, so that it can be asked again."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "receipt",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("created_at", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_receipt"),
        sqlite_strict=True,
    )
    op.create_index("ix_receipt_created_at", "receipt", ["created_at"])


def downgrade() -> None:
    op.drop_index("ix_receipt_created_at", "receipt")
    op.drop_table("receipt")
