"""What people were told of each organisation, and messages that are written once."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import UtcDateTime

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "told",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_told"),
    )
    op.add_column("outbox", sa.Column("key", sa.String(length=64), nullable=True))
    op.create_index("uq_outbox_key", "outbox", ["key"], unique=True)
