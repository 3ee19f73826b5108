"""The audit log of a controller, page by page."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import fields
from datetime import datetime
from typing import Final

from pydantic import TypeAdapter

from controller.cli.remote import ControllerClient
from controller.domain.documents import json_text
from controller.questions.audit_document import AuditEntryDocument, AuditLogDocument
from controller.store.audit import AuditEntry

_PAGE: Final = 1000
AuditFilter = Mapping[str, str | datetime | None]
"""What is asked for: `organization`, `since`, `until`, `action`, `flow`, `actor`."""


def newest_first(remote: ControllerClient, wanted: AuditFilter, limit: int) -> Iterator[AuditEntry]:
    """At most `limit` entries."""
    for page in _pages(remote, wanted, min(limit, _PAGE)):
        for each in page.entries[:limit]:
            yield _entry(each)
        limit -= len(page.entries)
        if limit <= 0:
            return


def oldest_first(remote: ControllerClient, wanted: AuditFilter) -> Iterator[AuditEntry]:
    """All entries. The pages, which come newest first, wait in a temporary file, so that memory holds one of them."""
    adapter = TypeAdapter(list[AuditEntryDocument])
    with tempfile.TemporaryFile() as kept:
        begins: list[int] = []
        for page in _pages(remote, wanted, _PAGE):
            begins.append(kept.tell())
            kept.write(json_text(list(page.entries)).encode("utf-8", "surrogatepass"))
        ends = [*begins[1:], kept.tell()]
        for begin, end in zip(reversed(begins), reversed(ends), strict=True):
            kept.seek(begin)
            yield from (_entry(each) for each in reversed(adapter.validate_python(json.loads(kept.read(end - begin)))))


def _pages(remote: ControllerClient, wanted: AuditFilter, size: int) -> Iterator[AuditLogDocument]:
    query = {name: each.isoformat() if isinstance(each, datetime) else each for name, each in wanted.items()}
    before: int | None = None
    while True:
        page = remote.get("/audit", AuditLogDocument, {**query, "limit": size, "before": before})
        yield page
        before = page.next
        if before is None:
            return


def _entry(document: AuditEntryDocument) -> AuditEntry:
    names = {each.name for each in fields(AuditEntry)} & {each.name for each in fields(AuditEntryDocument)}
    return AuditEntry(**{name: getattr(document, name) for name in names}, at=document.timestamp)
