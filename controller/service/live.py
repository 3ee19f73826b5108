"""Writes what passes do to the store while they run, so that every replica can show it.

A look that finds nothing to do writes nothing here. What changed is written together, at most twice a second for an
organisation. The store's faults are logged and end nothing: a delivery goes on without being shown.
"""

from __future__ import annotations

import asyncio
from typing import Final

import structlog

from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.process import StoreFailed
from controller.domain.export_estimate import ExportEstimate
from controller.planning.model import Plan
from controller.reconcile.pass_ import Listener
from controller.reconcile.services import Services
from controller.service.live_flows import LiveFlows
from controller.store.running import RunningFlow

log = structlog.get_logger()

PAUSE_S: Final = 0.5
"""Between two writes about one organisation at least."""
UNSEEN_S: Final = 1.0
"""A pass that is shorter, and delivers nothing, is not shown."""
_AFTER_FAULT_S: Final = 30.0
"""Without a write after the store failed: it may make a delivery wait until it gives up."""
_FIRST: Final = "checkout"
_ACQUIRING: Final = "acquire"
"""The step of a pass after which it has the lease."""
BEGINNINGS: Final = frozenset({"sync.started", "recovery.started", "rollback.asked-for"})
"""Events after which flows are being changed."""


class LiveListener:
    """Shows the passes over one organisation."""

    def __init__(self, organization: str, services: Services, beside: Listener) -> None:
        """`beside` is told of everything as well."""
        self._organization = organization
        self._services = services
        self._beside = beside
        self._trigger = ""
        self._began_s = 0.0
        self._begin_anew()

    def pass_begins(self, trigger: str) -> None:
        """A pass begins for this reason."""
        self._trigger, self._began_s = trigger, self._services.clock.monotonic()
        self._begin_anew()

    def _begin_anew(self) -> None:
        self._flows = LiveFlows(self._organization)
        self._step, self._counted = "", (0, 0)
        self._acquiring = self._leased = False
        self._shown = False
        self._waiting: dict[str, RunningFlow] = {}
        """Flows to write."""
        self._written_s: float | None = None
        self._later: asyncio.Task[None] | None = None

    def pass_ended(self) -> None:
        """The pass is over; the caller removes it from the store, with the report."""
        if self._later is not None:
            self._later.cancel()
        self._begin_anew()

    # What a pass tells.

    @property
    def delivers(self) -> bool:
        """Whether the pass changes flows."""
        return self._flows.total > 0

    def began(self, step: str) -> None:
        self._beside.began(step)
        self._step, self._counted = step, (0, 0)
        if step == _FIRST:  # of another run, such as the look of a controller that did not get the lease
            self._acquiring = self._leased = False
        self._leased = self._leased or self._acquiring
        self._acquiring = step == _ACQUIRING
        if self._shown or self._services.clock.monotonic() - self._began_s >= UNSEEN_S:
            self._show()

    def looked(self, done: int, total: int) -> None:
        self._beside.looked(done, total)
        self._counted = done, total
        self._show()

    def exporting(self, estimate: ExportEstimate) -> None:
        self._beside.exporting(estimate)
        self._counted = 0, estimate.flows
        self._show()

    def planned(self, plan: Plan) -> None:
        self._beside.planned(plan)
        self._flows.planned(plan)

    def delivering(self, plan: Plan) -> None:
        self._beside.delivering(plan)
        self._flows.delivering(plan)

    def progressed(self, event: DeliveryEvent) -> None:
        """Note an event. A mistake in here must not end the delivery that tells of it."""
        self._beside.progressed(event)
        try:
            self._note(event)
        except Exception:
            log.exception("live.broke", organization=self._organization, noted=event.name)

    def _note(self, event: DeliveryEvent) -> None:
        if event.name in BEGINNINGS:
            self._flows.total = self._changes_of(event)
            self._show()
        flow = self._flows.progressed(event, self._services.clock.now())
        if flow is not None:
            self._waiting[flow.flow] = flow
            self._show()

    def _changes_of(self, event: DeliveryEvent) -> int:
        if event.name == "recovery.started":
            unfinished = self._services.store.journal.unfinished(self._organization)
            self._flows.resumed(step for sync in unfinished for step in sync.steps)
        changes = event.fields.get("changes", event.fields.get("steps", 1))
        return max(changes, 1) if isinstance(changes, int) else 1

    # What is written.

    def _show(self) -> None:
        """Write now, or as soon as the pause is over."""
        now_s = self._services.clock.monotonic()
        if self._written_s is None or now_s - self._written_s >= PAUSE_S:
            self._write()
        elif self._later is None:
            self._later = asyncio.get_running_loop().create_task(self._write_later(self._written_s + PAUSE_S - now_s))

    async def _write_later(self, seconds: float) -> None:
        await self._services.clock.sleep(seconds)
        self._later = None
        self._write()

    def _write(self) -> None:
        self._written_s = self._services.clock.monotonic()
        try:
            self._write_all()
        except StoreFailed as error:
            log.warning("live.not-written", organization=self._organization, error=error.message)
            self._written_s += _AFTER_FAULT_S

    def _write_all(self) -> None:
        running, done, total = self._services.store.running, *self._counted
        if self._flows.total:
            done, total = self._flows.done, self._flows.total
        with self._services.store.together():
            if not self._shown and not running.begin(
                self._organization,
                self._services.holder,
                step=self._step,
                trigger=self._trigger,
                leased=self._leased,
            ):
                return
            running.step(self._organization, self._step, done=done if total else None, total=total or None)
            if self._flows.total and self._flows.untold:
                running.deliver(self._organization, self._flows.untold)
            if self._waiting:
                running.flows(self._organization, list(self._waiting.values()))
        self._shown = True
        self._waiting = {}
        if self._flows.total:
            self._flows.untold = None
