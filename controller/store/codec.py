"""Rows of the journal to values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import RowMapping

from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket, TicketKind
from controller.domain.status import StepCause, StepState
from controller.store.records import NewStep, StepRecord, SyncRecord, SyncState, WriteOutcome, WriteRecord


def ticket_to_json(ticket: Ticket) -> dict[str, object]:
    """A ticket in a form that a later process can go on polling with."""
    return {"kind": ticket.kind.value, "id": ticket.id, "flow_id": ticket.flow_id, "version": ticket.version}


def ticket_from_json(data: Mapping[str, Any] | None) -> Ticket | None:
    return None if data is None else Ticket(TicketKind(data["kind"]), data["id"], data["flow_id"], data["version"])


def consumed_to_json(consumed: Mapping[FlowKey, str]) -> dict[str, str]:
    return {str(key): version for key, version in sorted(consumed.items())}


def new_step_values(step: NewStep) -> dict[str, object]:
    """Column values of a step that has not started."""
    return {
        "flow": step.flow,
        "type": step.key.type,
        "name": step.key.name,
        "kind": step.kind,
        "wanted": step.wanted,
        "source_digest": step.source_digest,
        "dependency_digest": step.dependency_digest,
        "consumes": [str(key) for key in step.consumes],
        "flow_id": step.flow_id,
        "previous_version": step.previous_version,
        "target_version": step.target_version,
        "consumed": {},
        "state": StepState.PENDING.value,
        "reason": step.reason,
    }


def step_record(row: RowMapping, writes: Iterable[WriteRecord] = ()) -> StepRecord:
    return StepRecord(
        id=row["id"],
        sync_id=row["sync_id"],
        flow=row["flow"],
        key=FlowKey(row["type"], row["name"]),
        kind=row["kind"],
        wanted=row["wanted"],
        source_digest=row["source_digest"],
        dependency_digest=row["dependency_digest"],
        consumes=tuple(FlowKey.parse(text) for text in row["consumes"]),
        flow_id=row["flow_id"],
        previous_version=row["previous_version"],
        target_version=row["target_version"],
        live_version=row["live_version"],
        consumed={FlowKey.parse(text): version for text, version in row["consumed"].items()},
        state=StepState(row["state"]),
        ticket=ticket_from_json(row["ticket"]),
        reason=row["reason"],
        cause=None if row["cause"] is None else StepCause(row["cause"]),
        error_code=row["error_code"],
        paused=row["paused"],
        bake_until=row["bake_until"],
        updated_at=row["updated_at"],
        recorded_at=row["recorded_at"],
        writes=tuple(writes),
    )


def write_record(row: RowMapping) -> WriteRecord:
    return WriteRecord(
        id=row["id"],
        step_id=row["step_id"],
        action=row["action"],
        details=row["details"],
        intent_at=row["intent_at"],
        outcome=None if row["outcome"] is None else WriteOutcome(row["outcome"]),
        result=row["result"],
        result_at=row["result_at"],
    )


def sync_record(row: RowMapping, steps: Iterable[StepRecord] = ()) -> SyncRecord:
    return SyncRecord(
        id=row["id"],
        organization=row["organization"],
        revision=row["revision"],
        dirty=row["dirty"],
        plan_digest=row["plan_digest"],
        on_failure=row["on_failure"],
        state=SyncState(row["state"]),
        actor=row["actor"],
        trigger=row["trigger"],
        started_at=row["started_at"],
        finished_at=row["finished_at"],
        summary=row["summary"],
        steps=tuple(steps),
        author=row["author"],
    )
