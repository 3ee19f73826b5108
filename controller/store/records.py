"""The journal's contents as values, and its rows to values and back."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import RowMapping

from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket, TicketKind
from controller.domain.status import StepCause, StepState
from controller.store import schema


class SyncState(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    INCOMPLETE = "incomplete"
    """Nothing failed, and not everything was done; `summary` counts the rest (`undone` of `changes`)."""
    FAILED = "failed"
    ROLLED_BACK = "rolled-back"
    ROLLBACK_FAILED = "rollback-failed"
    STOPPED = "stopped"
    """Shutdown signal; the next pass resumes the changes in flight."""

    @property
    def open(self) -> bool:
        """Whether a later process has to resume it."""
        return self in (SyncState.RUNNING, SyncState.STOPPED)


class WriteOutcome(StrEnum):
    DONE = "done"
    FAILED = "failed"
    LOST = "lost"
    """Sent, and the answer never came: only reading tells whether it took effect."""


@dataclass(frozen=True, slots=True)
class NewSync:
    organization: str
    revision: str
    plan_digest: str
    actor: str
    trigger: str
    on_failure: str
    dirty: bool = False
    author: str | None = None
    """Who wrote the commit."""


@dataclass(frozen=True, slots=True)
class NewStep:
    """One change at the time when its sync starts."""

    flow: str
    key: FlowKey
    kind: str
    wanted: str
    source_digest: str | None
    dependency_digest: str
    consumes: tuple[FlowKey, ...]
    flow_id: str | None
    previous_version: str | None
    target_version: str | None
    reason: str | None = None


@dataclass(frozen=True, slots=True)
class WriteRecord:
    """One call that changes an organisation; without an outcome the process died around it."""

    id: int
    step_id: int
    action: str
    details: Mapping[str, object]
    intent_at: datetime
    outcome: WriteOutcome | None = None
    result: Mapping[str, object] | None = None
    result_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepRecord:
    """One change of a sync as the journal knows it."""

    id: int
    sync_id: int
    flow: str
    key: FlowKey
    kind: str
    wanted: str
    source_digest: str | None
    dependency_digest: str
    consumes: tuple[FlowKey, ...]
    flow_id: str | None
    previous_version: str | None
    """The live version before this step."""
    target_version: str | None
    live_version: str | None
    """The version that this step, or its rollback, was seen to have made live."""
    consumed: Mapping[FlowKey, str]
    state: StepState
    ticket: Ticket | None
    reason: str | None
    """For people only."""
    cause: StepCause | None
    error_code: str | None
    """What the step failed with, or the change that its rollback is about."""
    paused: bool
    """Live, and a gate could not decide: more executions or a person can."""
    bake_until: datetime | None
    updated_at: datetime
    recorded_at: datetime | None
    writes: tuple[WriteRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class SyncRecord:
    """One plan that was, or is being, carried out."""

    id: int
    organization: str
    revision: str
    dirty: bool
    plan_digest: str
    on_failure: str
    state: SyncState
    actor: str
    trigger: str
    started_at: datetime
    finished_at: datetime | None = None
    summary: Mapping[str, object] = field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    author: str | None = None

    @property
    def writes_on(self) -> bool:
        """Whether resuming it may change the organisation, and not only bring the record up to date."""
        return self.state.open or any(step.state is StepState.ROLLING_BACK for step in self.steps)


def consumed_to_json(consumed: Mapping[FlowKey, str]) -> dict[str, str]:
    return {str(key): version for key, version in sorted(consumed.items())}


def new_step_values(step: NewStep) -> dict[str, object]:
    """Column values of a step that has not started."""
    values: dict[str, object] = {each.name: getattr(step, each.name) for each in fields(step) if each.name != "key"}
    consumes = [str(key) for key in step.consumes]
    return values | asdict(step.key) | {"consumes": consumes, "consumed": {}, "state": StepState.PENDING.value}


def step_record(row: RowMapping, writes: Iterable[WriteRecord] = ()) -> StepRecord:
    ticket = row["ticket"]
    values = _columns(StepRecord, row) | {
        "key": FlowKey(row["type"], row["name"]),
        "consumes": tuple(FlowKey.parse(text) for text in row["consumes"]),
        "consumed": {FlowKey.parse(text): version for text, version in row["consumed"].items()},
        "state": StepState(row["state"]),
        "ticket": None if ticket is None else Ticket(**ticket | {"kind": TicketKind(ticket["kind"])}),
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


_KEPT = {
    record: tuple(each.name for each in fields(record) if each.name in table.c)
    for record, table in ((StepRecord, schema.steps), (WriteRecord, schema.writes), (SyncRecord, schema.syncs))
}
"""Found once, because a pass reads a row for each flow."""


def _columns(record: type[StepRecord | WriteRecord | SyncRecord], row: RowMapping) -> dict[str, Any]:
    """The columns with the name of a field; the others are not kept, or need a conversion."""
    return {name: row[name] for name in _KEPT[record]}
