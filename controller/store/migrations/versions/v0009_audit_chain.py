"""The hash chain of the audit log; entries that are there are chained in the order in which they were appended."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from controller.store.audit_chain import START, digest_of
from controller.store.columns import BigId, UtcDateTime

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_TEXTS: Final = (
    *("organization", "action", "status", "actor", "flow", "flow_id", "version", "target_version"),
    *("error", "author", "revision"),
)
_AUDIT: Final = sa.table(
    "audit",
    sa.column("id", BigId),
    sa.column("at", UtcDateTime),
    *(sa.column(name, sa.Text) for name in _TEXTS),
    *(sa.column(name, sa.Float) for name in ("latency_ms", "validation_error_rate", "deployment_success_rate")),
    sa.column("details", sa.JSON(none_as_null=True)),
    sa.column("position", sa.BigInteger),
    sa.column("previous", sa.String),
    sa.column("digest", sa.String),
)
_HEADS: Final = sa.table("audit_heads", *(sa.column(name) for name in ("organization", "position", "digest")))
_AT_ONCE: Final = 1000


def upgrade() -> None:
    op.add_column("audit", sa.Column("filed", sa.Boolean(), nullable=True))
    op.add_column("audit", sa.Column("position", sa.BigInteger(), nullable=True))
    op.add_column("audit", sa.Column("previous", sa.String(length=64), nullable=True))
    op.add_column("audit", sa.Column("digest", sa.String(length=64), nullable=True))
    op.create_table(
        "audit_heads",
        sa.Column("organization", sa.String(length=255), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("organization", name="pk_audit_heads"),
    )
    connection = op.get_bind()
    for organization in connection.execute(sa.select(_AUDIT.c.organization).distinct()).scalars().all():
        _chain(connection, organization)
    op.create_index("uq_audit_organization_position", "audit", ["organization", "position"], unique=True)


def _chain(connection: sa.Connection, organization: str) -> None:
    """Chain the entries of an organisation, a thousand in memory at a time."""
    position, digest, last_id = 0, START, 0
    chaining = (
        sa.update(_AUDIT)
        .where(_AUDIT.c.id == sa.bindparam("row_id"))
        .values(position=sa.bindparam("link"), previous=sa.bindparam("before_it"), digest=sa.bindparam("own_digest"))
    )
    while True:
        query = sa.select(_AUDIT).where(_AUDIT.c.organization == organization, _AUDIT.c.id > last_id)
        rows = connection.execute(query.order_by(_AUDIT.c.id).limit(_AT_ONCE)).mappings().all()
        if not rows:
            break
        links = []
        for row in rows:
            position, before, last_id = position + 1, digest, row["id"]
            digest = digest_of(_shown(row) | {"position": position, "previous": before})
            links.append({"row_id": last_id, "link": position, "before_it": before, "own_digest": digest})
        connection.execute(chaining, links)
    connection.execute(sa.insert(_HEADS).values(organization=organization, position=position, digest=digest))


def _shown(row: sa.RowMapping) -> dict[str, Any]:
    names = (*_TEXTS, "latency_ms", "validation_error_rate", "deployment_success_rate")
    return {name: row[name] for name in names} | {"timestamp": row["at"].isoformat(), "details": row["details"]}
