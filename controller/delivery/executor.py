"""Runs the changes of a sync: each as soon as its own dependencies are done, a bounded number at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from controller.delivery.announce import announce_migration
from controller.delivery.context import Context
from controller.delivery.group import groups_of, validate_ahead
from controller.delivery.machine import Machine
from controller.delivery.quarantine import deserves_quarantine, harmless, quarantine
from controller.delivery.signals import Parked
from controller.delivery.work import DESTRUCTIVE, TOLD_TO_STOP, Work
from controller.domain.desired import OnFailure
from controller.domain.errors import LeaseLost, OutOfBandChange, PenstockError, StoreFailed
from controller.domain.status import Cause, StepState
from controller.planning.model import ChangeKind


class Executor:
    """One run over the works of a context.

    Waves play no part. A dependency that stands later in the order (a cycle that is deployed as a group) is not waited
    for, so nothing can wait for itself. Removals come last, and not at all once something failed.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._works = sorted(context.works, key=lambda work: work.change.kind in DESTRUCTIVE)
        self._done = {work.change.flow: asyncio.Event() for work in self._works}
        self._slots = asyncio.Semaphore(max(context.organization.sync.concurrency, 1))
        self._groups = groups_of(self._works)
        self._exports: dict[str, asyncio.Task[None]] = {}
        self._halted = False

    async def run(self) -> None:
        """Until no change can go on. Raises LeaseLost and StoreFailed, alone or in a group."""
        async with asyncio.TaskGroup() as group:
            for position, work in enumerate(self._works):
                group.create_task(self._one(group, position, work), name=f"change {work.change.flow}")

    async def go_on(self, parked: Iterable[Work]) -> None:
        """Bring changes to their end that waited for a rollback which did not concern them. Raises as `run` does."""
        async with asyncio.TaskGroup() as group:
            for work in parked:
                group.create_task(self._carry_out(work), name=f"change {work.change.flow}")

    async def export_the_rest(self) -> None:
        """Export what is healthy still, and was not because a rollback had to begin. Raises as `run` does."""
        async with asyncio.TaskGroup() as group:
            for work in self._works:
                begun = self._exports.get(work.change.flow)
                if begun is None or begun.cancelled():
                    group.create_task(self._export(work), name=f"export {work.change.flow}")

    async def _one(self, group: asyncio.TaskGroup, position: int, work: Work) -> None:
        earlier = self._works[:position]
        needed = [other for other in earlier if other.change.flow in work.change.depends_on]
        awaited = earlier if work.change.kind in DESTRUCTIVE else needed
        for other in awaited:
            await self._done[other.change.flow].wait()
        async with self._slots:
            await self._validate_group(work)
            why_not = self._why_not(work, needed)
            if why_not is None:
                await self._carry_out(work)
            else:
                self._context.advance(work, StepState.SKIPPED, reason=why_not)
        work.ended_at = self._context.clock.monotonic()
        self._done[work.change.flow].set()
        # Nobody waits for an export: what is healthy is ready to be built on, or to be taken back.
        if not self._context.signals.aborting:
            export = group.create_task(self._export(work), name=f"export {work.change.flow}")
            self._exports[work.change.flow] = export

    async def _export(self, work: Work) -> None:
        if work.state is StepState.HEALTHY:
            await Machine(self._context, work).export()
            work.ended_at = self._context.clock.monotonic()

    async def _validate_group(self, work: Work) -> None:
        """Before the first change of a cycle begins, the others are validated: what is not valid fails at once."""
        group = self._groups.get(work.change.flow, ())
        if not group or work is not group[0] or work.state is not StepState.PENDING or self._context.signals.halted:
            return
        for other in group[1:]:
            if other.state is not StepState.PENDING or other.change.blocked is not None:
                continue
            try:
                await validate_ahead(self._context, other)
            except Parked:
                return
            except (LeaseLost, StoreFailed):
                raise
            except PenstockError as error:
                self._fail(other, error)

    def _why_not(self, work: Work, needed: list[Work]) -> str | None:
        """Why a change that has not begun is skipped; what has begun always goes on."""
        if work.state is not StepState.PENDING:
            return None
        if work.change.blocked is not None:
            return f"{work.change.blocked.code}: {work.change.blocked.message}"
        for other in self._groups.get(work.change.flow, ()):
            if other.state is StepState.FAILED:
                return f"it is deployed as one with {other.change.flow}, which failed"
        for other in needed:
            if (gap := _not_there(other)) is not None:
                return f"it depends on {other.change.flow}, {gap}"
        if self._context.signals.stopping:
            work.held_back = True
            return TOLD_TO_STOP
        if self._context.signals.aborting or self._halted:
            return "another change of this sync failed before it began"
        if work.change.kind in DESTRUCTIVE and any(other.error is not None for other in self._works):
            return "nothing is removed while another change of this sync fails"
        return None

    async def _carry_out(self, work: Work) -> None:
        work.began_at = self._context.clock.monotonic()
        work.parked = False
        try:
            await Machine(self._context, work).run()
        except Parked:
            self._leave(work)
        except (LeaseLost, StoreFailed):
            raise
        except PenstockError as error:
            self._fail(work, error)

    def _leave(self, work: Work) -> None:
        if work.state.not_started and self._context.signals.stopping:
            work.held_back = True
            self._context.advance(work, StepState.SKIPPED, reason=TOLD_TO_STOP, cause=Cause.INTERRUPTED)
        else:
            self._context.park(work)

    def _fail(self, work: Work, error: PenstockError) -> None:
        context = self._context
        work.error = error

        def also() -> None:
            if deserves_quarantine(error) and work.change.kind not in DESTRUCTIVE:
                quarantine(context, work, error.message)
            if work.change.kind is not ChangeKind.ADOPT:
                announce_migration(context, work, error)

        context.advance(work, StepState.FAILED, also, reason=f"{error.code}: {error.message}", error_code=error.code)
        if harmless(work):
            return
        policy = OnFailure(context.sync.on_failure)
        if policy is OnFailure.ROLLBACK_ALL and work.change.kind not in DESTRUCTIVE:
            context.signals.abort()
            for export in self._exports.values():
                export.cancel()
        self._halted = self._halted or policy is not OnFailure.ROLLBACK_FLOW


def _not_there(other: Work) -> str | None:
    """Why what depends on a change cannot be built on it; None where its version is live and healthy."""
    if isinstance(other.error, OutOfBandChange):
        return f"of which somebody published {other.error.found}"
    return None if other.state.delivered else f"which is {other.state.value}"
