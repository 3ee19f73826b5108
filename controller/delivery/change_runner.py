"""Carry one change from its state in the journal to healthy, one state at a time; and then export it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Protocol

from controller.delivery.change_run import ChangeRun
from controller.delivery.exporting import export_live
from controller.delivery.gates.model import GateSubject, subject_of
from controller.delivery.gates.watch import bake, pass_gates
from controller.delivery.journal_entries import DESTRUCTIVE, NEW_FLOW
from controller.delivery.live_state import as_planned, leave_undetermined
from controller.delivery.out_of_band import require_still_live, tell_overtaken
from controller.delivery.outcome import announce_migration
from controller.delivery.publish_step import PublishStep
from controller.delivery.remove_step import RemoveStep
from controller.delivery.signals import Parked, Paused
from controller.delivery.switch_step import SwitchStep
from controller.domain.errors.change import OutOfBandChange
from controller.domain.live import LiveFlow
from controller.domain.publish_time import PublishWay
from controller.domain.status import StepState
from controller.planning.model import ChangeKind


class ChangeStep(Protocol):
    """How one kind of change is carried out. All methods may raise the errors of the domain, and Parked."""

    @property
    def bakes(self) -> bool:
        """Whether it makes a new version live that has to be watched."""
        ...

    async def prepare(self) -> bool:
        """Read and validate; write nothing that matters. False when there is nothing left to be done."""
        ...

    async def publish(self) -> None:
        """Make the writes; the journal has the ticket afterwards."""
        ...

    async def settle(self) -> LiveFlow | None:
        """Wait for the end and prove it on the live flow. Returns the flow; None if it is gone."""
        ...

    async def took_effect(self) -> bool:
        """After a crash in `publish`: whether there is something to settle. Reads only."""
        ...


class AdoptStep:
    """The desired version is live already; it is only exported and recorded."""

    bakes = False

    def __init__(self, run: ChangeRun) -> None:
        self._run = run

    async def prepare(self) -> bool:
        await as_planned(self._run)
        return False

    async def publish(self) -> None:
        """Nothing is written."""

    async def settle(self) -> LiveFlow | None:
        """As `prepare` read it a moment ago; nothing was written since."""
        return self._run.planned_flow or await as_planned(self._run)

    async def took_effect(self) -> bool:
        return True


def choose_step(run: ChangeRun) -> ChangeStep:
    """How to carry out the change, by its kind."""
    kind = run.change.kind
    if kind is ChangeKind.ADOPT:
        return AdoptStep(run)
    if kind in DESTRUCTIVE:
        return RemoveStep(run)
    return PublishStep(run) if run.way is PublishWay.UPLOAD else SwitchStep(run)


class ChangeRunner:
    """Drives one change. Raises the errors of the domain; the change keeps its state then."""

    def __init__(self, run: ChangeRun) -> None:
        self._run = run
        self._step = choose_step(run)
        self._handlers: Mapping[StepState, Callable[[], Awaitable[None]]] = {
            StepState.PENDING: self._prepare,
            StepState.VALIDATED: self._publish,
            StepState.PUBLISHING: self._settle,
            StepState.LIVE: self._begin_bake,
            StepState.BAKING: self._bake,
        }

    async def to_healthy(self) -> None:
        """Until the change is healthy, or until there is nothing more to do. Raises Parked as well."""
        while (handler := self._handlers.get(self._run.state)) is not None:
            before = self._run.state
            await handler()
            if self._run.state is before:
                return

    async def _prepare(self) -> None:
        if await self._step.prepare():
            self._run.advance(StepState.VALIDATED)
        else:
            await self._went_live(await self._step.settle())

    def _publish(self) -> Awaitable[None]:
        self._run.sync.signals.require_go()
        return self._step.publish()

    async def _settle(self) -> None:
        """Raises Parked where the publish result could not be determined: it is not known to have failed."""
        with leave_undetermined(self._run):
            try:
                live = await self._step.settle()
            except OutOfBandChange as change:
                self._overtaken(change, also=lambda: announce_migration(self._run))
                return
            await self._went_live(live, also=lambda: self._note_publish(live))

    def _note_publish(self, live: LiveFlow | None) -> None:
        announce_migration(self._run)
        self._run.learn_time(live)

    async def _went_live(self, live: LiveFlow | None, also: Callable[[], None] | None = None) -> None:
        flow_id = self._run.flow_id if live is None else live.id
        version = None if live is None else live.published_version
        if self._run.change.kind in NEW_FLOW and flow_id is not None and self._run.watches_executions:
            self._run.sync.events.created(flow_id)
        consumed = await self._run.bindings() if live is not None else {}
        self._run.advance(StepState.LIVE, also, flow_id=flow_id, live_version=version, consumed=consumed, ticket=None)

    def _overtaken(self, change: OutOfBandChange, also: Callable[[], None] | None = None) -> None:
        """Record a delivered version that another publish has replaced; drift shows the other version.

        Its gates have nothing to judge any more, and there is nothing to roll back.
        """
        tell_overtaken(self._run, change)
        self._run.advance(StepState.HEALTHY, also, live_version=change.version, ticket=None, reason=change.message)

    async def _begin_bake(self) -> None:
        if self._run.sync.signals.aborting:
            raise Parked
        desired = self._run.desired
        if not self._step.bakes or desired is None:
            self._run.advance(StepState.HEALTHY)
            return
        until = self._run.sync.clock.now() + timedelta(seconds=desired.rollout.bake_s)
        self._run.advance(StepState.BAKING, bake_until=until)

    async def _bake(self) -> None:
        run, record = self._run, self._run.record
        if record.flow_id is not None and record.live_version is not None:
            subject = self._subject(record.live_version)
            await bake(run, subject)
            try:
                await pass_gates(run, subject)
            except Paused as paused:
                run.pause(paused.why)
                raise
            try:
                await require_still_live(run, record.live_version)
            except OutOfBandChange as change:
                self._overtaken(change)
                return
        run.advance(StepState.HEALTHY, reason=None)

    def _subject(self, version: str) -> GateSubject:
        record, desired = self._run.record, self._run.desired
        bake_s = desired.rollout.bake_s if desired is not None else 0.0
        until = record.bake_until or self._run.sync.clock.now()
        return subject_of(self._run, version, live_since=until - timedelta(seconds=bake_s))

    async def export(self) -> None:
        """Export a healthy version once. Raises LeaseLost and StoreFailed, nothing else."""
        if self._run.change.kind in DESTRUCTIVE:
            self._run.advance(StepState.EXPORTED)
            return
        if self._run.record.recorded_at is not None:
            return
        await export_live(self._run)
        if self._run.export is not None:
            self._run.advance(StepState.EXPORTED)
