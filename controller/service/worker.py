"""One worker for each organisation: waits for a reason, runs one pass, and decides when to look again."""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import replace
from typing import Final

import structlog

from controller.domain.capabilities import CAPABILITIES
from controller.domain.desired import Organization, SyncMode
from controller.domain.errors.delivery import DeliveryPaused, LeaseHeld
from controller.domain.foreign_errors import as_fault
from controller.domain.platform import Capability
from controller.domain.waiting import first_of
from controller.reconcile.loop import run_pass
from controller.reconcile.notifying import notify, notify_of_fault
from controller.reconcile.pass_ import SERVICE, Mode, PassRequest
from controller.reconcile.report import Left, PassReport
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.service.asked import AskedActions
from controller.service.flow_events import POLL_S, ChangePoll, FlowSubscription
from controller.service.live import LiveListener
from controller.service.live_views import LiveViews
from controller.service.next_look import Pauses, Standby
from controller.service.orders import Orders, Telling
from controller.service.out_of_band import ELSEWHERE, OutOfBandChanges
from controller.service.trouble import Troubles
from controller.store.actions import AskedAction, Verb

log = structlog.get_logger()


_UNASSIGNED_PAUSE_S: Final = 1.0
"""Between two looks whether this process looks after the organisation again."""


class Worker:
    """Runs the passes over one organisation. They never overlap; a reason during a pass leads to one more pass."""

    def __init__(
        self,
        name: str,
        services: Services,
        *,
        drift_interval_s: float,
        tell: Telling,
        orders: Orders,
        allow_dirty: bool = False,
    ) -> None:
        self.name = name
        self._services = services
        self._drift_interval_s = drift_interval_s
        self._tell = tell
        self._orders = orders
        self._allow_dirty = allow_dirty
        self._standby = Standby(services.clock, drift_interval_s)
        self._troubles = Troubles(name)
        self._live = LiveListener(name, services, tell.listener)
        self._views = LiveViews(name, services)
        self._actions = AskedActions(name, services)
        self._gives_way = False
        """Whether the running pass is to end for a rollback that a person asked for."""
        self._changes = OutOfBandChanges(name, services.store.journal, self._changed)
        self._subscription = FlowSubscription(name, services.clock, self._changes.add, self._look_at_all)
        self._poll = ChangePoll(name, services.clock, self._changes, lambda: self._subscription.subscribed)
        self._full_look = True
        self._dismissed = self._interrupted = False
        self._workspace: Workspace | None = None
        self._reasons: list[str] = []
        self._woken = asyncio.Event()
        self._pauses = Pauses(drift_interval_s)
        self.passes = False
        """Whether a pass runs."""
        self.ended = False
        """Whether the last pass has ended."""

    def wake(self, workspace: Workspace, reason: str) -> None:
        """Run a pass at this revision as soon as possible."""
        self._workspace = workspace
        if reason not in self._reasons:
            self._reasons.append(reason)
        self._woken.set()

    def nudge(self, reason: str) -> None:
        """Run another pass at the last revision, as soon as possible, and read all flows in it."""
        self._look_at_all()
        self._views.look_again()
        if self._workspace is not None:
            self.wake(self._workspace, reason)

    def asked(self, verbs: frozenset[Verb]) -> None:
        """People asked for actions. A rollback does not wait for the end of a delivery: it is parked."""
        if self._workspace is None:
            return
        if self._actions.wait(verbs, self._workspace.organization(self.name)):
            self._gives_way = Verb.ROLLBACK in verbs and self._live.delivers
            self._woken.set()

    def _changed(self, reason: str) -> None:
        """Run a pass, except while the controller that made the change holds the lease."""
        if reason != ELSEWHERE or not self._standby.waits:
            self.nudge(reason)

    def _look_at_all(self) -> None:
        """Let the next pass read all flows: something may have changed that is no publish."""
        self._full_look = True

    def stop(self) -> None:
        """Wake the worker so that it sees that the service is stopping."""
        self._woken.set()

    def dismiss(self) -> None:
        """The organisation is gone from the manifests, or another replica's: end after the running pass."""
        self._dismissed = True
        self._woken.set()

    def interrupt(self) -> None:
        """End soon: the running pass is parked, as after a shutdown signal."""
        self._interrupted = True
        self.dismiss()

    def employ_again(self) -> bool:
        """Cancel a dismissal; False when the worker has ended."""
        if not self.ended:
            self._dismissed = self._interrupted = False
        return not self.ended

    def _stopping(self) -> bool:
        return self._dismissed or self._orders.stopping()

    def _pass_is_to_stop(self) -> bool:
        return self._gives_way or self._interrupted or self._orders.stopping()

    def serves(self, organization: Organization) -> bool:
        """Whether it is the same organisation, even under another name: same endpoint and same client."""
        known = self._workspace.organization(self.name) if self._workspace is not None else None
        return known is not None and (known.endpoint, known.credentials) == (
            organization.endpoint,
            organization.credentials,
        )

    async def run(self, before: Collection[asyncio.Task[None]] = ()) -> None:
        """Work until the service stops, subscribed to the organisation's events; `before` has to end first."""
        if before:
            await asyncio.wait(before)
        beside = [asyncio.create_task(self._subscription.run(), name=f"channel {self.name}")]
        if self._drift_interval_s > POLL_S:
            beside.append(asyncio.create_task(self._poll.run(), name=f"poll {self.name}"))
        try:
            await self._work()
        finally:
            self.ended = True
            if self._dismissed:
                # At once: a new worker for this name may begin as soon as this one awaits anything.
                self._services.forget(self.name)
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self._services.close_retired()

    async def _work(self) -> None:
        pause_s = 0.0
        while not self._stopping():
            await self._wait(pause_s)
            if self._stopping() or self._workspace is None:
                pause_s = self._drift_interval_s
                continue
            if not self._orders.assigned():
                pause_s = _UNASSIGNED_PAUSE_S
                continue
            trigger = ", ".join(self._reasons) or "drift"
            self._reasons.clear()
            pause_s = await self._safely(self._workspace, trigger)
        self.ended = True

    async def _safely(self, workspace: Workspace, trigger: str) -> float:
        """Run and report one pass; returns the pause before the next. No error may end the other workers."""
        self._live.pass_begins(trigger)
        self._gives_way, self.passes = False, True
        try:
            report = await self._watched_pass(workspace, trigger)
            self._live.pass_ended()
            if not report.saw_nothing:
                self._tell.report(report)
            self._troubles.tell(report)
            await self._keep(report, workspace)
        except Exception as error:
            log.exception("worker.failed", organization=self.name)
            self._live.pass_ended()
            self._tell.fault(self.name, error)
            fault = as_fault(error, f"the pass over {self.name}")
            if self._orders.assigned():
                self._views.fault(fault.message)
                await notify_of_fault(self._services, workspace.organization(self.name), fault)
            return self._pauses.after(fault)
        finally:
            self.passes = False
        unread = report.result.undetermined if report.result is not None else None
        return self._pauses.after(report.error or unread)

    async def _keep(self, report: PassReport, workspace: Workspace) -> None:
        """Keep and tell what the pass found, unless another replica may have found something newer."""
        if self._orders.assigned():
            await notify(report, workspace, self._services)
            return await self._views.report(report, workspace.organization(self.name))
        return self._views.elsewhere()

    async def _wait(self, seconds: float) -> None:
        """Wait until woken, or until the time is over."""
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
        self._subscription.subscribe_to(flow_ids, lambda: self._services.platform(organization))
        if report.plan is not None:
            self._poll.looked(began, lambda: self._services.platform(organization))
        return report

    async def _run(self, request: PassRequest, workspace: Workspace) -> PassReport:
        async def source() -> Workspace:
            return workspace

        return await run_pass(request, self._services, source, listener=self._live, stopping=self._pass_is_to_stop)

    async def _pass(self, workspace: Workspace, trigger: str) -> PassReport:
        organization = workspace.organization(self.name)
        request = PassRequest(
            self.name,
            _mode(organization),
            actor=SERVICE,
            trigger=trigger,
            watches=True,
            full_look=self._full_look,
            allow_dirty=self._allow_dirty,
            allow_unpushed=self._allow_dirty,
        )
        self._full_look = False
        asked = self._actions.take_up(request, organization)
        if asked is not None:
            return await self._act(*asked, workspace, organization)
        report = await self._carry_out(request, workspace, organization)
        report = await self._unless_held(request, workspace, report)
        # A pass without a plan did not look.
        self._full_look = self._full_look or (request.full_look and report.plan is None)
        return report

    async def _act(
        self, action: AskedAction, request: PassRequest, workspace: Workspace, organization: Organization
    ) -> PassReport:
        """Run the pass that a person asked for, and soon the usual one: it sees what the former left."""
        self.nudge("after an action")
        if request.mode is Mode.ROLLBACK:
            return await self._actions.carry_out(action, lambda: self._run(request, workspace))
        return await self._actions.carry_out(action, lambda: self._carry_out(request, workspace, organization))

    async def _carry_out(self, request: PassRequest, workspace: Workspace, organization: Organization) -> PassReport:
        if self._has_to_recover(organization, workspace):
            recovered = await self._run(replace(request, mode=Mode.RECOVER), workspace)
            if isinstance(recovered.error, DeliveryPaused):
                looked = await self._run(request, workspace)
                return replace(looked, error=looked.error or recovered.error)
            if recovered.error is not None:
                return recovered
        report = await self._run(request, workspace)
        if request.mode is Mode.PLAN and organization.sync.mode is SyncMode.MANUAL and self._is_approved(report):
            # A person approved this plan: make it again under the lease, and refuse it when it changed.
            approved = replace(request, mode=Mode.APPLY, trigger=f"{request.trigger}, approved")
            report = await self._run(approved, workspace)
        if report.leaves_the_unknown:
            looked = await self._run(replace(request, mode=Mode.PLAN, expected_digest=None), workspace)
            left = None if looked.plan is None else Left(looked.plan, looked.live, looked.recorded)
            report = replace(report, left=left)
        return report

    async def _unless_held(self, request: PassRequest, workspace: Workspace, report: PassReport) -> PassReport:
        """The report; while another controller holds the lease, now and then that of a planning pass."""
        if not isinstance(report.error, LeaseHeld):
            self._standby.ended()
            return report
        if not self._standby.is_due(workspace.revision, report.error.retry_after_s):
            return report
        looked = await self._run(replace(request, mode=Mode.PLAN), workspace)
        if looked.plan is not None:
            self._standby.looked(workspace.revision)
        return replace(looked, error=looked.error or report.error)

    def _has_to_recover(self, organization: Organization, workspace: Workspace) -> bool:
        """Whether something is left to do that no delivery would: under `auto` the next one does.

        It is a delivery to finish, a record to push, or a lock file that may not name this controller yet.
        """
        if organization.sync.mode is not SyncMode.MANUAL or organization.suspended:
            return False
        unfinished = self._services.store.journal.unfinished(self.name) or workspace.repository.pending()
        return bool(unfinished) or self._services.has_to_claim(self.name)

    def _is_approved(self, report: PassReport) -> bool:
        if report.plan is None or report.plan.empty:
            return False
        return self._services.store.approvals.of(self.name, report.plan.digest) is not None


def _mode(organization: Organization) -> Mode:
    """Only `auto` delivers without a person; the other modes only report."""
    may_deliver = organization.sync.mode is SyncMode.AUTO and not organization.suspended
    return Mode.APPLY if may_deliver else Mode.PLAN
