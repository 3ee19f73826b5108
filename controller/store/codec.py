"""Rows of the journal to values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from sqlalchemy import RowMapping

from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket, TicketKind
from controller.domain.status import StepCause, StepState
from controller.store.records import NewStep, StepRecord, SyncRecord, SyncState, WriteOutcome, WriteRecord


def ticket_to_json(ticket: Ticket) -> dict[str, object]:
    """A ticket in a form that a later process can poll."""
    return {"kind": ticket.kind.value, "id": ticket.id, "flow_id": ticket.flow_id, "version": ticket.version}


def ticket_from_json(data: Mapping[str, Any] | None) -> Ticket | None:
    return None if data is None else Ticket(TicketKind(data["kind"]), data["id"], data["flow_id"], data["version"])


def consumed_to_json(consumed: Mapping[FlowKey, str]) -> dict[str, str]:
    return {str(key): version for key, version in sorted(consumed.items())}


def new_step_values(step: NewStep) -> dict[str, object]:
    """Column values of a step that has not started."""
    values: dict[str, object] = {each.name: getattr(step, each.name) for each in fields(step) if each.name != "key"}
    return values | {
        "type": step.key.type,
        "name": step.key.name,
        "consumes": [str(key) for key in step.consumes],
        "consumed": {},
        "state": StepState.PENDING.value,
    }


def step_record(row: RowMapping, writes: Iterable[WriteRecord] = ()) -> StepRecord:
    values = _columns(StepRecord, row) | {
        "key": FlowKey(row["type"], row["name"]),
        "consumes": tuple(FlowKey.parse(text) for text in row["consumes"]),
        "consumed": {FlowKey.parse(text): version for text, version in row["consumed"].items()},
        "state": StepState(row["state"]),
        "ticket": ticket_from_json(row["ticket"]),
        "cause": None if row["cause"] is None else StepCause(row["cause"]),
        "writes": tuple(writes),
    }
    return StepRecord(**values)


def write_record(row: RowMapping) -> WriteRecord:
    outcome = None if row["outcome"] is None else WriteOutcome(row["outcome"])
    return WriteRecord(**_columns(WriteRecord, row) | {"outcome": outcome})


def sync_record(row: RowMapping, steps: Iterable[StepRecord] = ()) -> SyncRecord:
    values = _columns(SyncRecord, row) | {"state": SyncState(row["state"]), "steps": tuple(steps)}
    return SyncRecord(**values)


def _columns(record: type[StepRecord | WriteRecord | SyncRecord], row: RowMapping) -> dict[str, Any]:
    """The columns with the name of a field; the others are not kept, or need a conversion."""
    return {each.name: row[each.name] for each in fields(record) if each.name in row}
