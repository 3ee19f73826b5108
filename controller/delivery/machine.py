"""One change from its state in the journal to healthy, each handler one state further; and then its export."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta

from controller.delivery.adopt_step import AdoptStep
from controller.delivery.announce import announce_migration
from controller.delivery.bindings import bindings_now
from controller.delivery.context import Context
from controller.delivery.exporting import export_live
from controller.delivery.gates.bake import bake, pass_gates
from controller.delivery.gates.subject import Subject, subject_of
from controller.delivery.meanwhile import require_still_live, tell_overtaken
from controller.delivery.publish_step import PublishStep
from controller.delivery.remove_step import RemoveStep
from controller.delivery.signals import Parked, Paused
from controller.delivery.step import Step
from controller.delivery.switch_step import SwitchStep
from controller.delivery.unread import left_unread
from controller.delivery.work import DESTRUCTIVE, Work
from controller.domain.errors import OutOfBandChange
from controller.domain.live import LiveFlow
from controller.domain.status import StepState
from controller.planning.model import ChangeKind


class Machine:
    """Drives one change. Raises the errors of the domain; the change is then still in the state that it had."""

    def __init__(self, context: Context, work: Work) -> None:
        self._context = context
        self._work = work
        self._step = choose_step(context, work)
        self._handlers: Mapping[StepState, Callable[[], Awaitable[None]]] = {
            StepState.PENDING: self._prepare,
            StepState.VALIDATED: self._publish,
            StepState.PUBLISHING: self._settle,
            StepState.LIVE: self._begin_bake,
            StepState.BAKING: self._bake,
        }

    async def run(self) -> None:
        """Until the change is healthy, or until there is nothing more to do. Raises Parked as well."""
        while (handler := self._handlers.get(self._work.state)) is not None:
            before = self._work.state
            await handler()
            if self._work.state is before:
                return

    async def _prepare(self) -> None:
        if await self._step.prepare(self._work):
            self._context.advance(self._work, StepState.VALIDATED)
        else:
            await self._went_live(await self._step.settle(self._work))

    async def _publish(self) -> None:
        self._context.signals.require_go()
        await self._step.publish(self._work)

    async def _settle(self) -> None:
        """Raises Parked where the organisation does not tell what became of it: nothing is known to have failed."""
        with left_unread(self._context, self._work):
            try:
                live = await self._step.settle(self._work)
            except OutOfBandChange as change:
                self._overtaken(change, also=lambda: announce_migration(self._context, self._work))
                return
            await self._went_live(live, also=lambda: announce_migration(self._context, self._work))

    async def _went_live(self, live: LiveFlow | None, also: Callable[[], None] | None = None) -> None:
        flow_id = self._work.flow_id if live is None else live.id
        version = None if live is None else live.published_version
        consumed = await bindings_now(self._context, self._work) if live is not None else {}
        self._context.advance(
            self._work, StepState.LIVE, also, flow_id=flow_id, live_version=version, consumed=consumed, ticket=None
        )

    def _overtaken(self, change: OutOfBandChange, also: Callable[[], None] | None = None) -> None:
        """It was delivered, and somebody published over it: recorded as what it is, which shows the rest as drift.

        Its gates have nothing to judge any more, and there is nothing to take back.
        """
        tell_overtaken(self._context, self._work, change)
        self._context.advance(
            self._work, StepState.HEALTHY, also, live_version=change.version, ticket=None, reason=change.message
        )

    async def _begin_bake(self) -> None:
        if self._context.signals.aborting:
            raise Parked
        desired = self._work.desired
        if not self._step.bakes or desired is None:
            self._context.advance(self._work, StepState.HEALTHY)
            return
        until = self._context.clock.now() + timedelta(seconds=desired.rollout.bake_s)
        self._context.advance(self._work, StepState.BAKING, bake_until=until)

    async def _bake(self) -> None:
        record = self._work.record
        if record.flow_id is not None and record.live_version is not None:
            subject = self._subject(record.live_version)
            await bake(self._context, self._work, subject)
            try:
                await pass_gates(self._context, self._work, subject)
            except Paused as paused:
                self._context.pause(self._work, paused.why)
                raise
            try:
                await require_still_live(self._context, self._work, record.live_version)
            except OutOfBandChange as change:
                self._overtaken(change)
                return
        self._context.advance(self._work, StepState.HEALTHY, reason=None)

    def _subject(self, version: str) -> Subject:
        record, desired = self._work.record, self._work.desired
        bake_s = desired.rollout.bake_s if desired is not None else 0.0
        until = record.bake_until or self._context.clock.now()
        return subject_of(self._work, version, live_since=until - timedelta(seconds=bake_s))

    async def export(self) -> None:
        """Export what is healthy, once. Raises LeaseLost and StoreFailed, nothing else."""
        if self._work.change.kind in DESTRUCTIVE:
            self._context.advance(self._work, StepState.EXPORTED)
            return
        if self._work.record.recorded_at is not None:
            return
        await export_live(self._context, self._work)
        if self._work.export is not None:
            self._context.advance(self._work, StepState.EXPORTED)


def choose_step(context: Context, work: Work) -> Step:
    """The way to carry out a kind of change."""
    kind = work.change.kind
    if kind is ChangeKind.ADOPT:
        return AdoptStep(context)
    if kind in DESTRUCTIVE:
        return RemoveStep(context)
    pinned = work.record.source_digest is None
    if pinned or kind in (ChangeKind.SWITCH, ChangeKind.RESTORE):
        return SwitchStep(context)
    return PublishStep(context)
