"""Acceptances may expire, and may be revoked."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

MOMENT = sa.DateTime(timezone=True).with_variant(sa.Text(), "sqlite")
COLUMNS = ("expires_at", "revoked_at")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("acceptance", sa.Column(name, MOMENT, nullable=True))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("acceptance", name)
