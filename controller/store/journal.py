"""The journal: the intents and results of a sync's writes, and the state of each of its changes.

Every write needs a lease and proves it in its own transaction, except results: what happened is noted even by a
controller that has just lost its lease.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import datetime
from typing import Final, TypedDict, Unpack

from sqlalchemy import (
    BindParameter,
    Connection,
    RowMapping,
    Select,
    String,
    bindparam,
    func,
    insert,
    or_,
    select,
    union,
    update,
)

from controller.domain.identity import FlowKey
from controller.domain.platform import Ticket
from controller.domain.status import StepCause, StepState
from controller.store.columns import one_of
from controller.store.database import StorePart
from controller.store.latest import note_state
from controller.store.leases import Lease, prove
from controller.store.records import (
    NewStep,
    NewSync,
    StepRecord,
    SyncRecord,
    SyncState,
    WriteOutcome,
    WriteRecord,
    consumed_to_json,
    new_step_values,
    step_record,
    sync_record,
    write_record,
)
from controller.store.schema import latest_steps, steps, syncs, writes

_OPEN = tuple(state.value for state in SyncState if state.open)
_TO_RECORD = tuple(state.value for state in StepState if state.to_record)


class StepFacts(TypedDict, total=False):
    """Facts that become known with a step's new state; columns that are not given keep their values."""

    flow_id: str | None
    previous_version: str | None
    target_version: str | None
    live_version: str | None
    consumed: Mapping[FlowKey, str]
    ticket: Ticket | None
    reason: str | None
    cause: StepCause | None
    error_code: str | None
    paused: bool
    bake_until: datetime | None


