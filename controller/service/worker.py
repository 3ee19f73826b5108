"""One worker for each organisation: waits for a reason, runs one pass, and decides when to look again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

import structlog

from controller.delivery import Outcome
from controller.domain.capabilities import CAPABILITIES
from controller.domain.desired import Organization, SyncMode
from controller.domain.errors import DeliveryPaused, Interrupted, LeaseHeld, PenstockError, Transient, Waiting, as_fault
from controller.domain.platform import Capability
from controller.domain.waiting import first_of
from controller.reconcile import SERVICE, Listener, Mode, PassReport, PassRequest, Services, Workspace, run_pass
from controller.service.glancing import GLANCE_S, Glancing
from controller.service.hand_changes import ELSEWHERE, HandChanges
from controller.service.listening import Listening
from controller.service.standby import Standby
from controller.service.trouble import Troubles

log = structlog.get_logger()

_FIRST_BACKOFF_S = 5.0
_LONGEST_BACKOFF_S = 300.0


@dataclass(frozen=True, slots=True)
class Telling:
    """Who is told of passes."""

    report: Callable[[PassReport], None]
    """How a pass ended."""
    fault: Callable[[str, Exception], None]
    """Which organisation's pass ended without a report, and by what."""
    listener: Listener
    """What a pass tells while it runs."""


