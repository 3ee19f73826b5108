"""Tells what the audit log has, in pages, newest first."""

from __future__ import annotations

from collections.abc import Iterable

from controller.domain.documents import filled
from controller.questions.audit_document import AuditEntryDocument, AuditLogDocument
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditQuery, AuditReading
from controller.store.store import Store


def audit_page(store: Store, query: AuditQuery, limit: int) -> AuditLogDocument:
    """The newest entries that were asked for; `next` is the `before` of the next page. Raises StoreFailed."""
    found = list(AuditReading(store.database).newest_first(query, limit + 1))
    shown = found[:limit]
    return audit_document(shown, more=len(found) > limit, next_=shown[-1].id if len(found) > limit else None)


def audit_document(entries: Iterable[AuditEntry], *, more: bool, next_: int | None = None) -> AuditLogDocument:
    """The document of some entries."""
    documents = [filled(AuditEntryDocument, each, timestamp=each.at) for each in entries]
    return AuditLogDocument(entries=documents, more=more, next=next_)
