"""Posts what passes found of an organisation to the store, where all readers have it from."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import Any

import structlog

from controller.domain.desired import Organization
from controller.domain.documents import plain
from controller.domain.errors.delivery import LeaseHeld, LeaseLost
from controller.domain.errors.process import Interrupted, StoreFailed
from controller.domain.status import Health, SyncStatus
from controller.planning.model import Plan
from controller.questions.status import held_back_now, organization_status
from controller.reconcile.pass_ import Mode
from controller.reconcile.report import PassReport
from controller.reconcile.services import Services
from controller.service.board import report_message
from controller.service.view_building import after_delivery, flow_views, organization_view, unseen_organization
from controller.store.views import OrganizationView

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Posted:
    """The last pass whose flows were posted. A pass that made the same plan found the same."""

    plan: Plan
    error: tuple[str, str] | None
    """Code and message of the pass' error."""
    view: OrganizationView
    empty: bool
    """Whether the plan changes nothing, so that nothing can refuse it."""


class LiveViews:
    """The reports of passes over one organisation. Faults of the store are logged, and end nothing."""

    def __init__(self, organization: str, services: Services) -> None:
        self._name = organization
        self._services = services
        self._last: _Posted | None = None

    def look_again(self) -> None:
        """Post the next pass whole: something may have changed that no plan shows, such as an approval."""
        self._last = None

    async def report(self, report: PassReport, organization: Organization) -> None:
        """Keep what the pass found, and that it has ended."""
        try:
            if report.plan is None:
                self._note_failure(report)
            elif not self._renewed(report, report.plan, organization):
                await asyncio.to_thread(self._post, report, organization)
        except StoreFailed as error:
            self._last = None
            log.warning("live.not-written", organization=self._name, error=error.message)

    def fault(self, message: str) -> None:
        """Keep that a pass ended without a report."""
        found = {"message": message, "sync": SyncStatus.UNKNOWN, "health": Health.UNKNOWN}
        try:
            with self._services.store.together():
                self._services.store.running.end(self._name, self._services.holder)
                self._note(found | {"at": self._services.clock.now()})
        except StoreFailed as error:
            log.warning("live.not-written", organization=self._name, error=error.message)

    def elsewhere(self) -> None:
        """Another replica looks after the organisation: only that this one's pass has ended is kept."""
        self._last = None
        try:
            self._services.store.running.end(self._name, self._services.holder)
        except StoreFailed as error:
            log.warning("live.not-written", organization=self._name, error=error.message)

    def _renewed(self, report: PassReport, plan: Plan, organization: Organization) -> bool:
        """Whether only the time of the look had to be written: another look at the same plan."""
        last, store = self._last, self._services.store
        if last is None or last.plan != plan or report.result is not None or report.recovered:
            return False
        held_back = () if last.empty else held_back_now(report, organization, self._services)
        found = self._of_look(report) if last.error == _error(report) else self._of_pass(report)
        view = replace(last.view, **found, held_back=tuple(plain(held_back)))
        with store.together():
            renewed = store.views.renew(view)
            self._end_running(report)
        return renewed

    def _post(self, report: PassReport, organization: Organization) -> None:
        shown = after_delivery(report)
        status = organization_status(shown, organization, self._services)
        view = organization_view(shown, status, self._of_pass(report))
        flows = flow_views(shown, status, view.at)
        with self._services.store.together():
            self._services.store.views.post(view, flows)
            self._end_running(report)
        # After a delivery the plan that was made before it no longer holds.
        changed = report.result is not None or bool(report.recovered)
        plan = None if changed else report.plan
        self._last = None if plan is None else _Posted(plan, _error(report), view, plan.empty)

    def _note_failure(self, report: PassReport) -> None:
        """The flows stay as an earlier pass found them; a pass that did not begin tells nothing."""
        with self._services.store.together():
            self._end_running(report)
            if not isinstance(report.error, Interrupted | LeaseHeld):
                self._note(self._of_pass(report))

    def _note(self, found: dict[str, Any]) -> None:
        self._last = None
        views = self._services.store.views
        known = views.organization(self._name) or unseen_organization(self._name, self._services.clock.now())
        views.note(replace(known, **found | {"holder": self._services.holder}))

    def _end_running(self, report: PassReport) -> None:
        """Without the lease, another controller's pass may go on."""
        leased = report.mode is not Mode.PLAN and not isinstance(report.error, LeaseHeld | LeaseLost)
        self._services.store.running.end(self._name, None if leased else self._services.holder)

    def _of_pass(self, report: PassReport) -> dict[str, Any]:
        """What a pass says of the whole organisation."""
        found = {"sync": report.sync_status, "message": report_message(report)}
        return found | self._of_look(report)

    def _of_look(self, report: PassReport) -> dict[str, Any]:
        """The same without what follows from plan and error: to find that again takes long for many flows."""
        found: dict[str, Any] = {
            "revision": report.revision,
            "health": report.health,
            "trigger": report.trigger,
            "at": self._services.clock.now(),
            "duration_s": round(report.duration_s, 3),
            "holder": self._services.holder,
        }
        if report.kept_as:
            found["kept_as"] = report.kept_as
        if report.looked_fully_at is not None:
            found["looked_fully_at"] = report.looked_fully_at
        return found


def _error(report: PassReport) -> tuple[str, str] | None:
    return None if report.error is None else (report.error.code, report.error.message)
