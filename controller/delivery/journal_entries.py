"""What the journal holds of one change: its kind, the names of its actions, and which of its writes had an effect."""

from __future__ import annotations

from controller.domain.desired import DesiredFlow, SourceFile
from controller.domain.errors.organization import (
    AuthenticationFailed,
    CircuitOpen,
    NotFound,
    PermissionMissing,
    RateLimited,
    RequestRejected,
)
from controller.planning.model import Change, ChangeKind
from controller.store.records import NewStep, StepRecord, WriteOutcome, WriteRecord

DESTRUCTIVE = frozenset({ChangeKind.UNPUBLISH, ChangeKind.DELETE})
EXISTING_VERSION = frozenset({ChangeKind.SWITCH, ChangeKind.RESTORE})
NEW_FLOW = frozenset({ChangeKind.CREATE, ChangeKind.RENAME})
EFFECTIVE = frozenset({"publish", "switch", "upload", "unpublish", "delete"})
"""Journal actions that can change the live version; others (register, unlock, launch) cannot."""
ROLLBACK, REBIND = "rollback.", "rebind."
"""How the journal actions of a rollback begin, and those that bind a caller again after it."""
PREVIOUS_DIGEST = "previous_digest"
"""Detail of a write's intent: the dependency digest of the version that it replaces, for a rollback after a crash."""
_REFUSED = frozenset(
    error.code
    for error in (AuthenticationFailed, CircuitOpen, NotFound, PermissionMissing, RateLimited, RequestRejected)
)
"""Errors of a write that certainly had no effect."""
_CONFLICT = 409
NO_EFFECT = {"effect": "none"}
"""Journal result of a write that turned out later to have had no effect."""


def may_have_changed(write: WriteRecord) -> bool:
    """A refused write had no effect; but the other operation of a conflict may be our own."""
    result = write.result or {}
    failed = write.outcome is WriteOutcome.FAILED and result.get("status") != _CONFLICT
    in_vain = NO_EFFECT.items() <= result.items() or (failed and result.get("error") in _REFUSED)
    return write.action in EFFECTIVE and not in_vain


def new_step(change: Change) -> NewStep:
    """The change as the journal begins it."""
    new_flow, desired = change.kind in NEW_FLOW, change.desired
    return NewStep(
        flow=change.flow,
        key=change.key,
        kind=change.kind.value,
        wanted=f"{change.kind.value} {change.flow}" if desired is None else desired.wanted,
        source_digest=desired.source.digest if desired and isinstance(desired.source, SourceFile) else None,
        dependency_digest=change.dependency_digest,
        consumes=change.consumes,
        flow_id=None if new_flow else change.flow_id,
        previous_version=None if new_flow else change.from_version,
        target_version=change.to_version,
    )


def change_of(step: StepRecord, desired: DesiredFlow | None, reason: str) -> Change:
    """The change of a step in the journal."""
    return Change(
        flow=step.flow,
        key=step.key,
        kind=ChangeKind(step.kind),
        flow_id=step.flow_id,
        from_version=step.previous_version,
        to_version=step.target_version,
        reason=reason,
        wave=1,
        dependency_digest=step.dependency_digest,
        consumes=step.consumes,
        desired=desired,
    )
