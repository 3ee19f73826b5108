"""Examples of what was: a sync, an action, a period of a version, an audit entry; and what the others share."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from controller.domain.status import StepState
from controller.questions.action_document import ActionStateDocument
from controller.questions.audit_document import AuditEntryDocument
from controller.questions.history_document import (
    ChangeTimeDocument,
    PeriodDocument,
)
from controller.questions.sync_document import (
    SyncStateDocument,
    SyncStepDocument,
    WriteStateDocument,
)
from controller.store.actions import Verb
from controller.store.records import SyncState, WriteOutcome

DIGEST: Final = "sha256:" + "3f" * 32
COMMIT: Final = "9b1d6f0a4c52e7830d1f5b6a7c8e9f0011223344"
FLOW_ID: Final = "6a1f6f0e-6f0e-4f6a-9a51-2f9d1c0b7e01"


def at(minute: int, second: int = 0) -> datetime:
    """A moment of that day."""
    return datetime(2026, 11, 24, 14, minute, second, tzinfo=UTC)


STEP: Final = SyncStepDocument(
    id=41,
    sync_id=17,
    flow="front-door",
    type="inboundcall",
    name="Front door",
    change="publish",
    state=StepState.BAKING,
    wanted="sha256:" + "7c" * 32,
    flow_id=FLOW_ID,
    previous_version="7.0",
    target_version=None,
    live_version="8.0",
    reason="its content changed",
    cause=None,
    error_code=None,
    paused=False,
    bake_until=at(35),
    updated_at=at(5),
    recorded_at=None,
    writes=[WriteStateDocument(action="publish", intent_at=at(4, 10), outcome=WriteOutcome.DONE, result_at=at(4, 12))],
)
SYNC: Final = SyncStateDocument(
    id=17,
    organization="acme",
    revision=COMMIT,
    plan_digest=DIGEST,
    state=SyncState.RUNNING,
    actor="Grace",
    author="Grace",
    trigger="revision 9b1d6f0a4c52",
    on_failure="rollback",
    dirty=False,
    started_at=at(4),
    finished_at=None,
    steps={"baking": 1, "pending": 1},
)
ACTION: Final = ActionStateDocument(
    id=4,
    organization="acme",
    flow="opening-hours",
    verb=Verb.ROLLBACK,
    digest=None,
    version="3.0",
    by="Ada",
    reason="callers hear silence",
    at=at(10),
    taken_by=None,
    taken_at=None,
    done_at=None,
    outcome=None,
    message=None,
)
PERIOD: Final = PeriodDocument(
    version="7.0",
    began=ChangeTimeDocument(earliest=at(0), latest=at(0, 2)),
    ended=ChangeTimeDocument(earliest=at(5), latest=at(5)),
    seen_from=at(0, 2),
    seen_until=at(5),
    certain=True,
    result="delivered",
    by="Grace",
    by_role="commit author",
    approved_by="Ada",
    trigger="revision 1f00d0aa9a01",
    change="publish",
    reason="its content changed",
    cause=None,
    revision="1f00d0aa9a01e7830d1f5b6a7c8e9f0011223344",
    record="77aa00bb11cc22dd33ee44ff5500660077008800",
    sync=16,
)
ENTRY: Final = AuditEntryDocument(
    timestamp=at(4, 12),
    organization="acme",
    action="publish",
    status="success",
    success=True,
    error=None,
    flow="inboundcall/Front door",
    flow_id=FLOW_ID,
    version="8.0",
    target_version=None,
    actor="Grace",
    author="Grace",
    revision=COMMIT,
    latency_ms=1830.0,
    validation_error_rate=0.0,
    deployment_success_rate=1.0,
    webhook_synced=None,
    details={"publish_id": "5b2"},
    filed=True,
    position=212,
    previous="0" * 64,
    digest="ab" * 32,
)
