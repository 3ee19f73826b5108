"""The live state: what passes found, what runs now, suspensions and what people asked of the controller."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from controller.store.columns import BigId, MaskedJson, MaskedText, UtcDateTime

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _create_views()
    _create_flow_views()
    _create_running()
    _create_suspensions()
    _create_actions()


def _create_views() -> None:
    op.create_table(
        "organization_views",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("kept_as", sa.String(length=255), nullable=False),
        sa.Column("revision", sa.String(length=255), nullable=True),
        sa.Column("sync", sa.String(length=32), nullable=False),
        sa.Column("health", sa.String(length=32), nullable=False),
        sa.Column("message", MaskedText(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("looked_fully_at", UtcDateTime(), nullable=True),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("flows", sa.JSON(), nullable=False),
        sa.Column("unmanaged", sa.Integer(), nullable=False),
        sa.Column("plan_digest", sa.String(length=128), nullable=True),
        sa.Column("warnings", MaskedJson(), nullable=False),
        sa.Column("drift", MaskedJson(), nullable=False),
        sa.Column("held_back", MaskedJson(), nullable=False),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_organization_views"),
    )
    op.create_table(
        "plan_views",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("content", sa.String(length=64), nullable=False),
        sa.Column("plan", MaskedJson(), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_plan_views"),
    )


def _create_flow_views() -> None:
    op.create_table(
        "flow_views",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("flow", sa.String(length=255), nullable=False),
        sa.Column("type", sa.String(length=64), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("labels", sa.JSON(), nullable=False),
        sa.Column("sync", sa.String(length=32), nullable=False),
        sa.Column("health", sa.String(length=32), nullable=False),
        sa.Column("wanted", sa.String(length=255), nullable=True),
        sa.Column("recorded", sa.String(length=64), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("flow_id", sa.String(length=64), nullable=True),
        sa.Column("change", sa.String(length=32), nullable=False),
        sa.Column("locked_by", MaskedText(), nullable=True),
        sa.Column("message", MaskedText(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("searched", sa.Text(), nullable=False),
        sa.Column("labelled", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "flow", name="pk_flow_views"),
    )
    op.create_index("ix_flow_views_health", "flow_views", ["organization", "health"])
    op.create_index("ix_flow_views_sync", "flow_views", ["organization", "sync"])
    op.create_index("ix_flow_views_type", "flow_views", ["organization", "type"])
    op.create_index("ix_flow_views_change", "flow_views", ["organization", "change"])


def _create_running() -> None:
    op.create_table(
        "running_passes",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("holder", sa.String(length=255), nullable=False),
        sa.Column("step", sa.String(length=32), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("done", sa.Integer(), nullable=True),
        sa.Column("total", sa.Integer(), nullable=True),
        sa.Column("beat_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_running_passes"),
    )
    op.create_index("ix_running_passes_holder", "running_passes", ["holder"])
    op.create_table(
        "running_flows",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("flow", sa.String(length=255), nullable=False),
        sa.Column("sync_id", sa.BigInteger(), nullable=True),
        sa.Column("kind", sa.String(length=32), nullable=False),
        sa.Column("state", sa.String(length=64), nullable=False),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("until", UtcDateTime(), nullable=True),
        sa.Column("percent", sa.Float(), nullable=True),
        sa.Column("stage", MaskedText(), nullable=True),
        sa.Column("gate", MaskedJson(), nullable=True),
        sa.Column("message", MaskedText(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "flow", name="pk_running_flows"),
    )


def _create_suspensions() -> None:
    op.create_table(
        "suspensions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("reason", MaskedText(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("resumed_by", sa.String(length=255), nullable=True),
        sa.Column("resumed_reason", MaskedText(), nullable=True),
        sa.Column("resumed_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_suspensions"),
    )
    op.create_index("ix_suspensions_organization", "suspensions", ["organization", "resumed_at"])


def _create_actions() -> None:
    op.create_table(
        "actions",
        sa.Column("id", BigId, nullable=False),
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("flow", sa.String(length=255), nullable=True),
        sa.Column("verb", sa.String(length=32), nullable=False),
        sa.Column("digest", sa.String(length=128), nullable=True),
        sa.Column("version", sa.String(length=64), nullable=True),
        sa.Column("by", sa.String(length=255), nullable=False),
        sa.Column("reason", MaskedText(), nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("taken_by", sa.String(length=255), nullable=True),
        sa.Column("taken_at", UtcDateTime(), nullable=True),
        sa.Column("beat_at", UtcDateTime(), nullable=True),
        sa.Column("done_at", UtcDateTime(), nullable=True),
        sa.Column("outcome", sa.String(length=64), nullable=True),
        sa.Column("message", MaskedText(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_actions"),
        sa.UniqueConstraint("by", "key", name="uq_actions_by"),
    )
    op.create_index("ix_actions_organization", "actions", ["organization", "id"])
    op.create_index("ix_actions_open", "actions", ["done_at", "taken_at"])
    op.create_table(
        "live_marks",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("topic", sa.String(length=32), nullable=False),
        sa.Column("mark", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("organization", "topic", name="pk_live_marks"),
    )
    op.create_index("ix_live_marks_mark", "live_marks", ["mark"])
    op.execute(sa.text("INSERT INTO live_marks (organization, topic, mark) VALUES ('', '', 0)"))
