"""Which organisation a client reaches, and which one a manifest's name is bound to; for whom a lease was taken."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("leases", sa.Column("manifest", sa.String(length=255), nullable=False, server_default=""))
    op.create_table(
        "identities",
        sa.Column("api_url", sa.Text(), nullable=False),
        sa.Column("client_id", sa.Text(), nullable=False),
        sa.Column("organization_id", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("api_url", "client_id", name="pk_identities"),
    )
    op.create_table(
        "bindings",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("identity", sa.String(length=255), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_bindings"),
    )
    op.create_index("ix_bindings_identity", "bindings", ["identity"], unique=False)
