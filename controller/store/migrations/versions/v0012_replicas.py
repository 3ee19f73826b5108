"""The controllers that share the store, and which organisations each one could look after."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import UtcDateTime

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "replicas",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("instance", sa.String(length=36), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("serves", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_replicas"),
    )
