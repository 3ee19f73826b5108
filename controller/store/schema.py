"""The tables. A change here needs a file in `migrations/versions`; a test compares the two."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
)

from controller.store.columns import BigId, MaskedJson, MaskedText, Real, UtcDateTime

metadata = MetaData(
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "uq": "uq_%(table_name)s_%(column_0_name)s",
        "ix": "ix_%(table_name)s_%(column_0_name)s",
    }
)

leases = Table(
    "leases",
    metadata,
    Column("name", String(255), primary_key=True),
    Column("holder", String(255), nullable=False),
    Column("fence", BigInteger, nullable=False),
    Column("expires_at", UtcDateTime, nullable=False),
    Column("manifest", String(255), nullable=False, server_default=""),
)

identities = Table(
    "identities",
    metadata,
    Column("api_url", Text, primary_key=True),
    Column("client_id", Text, primary_key=True),
    Column("organization_id", Text, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

bindings = Table(
    "bindings",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("identity", String(255), nullable=False, index=True),
    Column("at", UtcDateTime, nullable=False),
)

known_branches = Table(
    "known_branches",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("branch", String(255), primary_key=True),
    Column("sha", String(64), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

installation = Table(
    "installation",
    metadata,
    Column("key", String(32), primary_key=True),
    Column("value", String(255), nullable=False),
)
STORE_ID = "id"
"""The key of the store's own id, as lock files name it."""

syncs = Table(
    "syncs",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization", String(255), nullable=False, index=True),
    Column("revision", String(255), nullable=False),
    Column("dirty", Boolean, nullable=False),
    Column("plan_digest", String(128), nullable=False),
    Column("on_failure", String(32), nullable=False),
    Column("state", String(32), nullable=False, index=True),
    Column("actor", String(255), nullable=False),
    Column("author", String(255)),
    Column("trigger", String(255), nullable=False),
    Column("started_at", UtcDateTime, nullable=False),
    Column("finished_at", UtcDateTime),
    Column("summary", MaskedJson, nullable=False),
)

steps = Table(
    "steps",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sync_id", BigId, ForeignKey("syncs.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("position", Integer, nullable=False),
    Column("flow", String(255), nullable=False),
    Column("type", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("kind", String(32), nullable=False),
    Column("wanted", String(255), nullable=False),
    Column("source_digest", String(128)),
    Column("dependency_digest", String(128), nullable=False),
    Column("consumes", JSON, nullable=False),
    Column("flow_id", String(64)),
    Column("previous_version", String(64)),
    Column("target_version", String(64)),
    Column("live_version", String(64)),
    Column("consumed", JSON, nullable=False),
    Column("state", String(32), nullable=False),
    Column("ticket", JSON(none_as_null=True)),
    Column("reason", MaskedText),
    Column("cause", String(32)),
    Column("error_code", String(64)),
    Column("paused", Boolean, nullable=False, server_default=false()),
    Column("bake_until", UtcDateTime),
    Column("updated_at", UtcDateTime, nullable=False),
    Column("recorded_at", UtcDateTime),
    UniqueConstraint("sync_id", "position"),
    Index("ix_steps_state", "state", "recorded_at"),
    Index("ix_steps_flow", "type", "name", "live_version"),
)

latest_steps = Table(
    "latest_steps",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("step_id", BigId, ForeignKey("steps.id", ondelete="CASCADE"), nullable=False, index=True),
)

writes = Table(
    "writes",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("step_id", BigId, ForeignKey("steps.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("fence", BigInteger, nullable=False),
    Column("action", String(64), nullable=False),
    Column("details", MaskedJson, nullable=False),
    Column("intent_at", UtcDateTime, nullable=False),
    Column("outcome", String(32)),
    Column("result", MaskedJson),
    Column("result_at", UtcDateTime),
)

audit = Table(
    "audit",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("at", UtcDateTime, nullable=False, index=True),
    Column("organization", String(255), nullable=False, index=True),
    Column("action", String(64), nullable=False),
    Column("flow", Text),
    Column("flow_id", String(64)),
    Column("version", String(64)),
    Column("target_version", String(64)),
    Column("status", String(32), nullable=False),
    Column("error", MaskedText),
    Column("latency_ms", Real),
    Column("validation_error_rate", Real),
    Column("deployment_success_rate", Real),
    Column("details", MaskedJson, nullable=False),
    Column("actor", String(255), nullable=False),
    Column("author", String(255)),
    Column("revision", String(255)),
    Column("webhook_synced", Boolean),
    Column("filed", Boolean),
    Column("position", BigInteger),
    Column("previous", String(64)),
    Column("digest", String(64)),
    Index("uq_audit_organization_position", "organization", "position", unique=True),
    Index("ix_audit_organization_action", "organization", "action", "id", "status"),
)

audit_heads = Table(
    "audit_heads",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
)

drifts = Table(
    "drifts",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("flow", Text, primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("expected", String(64)),
    Column("actual", String(64)),
    Column("message", MaskedText, nullable=False),
    Column("since", UtcDateTime, nullable=False),
)

quarantines = Table(
    "quarantines",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("organization", String(255), nullable=False),
    Column("type", String(64), nullable=False),
    Column("name", Text, nullable=False),
    Column("wanted", String(255), nullable=False),
    Column("reason", MaskedText, nullable=False),
    Column("at", UtcDateTime, nullable=False),
    Column("released_at", UtcDateTime),
    Column("released_by", String(255)),
    Index("ix_quarantines_organization", "organization", "released_at"),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("target", String(255), nullable=False),
    Column("kind", String(64), nullable=False),
    Column("payload", MaskedJson, nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("next_at", UtcDateTime, nullable=False, index=True),
    Column("delivered_at", UtcDateTime),
    Column("last_error", MaskedText),
    Column("audit_id", BigInteger, index=True),
    Column("key", String(64)),
    Index("uq_outbox_key", "key", unique=True),
)

told = Table(
    "told",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("state", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

facts = Table(
    "facts",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("flow_id", String(64), primary_key=True),
    Column("version", String(64), primary_key=True),
    Column("kind", String(32), primary_key=True),
    Column("value", JSON, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

approvals = Table(
    "approvals",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("digest", String(128), primary_key=True),
    Column("by", String(255), nullable=False),
    Column("at", UtcDateTime, nullable=False),
)

publish_times = Table(
    "publish_times",
    metadata,
    Column("organization", String(255), primary_key=True),
    Column("type", String(64), primary_key=True),
    Column("name", Text, primary_key=True),
    Column("way", String(16), primary_key=True),
    Column("seconds", Real, nullable=False),
    Column("deviation_s", Real, nullable=False),
    Column("size", Integer, nullable=False),
    Column("at", UtcDateTime, nullable=False),
)