class Journal(StorePart):
    """Every method may raise StoreFailed; those that take a lease raise LeaseLost as well."""

    @contextmanager
    def _writing(self, lease: Lease) -> Iterator[tuple[Connection, datetime]]:
        """A transaction of the lease's holder, and the time that it writes. Raises LeaseLost."""
        # Only leases need the time that all processes share; the journal has the time of its writer.
        now = self._clock.now()
        with self._database.write() as connection:
            prove(self._database, connection, lease, self._clock)
            yield connection, now

    # Writing.

    def begin(self, lease: Lease, sync: NewSync, changes: Sequence[NewStep]) -> SyncRecord:
        """Open a sync with all its steps, pending, in deployment order."""
        with self._writing(lease) as (connection, now):
            values = asdict(sync) | {"state": SyncState.RUNNING.value, "started_at": now, "summary": {}}
            opened = connection.execute(_NEW_SYNC, values).mappings().one()
            rows = [
                new_step_values(change) | {"sync_id": opened["id"], "position": position, "updated_at": now}
                for position, change in enumerate(changes)
            ]
            # SQLAlchemy would make one row of defaults of an empty list.
            if not rows:
                return sync_record(opened)
            connection.execute(_NEW_STEPS, rows)
            begun = connection.execute(_STEPS_OF, {"syncs": [opened["id"]]}).mappings()
            return sync_record(opened, map(step_record, begun))

    def add(self, lease: Lease, sync_id: int, change: NewStep) -> StepRecord:
        """One more step of a sync that is open, after all others."""
        with self._writing(lease) as (connection, now):
            last = select(func.max(steps.c.position)).where(steps.c.sync_id == sync_id)
            position = (connection.execute(last).scalar_one() or 0) + 1
            values = new_step_values(change) | {"sync_id": sync_id, "position": position, "updated_at": now}
            step = connection.execute(_NEW_STEP, values).mappings().one()
            return step_record(step)

    def finish(self, lease: Lease, sync_id: int, state: SyncState, summary: Mapping[str, object]) -> None:
        """Close a sync, or mark it as stopped, to be resumed."""
        with self._writing(lease) as (connection, now):
            values = {"state": state.value, "finished_at": None if state.open else now, "summary": dict(summary)}
            connection.execute(_CHANGE_SYNC, values | {"sync": sync_id})

    def advance(self, lease: Lease, step: StepRecord, state: StepState, **facts: Unpack[StepFacts]) -> StepRecord:
        """Move a step, as its only writer knows it, to a state, with the facts that became known."""
        with self._writing(lease) as (connection, now):
            moved = _move_step(connection, step, state, now, facts)
            return step_record(moved, _writes(connection, step))

    def recorded(self, lease: Lease, states: Mapping[int, StepState]) -> None:
        """Note that these steps, by their numbers, are recorded, and the states that they have since."""
        with self._writing(lease) as (connection, now):
            noted = {"paused": False, "recorded_at": now, "updated_at": now}
            rows = [noted | {"step": step_id, "state": state.value} for step_id, state in states.items()]
            if rows:
                connection.execute(_CHANGE_STEPS, rows)

    def intend(
        self,
        lease: Lease,
        step: StepRecord,
        action: str,
        details: Mapping[str, object],
        *,
        state: StepState | None = None,
    ) -> StepRecord:
        """Announce one call that changes the organisation; only after this returns may the call be made.

        `details` must hold no secret. `state` moves the step in the same transaction. Returns the step, with this as
        the last of its writes.
        """
        with self._writing(lease) as (connection, now):
            if state is not None:
                step = step_record(_move_step(connection, step, state, now, {}), _writes(connection, step))
            values = {"step_id": step.id, "action": action, "details": dict(details), "intent_at": now}
            row = connection.execute(_NEW_WRITE, {"fence": lease.fence, **values}).mappings().one()
        return replace(step, writes=(*step.writes, write_record(row)))

    def conclude(
        self,
        step: StepRecord,
        write: WriteRecord,
        outcome: WriteOutcome,
        result: Mapping[str, object],
        *,
        ticket: Ticket | None = None,
    ) -> StepRecord:
        """Note the result of an announced call, with the ticket to poll. Needs no lease. Returns the step with it."""
        # The call was made under the lease, so its result counts even when the lease is lost since.
        values = {"outcome": outcome.value, "result": dict(result), "result_at": self._clock.now()}
        with self._database.write() as connection:
            row = connection.execute(_CHANGE_WRITE, values | {"write": write.id}).mappings().one()
            if ticket is not None:
                step = step_record(_update_step(connection, step.id, {"ticket": ticket}), step.writes)
        concluded = write_record(row)
        return replace(step, writes=tuple(concluded if each.id == write.id else each for each in step.writes))

    # Reading.

    def sync(self, sync_id: int) -> SyncRecord | None:
        with self._database.read() as connection:
            found = _load(connection, _SYNC, sync=sync_id)
        return found[0] if found else None

    def history(
        self, organization: str | None = None, *, limit: int = 50, before: int | None = None
    ) -> list[SyncRecord]:
        """The latest syncs, newest first, with their steps; `before` is the sync that came after them."""
        query = select(syncs).order_by(syncs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(syncs.c.id < before)
        if organization is not None:
            query = query.where(syncs.c.organization == organization)
        with self._database.read() as connection:
            return _load(connection, query)

    def finished(self, organization: str, *, after: int, among: Collection[int] = ()) -> list[SyncRecord]:
        """The syncs that have ended, oldest first, with their steps: those after a sync, and these earlier ones."""
        newer = syncs.c.id > after
        query = select(syncs).where(syncs.c.organization == organization, syncs.c.state.not_in(_OPEN))
        query = query.where(or_(newer, syncs.c.id.in_(among)) if among else newer).order_by(syncs.c.id)
        with self._database.read() as connection:
            return _load(connection, query)

    def newest(self, organization: str) -> int:
        """The number of the organisation's last sync; 0 before the first."""
        return int(self._value(_NEWEST, organization=organization) or 0)

    def latest(self, organization: str) -> dict[FlowKey, StepRecord]:
        """Of each flow the last step that did anything; without its writes."""
        return {record.key: record for record in map(step_record, self._rows(_LATEST, organization=organization))}

    def delivered(self, organization: str, key: FlowKey, version: str) -> StepRecord | None:
        """The last step that made this version of the flow live and was recorded; without its writes."""
        rows = self._rows(_DELIVERED, organization=organization, **asdict(key), version=version)
        return next(map(step_record, rows), None)

    def last_write(self, organization: str, key: FlowKey, actions: Sequence[str]) -> WriteRecord | None:
        """The newest call of these kinds that was announced for the flow, in any sync."""
        rows = self._rows(_LAST_WRITE, organization=organization, **asdict(key), actions=list(actions))
        return next(map(write_record, rows), None)

    def unfinished(self, organization: str) -> list[SyncRecord]:
        """Syncs that a dead or stopped process left open, and closed ones with something left to record."""
        with self._database.read() as connection:
            return _load(connection, _UNFINISHED, organization=organization)


def _move_step(
    connection: Connection, step: StepRecord, state: StepState, now: datetime, facts: StepFacts
) -> RowMapping:
    # A paused step is one that bakes: it is not paused any more as soon as it does anything else.
    ended: dict[str, object] = {} if state is StepState.BAKING else {"paused": False}
    moved = _update_step(connection, step.id, facts, state=state.value, updated_at=now, **ended)
    if state.idle or step.state.idle:
        note_state(connection, step.id, state)
    return moved


def _update_step(connection: Connection, step_id: int, facts: StepFacts, **more: object) -> RowMapping:
    values: dict[str, object] = {**facts, **more}
    if "ticket" in facts:
        values["ticket"] = None if facts["ticket"] is None else asdict(facts["ticket"])
    if "consumed" in facts:
        values["consumed"] = consumed_to_json(facts["consumed"])
    return connection.execute(_CHANGE_STEP, values | {"step": step_id}).mappings().one()


# Built once: these are asked for again and again, and to put them together takes longer than to run them.
_ORGANIZATION: Final = bindparam("organization", type_=String)
_LATEST: Final = select(steps).join(latest_steps).where(latest_steps.c.organization == _ORGANIZATION)
UNFINISHED_IDS: Final = union(
    # Each part has an index of its own; with `or` the whole history would be read.
    select(syncs.c.id).where(one_of(syncs.c.state, _OPEN)),
    select(steps.c.sync_id).where(one_of(steps.c.state, (*_TO_RECORD, StepState.ROLLING_BACK.value))),
    select(steps.c.sync_id).where(
        steps.c.state == StepState.ROLLED_BACK.value,
        steps.c.recorded_at.is_(None),
        or_(steps.c.live_version != steps.c.previous_version, steps.c.live_version == steps.c.target_version),
    ),
)
"""The syncs that a later process has to resume, or that have something left to record or to roll back."""
_UNFINISHED: Final = (
    select(syncs).where(syncs.c.organization == _ORGANIZATION, syncs.c.id.in_(UNFINISHED_IDS)).order_by(syncs.c.id)
)
_SYNC: Final = select(syncs).where(syncs.c.id == bindparam("sync"))
_NEWEST: Final = select(func.max(syncs.c.id)).where(syncs.c.organization == _ORGANIZATION)
_NEW_SYNC: Final = insert(syncs).returning(*syncs.c)
_CHANGE_SYNC: Final = update(syncs).where(syncs.c.id == bindparam("sync"))
_NEW_STEPS: Final = insert(steps)
_NEW_STEP: Final = _NEW_STEPS.returning(*steps.c)
_CHANGE_STEPS: Final = update(steps).where(steps.c.id == bindparam("step"))
_CHANGE_STEP: Final = _CHANGE_STEPS.returning(*steps.c)
_OF_FLOW: Final = (
    syncs.c.organization == _ORGANIZATION,
    steps.c.type == bindparam("type"),
    steps.c.name == bindparam("name"),
)
_DELIVERED: Final = (
    select(steps)
    .join(syncs)
    .where(*_OF_FLOW, steps.c.live_version == bindparam("version"), steps.c.state == StepState.RECORDED.value)
    .order_by(steps.c.id.desc())
    .limit(1)
)
_ACTIONS: Final[BindParameter[str]] = bindparam("actions", expanding=True)
_LAST_WRITE: Final = (
    select(writes)
    .select_from(writes.join(steps).join(syncs))
    .where(*_OF_FLOW, writes.c.action.in_(_ACTIONS))
    .order_by(writes.c.id.desc())
    .limit(1)
)
_NEW_WRITE: Final = insert(writes).returning(*writes.c)
_CHANGE_WRITE: Final = update(writes).where(writes.c.id == bindparam("write")).returning(*writes.c)
_WRITES: Final = select(writes).where(writes.c.step_id == bindparam("step")).order_by(writes.c.id)
_SYNCS: Final[BindParameter[int]] = bindparam("syncs", expanding=True)
_STEPS_OF: Final = select(steps).where(steps.c.sync_id.in_(_SYNCS)).order_by(steps.c.sync_id, steps.c.position)
_WRITES_OF: Final = select(writes).join(steps).where(steps.c.sync_id.in_(_SYNCS)).order_by(writes.c.id)


def _writes(connection: Connection, step: StepRecord) -> tuple[WriteRecord, ...]:
    """The step's writes. Read only while one has no result: an earlier holder of the lease may note it late."""
    if all(write.outcome is not None for write in step.writes):
        return step.writes
    return tuple(write_record(row) for row in connection.execute(_WRITES, {"step": step.id}).mappings())


def _load(connection: Connection, query: Select[tuple[object, ...]], **named: object) -> list[SyncRecord]:
    found = connection.execute(query, named).mappings().all()
    if not found:
        return []
    ids = [row["id"] for row in found]
    rows = connection.execute(_STEPS_OF, {"syncs": ids}).mappings()
    by_sync: dict[int, list[StepRecord]] = {sync_id: [] for sync_id in ids}
    made = _writes_of(connection, ids)
    for row in rows:
        by_sync[row["sync_id"]].append(step_record(row, made.get(row["id"], ())))
    return [sync_record(row, by_sync[row["id"]]) for row in found]


def _writes_of(connection: Connection, sync_ids: Sequence[int]) -> dict[int, list[WriteRecord]]:
    by_step: dict[int, list[WriteRecord]] = {}
    for row in connection.execute(_WRITES_OF, {"syncs": sync_ids}).mappings():
        by_step.setdefault(row["step_id"], []).append(write_record(row))
    return by_step
