"""The latest step of each flow in a table of its own, and indexes for what every pass reads."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import BigId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_IDLE = ("pending", "skipped")


def upgrade() -> None:
    op.create_table(
        "latest_steps",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("step_id", BigId, nullable=False),
        sa.ForeignKeyConstraint(["step_id"], ["steps.id"], name="fk_latest_steps_step_id", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("organization", "type", "name", name="pk_latest_steps"),
    )
    op.create_index("ix_latest_steps_step_id", "latest_steps", ["step_id"], unique=False)
    op.create_index("ix_steps_state", "steps", ["state", "recorded_at"], unique=False)
    op.create_index("ix_steps_flow", "steps", ["type", "name", "live_version"], unique=False)
    op.create_index("ix_syncs_state", "syncs", ["state"], unique=False)
    syncs = sa.table("syncs", sa.column("id"), sa.column("organization"))
    steps = sa.table(
        "steps", *(sa.column(name) for name in ("id", "sync_id", "type", "name")), sa.column("state", sa.String())
    )
    latest = sa.table("latest_steps", *(sa.column(name) for name in ("organization", "type", "name", "step_id")))
    last_of_each = (
        sa.select(syncs.c.organization, steps.c.type, steps.c.name, sa.func.max(steps.c.id))
        .select_from(steps.join(syncs, steps.c.sync_id == syncs.c.id))
        .where(steps.c.state.not_in(_IDLE))
        .group_by(syncs.c.organization, steps.c.type, steps.c.name)
    )
    op.execute(sa.insert(latest).from_select(["organization", "type", "name", "step_id"], last_of_each))
