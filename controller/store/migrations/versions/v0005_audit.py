"""More columns of the audit log: outcome, rates, author, webhooks; which drift was noted and goes on."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("audit", sa.Column("flow_id", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("target_version", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("error", sa.Text(), nullable=True))
    op.add_column("audit", sa.Column("deployment_success_rate", sa.Float(), nullable=True))
    op.add_column("audit", sa.Column("author", sa.String(length=255), nullable=True))
    op.add_column("audit", sa.Column("webhook_synced", sa.Boolean(), nullable=True))
    op.create_index("ix_audit_organization_action", "audit", ["organization", "action", "id", "status"], unique=False)
    op.add_column("syncs", sa.Column("author", sa.String(length=255), nullable=True))
    op.add_column("outbox", sa.Column("audit_id", sa.BigInteger(), nullable=True))
    op.create_index("ix_outbox_audit_id", "outbox", ["audit_id"], unique=False)
    op.create_table(
        "drifts",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("flow", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("expected", sa.String(length=64), nullable=True),
        sa.Column("actual", sa.String(length=64), nullable=True),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "flow", "kind", name="pk_drifts"),
    )
