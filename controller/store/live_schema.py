"""The tables of the live state: what passes found, what runs now, and what people asked of the controller."""

from __future__ import annotations

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, String, Table, Text, UniqueConstraint

from controller.store.columns import BigId, MaskedJson, MaskedText, Real, UtcDateTime
from controller.store.schema import metadata

organization_views = Table(
    "organization_views",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("kept_as", String(255), nullable=False),
    Column("revision", String(255)),
    Column("sync", String(32), nullable=False),
    Column("health", String(32), nullable=False),
    Column("message", MaskedText, nullable=False),
    Column("trigger", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("looked_fully_at", UtcDateTime),
    Column("duration_s", Real, nullable=False),
    Column("flows", JSON, nullable=False),
    Column("unmanaged", Integer, nullable=False),
    Column("plan_digest", String(128)),
    Column("warnings", MaskedJson, nullable=False),
    Column("drift", MaskedJson, nullable=False),
    Column("held_back", MaskedJson, nullable=False),
    Column("holder", String(255), nullable=False),
)

plan_views = Table(
    "plan_views",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("content", String(64), nullable=False),
    Column("plan", MaskedJson, nullable=False),
)
"""Apart from the organisation, because a plan may be large. `content` is its SHA-256."""

flow_views = Table(
    "flow_views",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("flow", String(255), primary_key=True),
    Column("type", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("labels", JSON, nullable=False),
    Column("sync", String(32), nullable=False),
    Column("health", String(32), nullable=False),
    Column("wanted", String(255)),
    Column("recorded", String(64)),
    Column("version", String(64)),
    Column("flow_id", String(64)),
    Column("change", String(32), nullable=False),
    Column("locked_by", MaskedText),
    Column("message", MaskedText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("searched", Text, nullable=False),
    Column("labelled", Text, nullable=False),
    Index("ix_flow_views_health", "organization", "health"),
    Index("ix_flow_views_sync", "organization", "sync"),
    Index("ix_flow_views_type", "organization", "type"),
    Index("ix_flow_views_change", "organization", "change"),
)

running_passes = Table(
    "running_passes",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("holder", String(255), nullable=False, index=True),
    Column("step", String(32), nullable=False),
    Column("trigger", Text, nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("done", Integer),
    Column("total", Integer),
    Column("beat_at", UtcDateTime, nullable=False),
    Column("changes", JSON),
)
"""`changes` are those of the delivery in the order of its plan: flow, kind, wave, and the flows that come first."""

running_flows = Table(
    "running_flows",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("flow", String(255), primary_key=True),
    Column("sync_id", BigInteger),
    Column("kind", String(32), nullable=False),
    Column("state", String(64), nullable=False),
    Column("version", String(64)),
    Column("since", UtcDateTime, nullable=False),
    Column("until", UtcDateTime),
    Column("percent", Real),
    Column("stage", MaskedText),
    Column("gate", MaskedJson),
    Column("message", MaskedText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

suspensions = Table(
    "suspensions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization", String(255), nullable=False),
    Column("by", String(255), nullable=False),
    Column("reason", MaskedText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("resumed_by", String(255)),
    Column("resumed_reason", MaskedText),
    Column("resumed_at", UtcDateTime),
    Index("ix_suspensions_organization", "organization", "resumed_at"),
)

actions = Table(
    "actions",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization", String(255), nullable=False),
    Column("flow", String(255)),
    Column("verb", String(32), nullable=False),
    Column("digest", String(128)),
    Column("version", String(64)),
    Column("by", String(255), nullable=False),
    Column("reason", MaskedText, nullable=False),
    Column("key", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("taken_by", String(255)),
    Column("taken_at", UtcDateTime),
    Column("beat_at", UtcDateTime),
    Column("done_at", UtcDateTime),
    Column("outcome", String(64)),
    Column("message", MaskedText),
    UniqueConstraint("by", "key"),
    Index("ix_actions_organization", "organization", "id"),
    Index("ix_actions_open", "done_at", "taken_at"),
)

replicas = Table(
    "replicas",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("instance", String(36), nullable=False),
    Column("since", UtcDateTime, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("serves", JSON, nullable=False),
)
"""The controllers that share the store. `serves` are the names of the organisations in the manifests that one read."""

live_marks = Table(
    "live_marks",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("topic", String(32), primary_key=True),
    Column("mark", BigInteger, nullable=False, index=True),
)
"""When something of an organisation last changed, as a number that only grows. The row without a name counts."""
