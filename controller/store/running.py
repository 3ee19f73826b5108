"""What runs now: passes over organisations and the changes of their deliveries, as each controller tells of its own.

A controller that dies leaves its pass here until another one has finished a pass over the organisation. A pass says
every few seconds that it is alive, so that readers can tell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, RowMapping, bindparam, delete, select, update

from controller.domain.status import StepState
from controller.store.database import StorePart, insert_or_update
from controller.store.live_marks import LiveTopic, touch
from controller.store.live_schema import running_flows, running_passes

ENDED: Final = frozenset(
    {*(state.value for state in StepState if state.final), "exported", "failed", "parked", "paused"}
)
"""States of a running flow in which nothing more happens to it in this pass."""
NOT_MOVING: Final = frozenset({*ENDED, StepState.PENDING.value})
"""States of a running flow in which it is not being changed."""


@dataclass(frozen=True, slots=True)
class RunningFlow:
    """One change of a running delivery."""

    organization: str
    flow: str
    """`metadata.name`, as in the plan."""
    kind: str
    """The planned change, such as `publish`."""
    state: str
    """A state of the journal (`StepState`), or `uploading`, `waiting`, `paused` or `parked`."""
    since: datetime
    """When this state began."""
    at: datetime
    """When anything was last heard about it."""
    sync_id: int | None = None
    version: str | None = None
    """The version that it is about."""
    until: datetime | None = None
    """When the state is expected to end: the end of a bake, or an estimate for a publish."""
    percent: float | None = None
    """How much of a publish is done, from 0 to 100, as the organisation says; of a bake, see `until`."""
    stage: str | None = None
    """The organisation's word for what it does, or the number of a rollout's stage."""
    gate: Mapping[str, object] | None = None
    """The last answer of a gate: `gate`, `verdict`, `message` and its `figures`."""
    message: str = ""
    """For people: what it waits for, or why it failed."""

    @property
    def moving(self) -> bool:
        """Whether it is being changed now."""
        return self.state not in NOT_MOVING

    def progress(self, now: datetime) -> float | None:
        """Percentage at that time: the organisation's, or of the time between `since` and `until`."""
        if self.percent is not None or self.until is None:
            return self.percent
        whole_s = (self.until - self.since).total_seconds()
        return 100.0 if whole_s <= 0 else min(max((now - self.since).total_seconds() / whole_s * 100, 0.0), 100.0)


