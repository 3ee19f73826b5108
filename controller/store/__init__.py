"""The store: leases, identities, the journal of changes in flight, audit, quarantines, the outbox, cached facts.

Synchronous on purpose: an intent must be on disk before the call that it announces. Never holds a secret, a flow's
source, or anything that git or the organisation can tell.
"""

from controller.store.approvals import Approval, Approvals
from controller.store.audit import AuditEntry, AuditLog
from controller.store.audit_file import KEEP_DAYS
from controller.store.bindings import Bindings
from controller.store.database import Database
from controller.store.drifts import Drifts, OpenDrift
from controller.store.facts import Facts
from controller.store.identities import ClientIdentities
from controller.store.journal import Journal
from controller.store.leases import Lease, Leases
from controller.store.outbox import Notification, OutboxTable
from controller.store.quarantine import Quarantined, Quarantines
from controller.store.records import (
    NewStep,
    NewSync,
    StepRecord,
    SyncRecord,
    SyncState,
    WriteOutcome,
    WriteRecord,
)
from controller.store.store import Store

__all__ = [
    "KEEP_DAYS",
    "Approval",
    "Approvals",
    "AuditEntry",
    "AuditLog",
    "Bindings",
    "ClientIdentities",
    "Database",
    "Drifts",
    "Facts",
    "Journal",
    "Lease",
    "Leases",
    "NewStep",
    "NewSync",
    "Notification",
    "OpenDrift",
    "OutboxTable",
    "Quarantined",
    "Quarantines",
    "StepRecord",
    "Store",
    "SyncRecord",
    "SyncState",
    "WriteOutcome",
    "WriteRecord",
]
