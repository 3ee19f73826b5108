"""The first schema."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import BigId, UtcDateTime

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _audit()
    _facts()
    _leases()
    _outbox()
    _quarantines()
    _syncs()
    _steps()
    _writes()


def _audit() -> None:
    op.create_table(
        "audit",
        sa.Column("id", BigId, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("flow", sa.Text(), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("status", sa.String(length=32), nullable=False),
        sa.Column("latency_ms", sa.Float(), nullable=True),
        sa.Column("validation_error_rate", sa.Float(), nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
    )
    op.create_index("ix_audit_at", "audit", ["at"], unique=False)
    op.create_index("ix_audit_organization", "audit", ["organization"], unique=False)


def _facts() -> None:
    op.create_table(
        "facts",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("value", sa.JSON(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "flow_id", "version", "kind", name="pk_facts"),
    )


def _leases() -> None:
    op.create_table(
        "leases",
        sa.Column("name", sa.String(length=255), nullable=False),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_leases"),
    )


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("id", BigId, nullable=False),
        sa.Column("target", sa.String(length=255), nullable=False),
        sa.Column("kind", sa.String(length=64), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("next_at", UtcDateTime(), nullable=False),
        sa.Column("delivered_at", UtcDateTime(), nullable=True),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_outbox"),
    )
    op.create_index("ix_outbox_next_at", "outbox", ["next_at"], unique=False)


def _quarantines() -> None:
    op.create_table(
        "quarantines",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("wanted", sa.String(length=255), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("released_at", UtcDateTime(), nullable=True),
        sa.Column("released_by", sa.String(length=255), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_quarantines"),
    )
    op.create_index("ix_quarantines_organization", "quarantines", ["organization", "released_at"], unique=False)


def _syncs() -> None:
    op.create_table(
        "syncs",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.String(length=255), nullable=False),
        sa.Column("dirty", sa.Boolean(), nullable=False),
        sa.Column("plan_digest", sa.String(length=128), nullable=False),
        sa.Column("on_failure", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("trigger", sa.String(length=255), nullable=False),
        sa.Column("started_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_syncs"),
    )
    op.create_index("ix_syncs_organization", "syncs", ["organization"], unique=False)


def _steps() -> None:
    op.create_table(
        "steps",
        sa.Column("id", BigId, nullable=False),
        sa.Column("sync_id", BigId, nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("flow", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("wanted", sa.String(length=255), nullable=False),
        sa.Column("source_digest", sa.String(length=128), nullable=True),
        sa.Column("dependency_digest", sa.String(length=128), nullable=False),
        sa.Column("consumes", sa.JSON(), nullable=False),
        sa.Column("flow_id", sa.String(length=64), nullable=True),
        sa.Column("previous_version", sa.String(length=64), nullable=True),
        sa.Column("target_version", sa.String(length=64), nullable=True),
        sa.Column("live_version", sa.String(length=64), nullable=True),
        sa.Column("consumed", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=32), nullable=False),
        sa.Column("ticket", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("bake_until", UtcDateTime(), nullable=True),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("recorded_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["sync_id"], ["syncs.id"], name="fk_steps_sync_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_steps"),
        sa.UniqueConstraint("sync_id", "position", name="uq_steps_sync_id"),
    )
    op.create_index("ix_steps_sync_id", "steps", ["sync_id"], unique=False)


def _writes() -> None:
    op.create_table(
        "writes",
        sa.Column("id", BigId, nullable=False),
        sa.Column("step_id", BigId, nullable=False),
        sa.Column("fence", sa.BigInteger(), nullable=False),
        sa.Column("action", sa.String(length=64), nullable=False),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("intent_at", UtcDateTime(), nullable=False),
        sa.Column("outcome", sa.String(length=32), nullable=True),
        sa.Column("result", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("result_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="fk_writes_step_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name="pk_writes"),
    )
    op.create_index("ix_writes_step_id", "writes", ["step_id"], unique=False)


def downgrade() -> None:
    for table in ("writes", "steps", "syncs", "quarantines", "outbox", "leases", "facts", "audit"):
        op.drop_table(table)
