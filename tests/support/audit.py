"""Reads the audit log, which Penstock itself only writes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from datetime import datetime

from sqlalchemy import select

from controller.store.audit import AuditEntry
from controller.store.schema import audit
from controller.store.store import Store


def audit_entries(
    store: Store,
    organization: str | None = None,
    *,
    flow: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    limit: int | None = None,
) -> Iterator[AuditEntry]:
    """Entries, newest first; `since` counts, `until` does not."""
    query = select(audit).order_by(audit.c.id.desc())
    if organization is not None:
        query = query.where(audit.c.organization == organization)
    if flow is not None:
        query = query.where(audit.c.flow == flow)
    if since is not None:
        query = query.where(audit.c.at >= since)
    if until is not None:
        query = query.where(audit.c.at < until)
    with store.database.read() as connection:
        for row in connection.execute(query.limit(limit)).mappings():
            yield AuditEntry(**{each.name: row[each.name] for each in fields(AuditEntry)})
