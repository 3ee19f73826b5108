"""Tells out-of-band changes from those of controllers, by the expected versions and the journal."""

from __future__ import annotations

from collections.abc import Callable

import structlog

from controller.domain.errors.process import StoreFailed
from controller.domain.events import FlowEvent
from controller.reconcile.own_deliveries import made_by_delivery
from controller.reconcile.report import PassReport
from controller.store.journal import Journal

log = structlog.get_logger()

REASON = "changed by hand"
ELSEWHERE = "changed by another controller"
_EVENTS = {REASON: "flow.changed-by-hand", ELSEWHERE: "flow.changed-by-another-controller"}


class OutOfBandChanges:
    """Compares announced versions with those that the last pass left live.

    Announcements during a pass are kept until it ends, because the pass causes most of them; the others are out-of-band
    changes. A version that the journal knows was made live by a controller that shares the store.
    """

    def __init__(self, organization: str, journal: Journal, on_change: Callable[[str], None]) -> None:
        """`on_change` is called with the reason, at most once for each announcement."""
        self._organization = organization
        self._journal = journal
        self._kept_as = organization
        self._on_change = on_change
        self._expected: dict[str, str | None] = {}
        self._kept: dict[str, FlowEvent] = {}
        self.passing = False
        """Whether a pass is running."""

    @property
    def flow_ids(self) -> frozenset[str]:
        """The managed flows that exist."""
        return frozenset(self._expected)

    def pass_begins(self) -> None:
        self.passing = True

    def pass_ended(self, report: PassReport) -> None:
        """Expect the versions that the pass left live; a pass without a plan changes no expectation."""
        self.passing = False
        if report.plan is not None:
            self._expected = _left_behind(report)
            self._kept_as = report.kept_as
        kept, self._kept = self._kept, {}
        for event in kept.values():
            self.add(event)

    def add(self, event: FlowEvent) -> None:
        """Compare an announcement with the expected version, and report a difference."""
        if self.passing:
            self._kept[event.flow_id] = event
            return
        if event.flow_id not in self._expected:
            return
        if not event.deleted and event.published_version == self._expected[event.flow_id]:
            return
        reason = ELSEWHERE if self._is_delivered(event) else REASON
        level = log.warning if reason is REASON else log.info
        level(
            _EVENTS[reason],
            organization=self._organization,
            flow=event.flow_id,
            version=event.published_version,
            expected=self._expected[event.flow_id],
        )
        self._expected[event.flow_id] = event.published_version
        self._on_change(reason)

    def _is_delivered(self, event: FlowEvent) -> bool:
        """Whether a controller made that version live, or is about to; False when the store does not answer."""
        if event.deleted:
            return False
        try:
            steps = self._journal.latest(self._kept_as).values()
        except StoreFailed:
            return False
        return any(step.flow_id == event.flow_id and made_by_delivery(event.published_version, step) for step in steps)


def _left_behind(report: PassReport) -> dict[str, str | None]:
    """The managed flows' live versions: as the pass observed them, updated by its delivery."""
    managed = {change.key for change in report.plan_or_raise().changes}
    expected = {flow.id: flow.published_version for key, flow in report.live.items() if key in managed}
    if report.result is not None:
        expected.update({step.flow_id: step.version for step in report.result.steps if step.flow_id and step.version})
    return expected
