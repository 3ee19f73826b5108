"""Syncs for people: pages of them, newest first, and the steps of one. Reads only.

A page costs the same however many changes its syncs have: steps are counted by the database, and read in pages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from sqlalchemy import Select, func, select

from controller.domain.identity import FlowKey
from controller.store.database import StorePart
from controller.store.records import StepRecord, SyncRecord, WriteRecord, step_record, sync_record, write_record
from controller.store.schema import latest_steps, steps, syncs, writes


@dataclass(frozen=True, slots=True)
class ListedSync:
    """A sync without its steps."""

    sync: SyncRecord
    counts: Mapping[str, int] = field(default_factory=dict)
    """How many of its changes are in which state."""


class SyncList(StorePart):
    """Every method may raise StoreFailed."""

    def page(
        self, organizations: Collection[str] | None = None, *, limit: int, before: int | None = None
    ) -> list[ListedSync]:
        """The newest syncs of these organisations, or of all; `before` is the sync that came after them."""
        query = select(syncs).order_by(syncs.c.id.desc()).limit(limit)
        if before is not None:
            query = query.where(syncs.c.id < before)
        if organizations is not None:
            query = query.where(syncs.c.organization.in_(organizations))
        return self._counted([sync_record(row) for row in self._rows(query)])

    def latest(self, organizations: Collection[str]) -> dict[str, SyncRecord]:
        """The newest sync of each of these organisations, by the name under which it is kept; without steps."""
        newest = select(func.max(syncs.c.id)).where(syncs.c.organization.in_(organizations))
        rows = self._rows(select(syncs).where(syncs.c.id.in_(newest.group_by(syncs.c.organization))))
        return {row["organization"]: sync_record(row) for row in rows}

    def find(self, sync_id: int) -> ListedSync | None:
        """The sync with this number."""
        found = self._counted([sync_record(row) for row in self._rows(select(syncs).where(syncs.c.id == sync_id))])
        return found[0] if found else None

    def steps(self, sync_id: int, *, limit: int, offset: int = 0) -> tuple[StepRecord, ...]:
        """Some changes of a sync with their writes, in deployment order."""
        query = select(steps).where(steps.c.sync_id == sync_id).order_by(steps.c.position)
        return self._with_writes([step_record(row) for row in self._rows(query.limit(limit).offset(offset))])

    def latest_step(self, organization: str, key: FlowKey) -> StepRecord | None:
        """The last step that did anything to a flow, with its writes."""
        found = self._with_writes([step_record(row) for row in self._rows(_latest_step(organization, key))])
        return found[0] if found else None

    def _counted(self, found: Sequence[SyncRecord]) -> list[ListedSync]:
        counted = _COUNTS.where(steps.c.sync_id.in_([sync.id for sync in found]))
        by_sync: dict[int, dict[str, int]] = {sync.id: {} for sync in found}
        for row in self._rows(counted) if found else ():
            by_sync[row["sync_id"]][row["state"]] = row["number"]
        return [ListedSync(sync, by_sync[sync.id]) for sync in found]

    def _with_writes(self, found: Sequence[StepRecord]) -> tuple[StepRecord, ...]:
        query = select(writes).where(writes.c.step_id.in_([step.id for step in found])).order_by(writes.c.id)
        by_step: dict[int, list[WriteRecord]] = {step.id: [] for step in found}
        for row in self._rows(query) if found else ():
            by_step[row["step_id"]].append(write_record(row))
        return tuple(replace(step, writes=tuple(by_step[step.id])) for step in found)


_COUNTS: Final = (
    select(steps.c.sync_id, steps.c.state, func.count().label("number"))
    .group_by(steps.c.sync_id, steps.c.state)
    .order_by(steps.c.sync_id, steps.c.state)
)


def _latest_step(organization: str, key: FlowKey) -> Select[tuple[object, ...]]:
    named = (
        latest_steps.c.organization == organization,
        latest_steps.c.type == key.type,
        latest_steps.c.name == key.name,
    )
    return select(steps).join(latest_steps).where(*named)