@dataclass(frozen=True, slots=True)
class RunningPass:
    """A pass that is under way."""

    organization: str
    holder: str
    """Which controller runs it."""
    step: str
    """A step of `reconcile.loop`: `recover`, `observe`, `deliver`, ..."""
    trigger: str
    since: datetime
    beat_at: datetime
    """When its controller was last heard from."""
    done: int | None = None
    """Of `total`, in this step; both None where there is nothing to count."""
    total: int | None = None
    heard: bool = True
    """Whether its controller was heard from within the time of a lease; else it may have died at `beat_at`."""
    flows: tuple[RunningFlow, ...] = ()
    """The changes of its delivery, by flow."""


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change of a running delivery as its plan has it, whether or not it has begun."""

    flow: str
    """`metadata.name`, as in the plan."""
    kind: str
    wave: int
    """As in the plan."""
    depends_on: tuple[str, ...] = ()
    """The `flow`s that come first."""


class Running(StorePart):
    """Every method may raise StoreFailed. Only the controller whose pass is shown writes."""

    def begin(self, organization: str, holder: str, *, step: str, trigger: str, leased: bool = True) -> bool:
        """Show a pass, in place of any earlier one; False where another controller's is shown.

        With the lease there is no other: what is shown was left behind. Without it, that of a controller which was
        heard from stays.
        """
        with self._database.write() as connection:
            now = self._database.common_time(connection, self._clock)
            heard_since = now - timedelta(seconds=self._database.lease_ttl_s)
            if not leased and _is_others(connection, organization, holder, heard_since):
                return False
            began = {"organization": organization, "holder": holder, "trigger": trigger, "since": now, "beat_at": now}
            insert_or_update(connection, running_passes, began | {"step": step} | dict.fromkeys(_OF_STEPS))
            connection.execute(delete(running_flows).where(running_flows.c.organization == organization))
            touch(connection, organization, LiveTopic.RUNNING)
        return True

    def step(self, organization: str, step: str, *, done: int | None = None, total: int | None = None) -> None:
        """Show that the pass came to a step, or how far it came in it."""
        with self._database.write() as connection:
            self._advance(connection, organization, {"step": step, "done": done, "total": total})
            touch(connection, organization, LiveTopic.RUNNING)

    def deliver(self, organization: str, changes: Iterable[PlannedChange]) -> None:
        """Show which changes the pass delivers, in the order of its plan."""
        kept = [[each.flow, each.kind, each.wave, list(each.depends_on)] for each in changes]
        with self._database.write() as connection:
            self._advance(connection, organization, {"changes": kept})
            touch(connection, organization, LiveTopic.RUNNING)

    def flows(self, organization: str, flows: Iterable[RunningFlow]) -> None:
        """Show how far these changes came; the others stay."""
        with self._database.write() as connection:
            for flow in flows:
                insert_or_update(connection, running_flows, asdict(flow) | {"gate": flow.gate})
            self._advance(connection, organization, {})
            touch(connection, organization, LiveTopic.RUNNING)

    def end(self, organization: str, holder: str | None = None) -> None:
        """The pass has ended; with `holder`, only if it was that controller's. Writes nothing where none was shown."""
        shown = delete(running_passes).where(running_passes.c.organization == organization)
        with self._database.write() as connection:
            if connection.execute(shown if holder is None else shown.where(running_passes.c.holder == holder)).rowcount:
                connection.execute(delete(running_flows).where(running_flows.c.organization == organization))
                touch(connection, organization, LiveTopic.RUNNING)

    def end_of(self, holder: str, *, older_than_s: float = 0.0) -> None:
        """End the passes that an earlier run of this controller left behind: those that began so long ago."""
        with self._database.read() as connection:
            limit = self._database.common_time(connection, self._clock) - timedelta(seconds=older_than_s)
            own = running_passes.c.holder == holder, running_passes.c.since < limit
            left = connection.execute(select(running_passes.c.organization).where(*own)).scalars().all()
        for organization in left:
            self.end(organization, holder)

    def beat(self, holder: str) -> None:
        """The controller is alive, and so are its passes. Writes nothing where it has none."""
        if not self._rows(select(running_passes.c.organization).where(running_passes.c.holder == holder)):
            return
        with self._database.write() as connection:
            now = self._database.common_time(connection, self._clock)
            connection.execute(update(running_passes).where(running_passes.c.holder == holder).values(beat_at=now))

    def of(self, organization: str) -> RunningPass | None:
        """The pass over an organisation that runs now, or whose controller died in it."""
        return next(iter(self._found(organization)), None)

    def all(self) -> list[RunningPass]:
        """The passes over all organisations, by name."""
        return self._found(None)

    def planned(self, organization: str) -> tuple[PlannedChange, ...]:
        """The changes that the running pass delivers, in the order of its plan; none while it delivers nothing."""
        query = select(running_passes.c.changes).where(running_passes.c.organization == organization)
        found = self._value(query) or ()
        return tuple(PlannedChange(flow, kind, wave, tuple(first)) for flow, kind, wave, first in found)

    def _advance(self, connection: Connection, organization: str, values: dict[str, object]) -> None:
        now = self._database.common_time(connection, self._clock)
        own = running_passes.c.organization == organization
        connection.execute(update(running_passes).where(own).values(values | {"beat_at": now}))

    def _found(self, organization: str | None) -> list[RunningPass]:
        passes, flows = (_PASSES, _FLOWS) if organization is None else (_PASS_OF, _FLOWS_OF)
        named = {"organization": organization}
        with self._database.read() as connection:
            found = [RunningPass(**row) for row in connection.execute(passes, named).mappings().all()]
            if not found:
                return []
            told = [_flow(row) for row in connection.execute(flows, named).mappings().all()]
            limit = self._database.common_time(connection, self._clock) - timedelta(seconds=self._database.lease_ttl_s)
        return [
            replace(
                each,
                heard=each.beat_at >= limit,
                flows=tuple(flow for flow in told if flow.organization == each.organization),
            )
            for each in found
        ]


_OF_STEPS: Final = ("done", "total", "changes")
_PASS: Final = tuple(column for column in running_passes.c if column.name != "changes")
"""Without the changes, which may be ten thousand."""

# Built once: readers ask each second, and to put a statement together takes as long as to run it.
_PASSES: Final = select(*_PASS).order_by(running_passes.c.organization)
_PASS_OF: Final = _PASSES.where(running_passes.c.organization == bindparam("organization"))
_FLOWS: Final = select(running_flows).order_by(running_flows.c.organization, running_flows.c.flow)
_FLOWS_OF: Final = _FLOWS.where(running_flows.c.organization == bindparam("organization"))


def _is_others(connection: Connection, organization: str, holder: str, heard_since: datetime) -> bool:
    """Whether the shown pass is that of another controller that was heard from since then."""
    others = running_passes.c.holder != holder, running_passes.c.beat_at >= heard_since
    query = select(running_passes.c.organization).where(running_passes.c.organization == organization, *others)
    return connection.execute(query).first() is not None


def _flow(row: RowMapping) -> RunningFlow:
    return RunningFlow(**row)