class Worker:
    """Passes over one organisation never overlap; a reason that comes during a pass leads to one more pass."""

    def __init__(
        self,
        name: str,
        services: Services,
        *,
        drift_interval_s: float,
        tell: Telling,
        stopping: Callable[[], bool],
        allow_dirty: bool = False,
    ) -> None:
        self.name = name
        self._services = services
        self._drift_interval_s = drift_interval_s
        self._tell = tell
        self._told_to_stop = stopping
        self._allow_dirty = allow_dirty
        self._standby = Standby(services.clock, drift_interval_s)
        self._troubles = Troubles(name)
        self._changes = HandChanges(name, services.store.journal, self._changed)
        self._listening = Listening(name, services.clock, self._changes.heard)
        self._glancing = Glancing(name, services.clock, self._changes, lambda: self._listening.heard)
        self._dismissed = False
        self._workspace: Workspace | None = None
        self._reasons: list[str] = []
        self._woken = asyncio.Event()
        self._failures = 0
        self.ended = False
        """Whether no pass runs any more, and none will."""

    def wake(self, workspace: Workspace, reason: str) -> None:
        """Look at this revision as soon as possible."""
        self._workspace = workspace
        if reason not in self._reasons:
            self._reasons.append(reason)
        self._woken.set()

    def nudge(self, reason: str) -> None:
        """Look again at what was asked for last, as soon as possible."""
        if self._workspace is not None:
            self.wake(self._workspace, reason)

    def _changed(self, reason: str) -> None:
        """Look again, except where it is waited for the controller whose doing it is."""
        if reason != ELSEWHERE or not self._standby.waits:
            self.nudge(reason)

    def stop(self) -> None:
        """Wake the worker so that it sees that the service is stopping."""
        self._woken.set()

    def dismiss(self) -> None:
        """The organisation is no longer asked for: end after the pass that is running, which is not cut short."""
        self._dismissed = True
        self._woken.set()

    def employ_again(self) -> bool:
        """Take a dismissal back; False when it is too late for that."""
        if not self.ended:
            self._dismissed = False
        return not self.ended

    def _stopping(self) -> bool:
        return self._dismissed or self._told_to_stop()

    def serves(self, organization: Organization) -> bool:
        """Whether it is the same organisation under whatever name: reached in the same way by the same client."""
        known = self._workspace.organization(self.name) if self._workspace is not None else None
        return known is not None and (known.endpoint, known.credentials) == (
            organization.endpoint,
            organization.credentials,
        )

    async def run(self, before: Collection[asyncio.Task[None]] = ()) -> None:
        """Work until the service stops, and meanwhile listen to the organisation; `before` has to end first."""
        if before:
            await asyncio.wait(before)
        beside = [asyncio.create_task(self._listening.run(), name=f"channel {self.name}")]
        if self._drift_interval_s > GLANCE_S:
            beside.append(asyncio.create_task(self._glancing.run(), name=f"glances {self.name}"))
        try:
            await self._work()
        finally:
            self.ended = True
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def _work(self) -> None:
        pause_s = 0.0
        while not self._stopping():
            await self._wait(pause_s)
            if self._stopping() or self._workspace is None:
                pause_s = self._drift_interval_s
                continue
            trigger = ", ".join(self._reasons) or "drift"
            self._reasons.clear()
            pause_s = await self._safely(self._workspace, trigger)
        self.ended = True

    async def _safely(self, workspace: Workspace, trigger: str) -> float:
        """One pass, reported; how long to wait for the next. A fault of ours must not end the other workers."""
        try:
            report = await self._watched_pass(workspace, trigger)
            if not _learned_nothing(report):
                self._tell.report(report)
            self._troubles.tell(report)
            _warn_of_what_is_left(report)
        except Exception as error:
            log.exception("worker.failed", organization=self.name)
            self._tell.fault(self.name, error)
            return self._pause_after(as_fault(error, f"the pass over {self.name}"))
        unread = report.result.unread if report.result is not None else None
        return self._pause_after(report.error or unread)

    async def _wait(self, seconds: float) -> None:
        """Until woken, or until the time is over."""
        await first_of(self._services.clock, seconds, self._woken)
        self._woken.clear()

    async def _watched_pass(self, workspace: Workspace, trigger: str) -> PassReport:
        self._changes.pass_begins()
        began = self._services.clock.now()
        report = await self._pass(workspace, trigger)
        self._changes.pass_ended(report)
        organization = workspace.organization(self.name)
        can_hear = self._services.settings.notifications and (
            Capability.NOTIFICATIONS in CAPABILITIES[organization.dialect]
        )
        flow_ids = self._changes.flow_ids if can_hear else frozenset()
        self._listening.listen_to(flow_ids, lambda: self._services.platform(organization))
        if report.plan is not None:
            self._glancing.looked(began, lambda: self._services.platform(organization))
        return report

    async def _run(self, request: PassRequest, workspace: Workspace) -> PassReport:
        async def source() -> Workspace:
            return workspace

        return await run_pass(
            request, self._services, source, listener=self._tell.listener, stopping=self._told_to_stop
        )

    async def _pass(self, workspace: Workspace, trigger: str) -> PassReport:
        organization = workspace.organization(self.name)
        request = PassRequest(
            self.name,
            _mode(organization),
            actor=SERVICE,
            trigger=trigger,
            watches=True,
            allow_dirty=self._allow_dirty,
            allow_unpushed=self._allow_dirty,
        )
        report = await self._carry_out(request, workspace, organization)
        return await self._unless_held(request, workspace, report)

    async def _carry_out(self, request: PassRequest, workspace: Workspace, organization: Organization) -> PassReport:
        if self._has_to_recover(organization, workspace):
            recovered = await self._run(replace(request, mode=Mode.RECOVER), workspace)
            if isinstance(recovered.error, DeliveryPaused):
                looked = await self._run(request, workspace)
                return replace(looked, error=looked.error or recovered.error)
            if recovered.error is not None:
                return recovered
        report = await self._run(request, workspace)
        if organization.sync.mode is SyncMode.MANUAL and self._is_approved(report):
            # Somebody approved just this plan: it is made again under the lease, and refused when it changed.
            approved = replace(request, mode=Mode.APPLY, trigger=f"{request.trigger}, approved")
            report = await self._run(approved, workspace)
        return report

    async def _unless_held(self, request: PassRequest, workspace: Workspace, report: PassReport) -> PassReport:
        """The report; or, where another controller is at work, how things stand, when it is time to look at that."""
        if not isinstance(report.error, LeaseHeld):
            self._standby.ended()
            return report
        if not self._standby.is_due(workspace.revision):
            return report
        looked = await self._run(replace(request, mode=Mode.PLAN), workspace)
        if looked.plan is not None:
            self._standby.looked(workspace.revision)
        return replace(looked, error=looked.error or report.error)

    def _has_to_recover(self, organization: Organization, workspace: Workspace) -> bool:
        """Whether something is left open that no delivery will come along to end, as one would under `auto`."""
        if organization.sync.mode is not SyncMode.MANUAL or organization.suspended:
            return False
        return bool(self._services.store.journal.unfinished(self.name) or workspace.repository.pending())

    def _is_approved(self, report: PassReport) -> bool:
        if report.plan is None or report.plan.empty:
            return False
        return self._services.store.approvals.of(self.name, report.plan.digest) is not None

    def _pause_after(self, error: PenstockError | None) -> float:
        if isinstance(error, Waiting):
            # What is made by hand meanwhile is looked for as often as ever, however long a window stays closed.
            return min(max(1.0, error.retry_after_s), self._drift_interval_s)
        if isinstance(error, Transient):
            self._failures += 1
            longest = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(self._failures, 10))
            return random.uniform(_FIRST_BACKOFF_S, longest)  # noqa: S311 - jitter, not a secret
        self._failures = 0
        return self._drift_interval_s


def _learned_nothing(report: PassReport) -> bool:
    """Whether it ended before it looked, told to stop or to wait: what is shown already is still the best there is."""
    return isinstance(report.error, Interrupted | LeaseHeld) and report.plan is None


def _warn_of_what_is_left(report: PassReport) -> None:
    """Say what the word to stop left open: nobody looks at the board of a service that is gone."""
    result = report.result
    if result is None or result.outcome is not Outcome.STOPPED:
        return
    log.warning(
        "sync.stopped",
        organization=report.organization,
        sync=result.sync_id,
        changes={step.change.flow: step.state.value for step in result.steps},
        parked=[step.change.flow for step in result.steps if step.parked],
        hint="the next run goes on with what is parked, and begins what was skipped",
    )


def _mode(organization: Organization) -> Mode:
    """Only `auto` delivers by itself; the other modes are looked at and reported."""
    may_deliver = organization.sync.mode is SyncMode.AUTO and not organization.suspended
    return Mode.APPLY if may_deliver else Mode.PLAN
