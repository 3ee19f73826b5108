"""Tells which syncs there were, and what each change of one did."""

from __future__ import annotations

from collections.abc import Collection

from controller.domain.documents import filled
from controller.domain.recorded import commit_or_none
from controller.questions.status_document import LastSyncDocument
from controller.questions.sync_document import (
    SyncDocument,
    SyncsDocument,
    SyncStateDocument,
    SyncStepDocument,
    WriteStateDocument,
)
from controller.store.records import StepRecord, SyncRecord
from controller.store.store import Store
from controller.store.sync_list import ListedSync


def sync_page(
    store: Store, organizations: Collection[str] | None = None, *, limit: int, before: int | None = None
) -> SyncsDocument:
    """The newest syncs of these organisations, or of all; `before` is the `next` of the page before.

    An organisation has the name under which its history is kept. Raises StoreFailed.
    """
    found = store.sync_list.page(organizations, limit=limit + 1, before=before)
    shown = found[:limit]
    return SyncsDocument(syncs=list(map(_sync, shown)), next=shown[-1].sync.id if len(found) > limit else None)


def sync_detail(store: Store, found: ListedSync, *, limit: int, offset: int = 0) -> SyncDocument:
    """A sync with some of its changes. Raises StoreFailed."""
    steps = store.sync_list.steps(found.sync.id, limit=limit, offset=offset)
    return SyncDocument(
        sync=_sync(found),
        summary=found.sync.summary,
        approved_by=store.approvals.by_steps([step.id for step in steps]),
        total=sum(found.counts.values()),
        limit=limit,
        offset=offset,
        steps=list(map(step_document, steps)),
    )


def step_document(step: StepRecord) -> SyncStepDocument:
    """One change of a sync."""
    writes = [filled(WriteStateDocument, write) for write in step.writes]
    return filled(SyncStepDocument, step, step.key, change=step.kind, writes=writes)


def last_sync_document(sync: SyncRecord) -> LastSyncDocument:
    """The newest sync of an organisation."""
    return filled(LastSyncDocument, sync, revision=commit_or_none(sync.revision))


def _sync(found: ListedSync) -> SyncStateDocument:
    revision = commit_or_none(found.sync.revision)
    return filled(SyncStateDocument, found.sync, revision=revision, steps=found.counts)
