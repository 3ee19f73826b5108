"""What the service counts of passes and deliveries, and the state in which each pass found its organisation."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.errors.branches import Refused, Waiting
from controller.domain.errors.delivery import DeliveryPaused, LeaseHeld, SyncSuspended
from controller.domain.errors.process import Interrupted
from controller.domain.status import Health, StepState, SyncStatus
from controller.reconcile.pass_ import Mode
from controller.reconcile.report import PassReport
from controller.service.out_of_band import ELSEWHERE, REASON
from controller.store.actions import Verb

_LABELS = ("organization",)
_ASKED = re.compile(rf"^({'|'.join(Verb)}): .*", re.DOTALL)
"""The trigger of an action, which ends with a person's reason."""
_TRIGGERS = frozenset(
    {
        *("drift", "suspended or resumed", "after an action", "command"),
        *("the branch is gone", "the branch is back", REASON, ELSEWHERE),
    }
)
"""The reasons for a pass that hold no word of a person and no commit."""


class PassMetrics:
    """Passes, and the state of each organisation."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter = partial(Counter, registry=registry)
        gauge = partial(Gauge, labelnames=_LABELS, registry=registry)
        self._passes = counter("penstock_passes_total", "Passes, by how they ended", (*_LABELS, "trigger", "outcome"))
        self._duration = Histogram(
            "penstock_pass_duration_seconds",
            "How long a pass took",
            _LABELS,
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
            registry=registry,
        )
        self._sync = Gauge(
            "penstock_sync_status", "1 for the status that holds", (*_LABELS, "status"), registry=registry
        )
        self._health = Gauge("penstock_health", "1 for the health that holds", (*_LABELS, "health"), registry=registry)
        self._failing = gauge("penstock_last_pass_failed", "1 after a pass that an error ended")
        self._look = gauge("penstock_last_look_timestamp_seconds", "When a pass last found the state; 0 before")
        self._full_look = gauge(
            "penstock_last_full_look_timestamp_seconds", "When all flows of the organisation were last read"
        )
        self._drift = gauge("penstock_drift", "Out-of-band changes of live versions")
        self._planned = gauge("penstock_planned_changes", "Changes that are left to deliver")
        self._blocked = gauge("penstock_blocked_changes", "Those of them that something blocks")
        self._approval = gauge("penstock_approval_waiting", "1 while a plan waits for an approval")
        self._paused = gauge("penstock_delivery_paused", "1 while a delivery waits for a decision")

    def expect(self, organization: str) -> None:
        """Show an organisation before its first pass, so that one that never ends is noticed."""
        for metric in (self._look, self._failing, self._approval, self._paused):
            metric.labels(organization)

    def forget(self, organization: str) -> None:
        """Show nothing of an organisation that is gone."""
        states = (self._sync, self._health, self._failing, self._look, self._full_look, self._drift, self._planned)
        for metric in (*states, self._blocked, self._approval, self._paused, self._passes, self._duration):
            metric.remove_by_labels({"organization": organization})

    def observe(self, report: PassReport, at: datetime, *, manual: bool) -> None:
        """Count one pass that ended at that time; `manual` says that only people let it deliver."""
        name = report.organization
        self._passes.labels(name, _trigger(report), _outcome(report)).inc()
        self._duration.labels(name).observe(report.duration_s)
        for status in SyncStatus:
            self._sync.labels(name, status.value).set(report.sync_status is status)
        self.healthy(name, report.health)
        self._failing.labels(name).set(_has_failed(report))
        if report.looked_fully_at is not None:
            self._full_look.labels(name).set(report.looked_fully_at.timestamp())
        if report.plan is None:
            return
        left = report.plan if report.left is None else report.left.plan
        self._look.labels(name).set(at.timestamp())
        self._drift.labels(name).set(sum(not drift.informative for drift in left.drift))
        self._planned.labels(name).set(len(left.actions))
        self._blocked.labels(name).set(sum(change.blocked is not None for change in left.actions))
        self._approval.labels(name).set(manual and _may_be_approved(report))
        self._paused.labels(name).set(_is_paused(report))

    def failed(self, organization: str) -> None:
        """Note a pass that ended without a report."""
        self._failing.labels(organization).set(1)
        self.healthy(organization, Health.UNKNOWN)

    def healthy(self, organization: str, found: Health) -> None:
        """Note the health of an organisation."""
        for health in Health:
            self._health.labels(organization, health.value).set(found is health)


def _has_failed(report: PassReport) -> bool:
    """Whether it ended in an error that time or a person has to end; policy and other controllers are none."""
    if report.error is None or isinstance(report.error, Interrupted | LeaseHeld | SyncSuspended):
        return False
    return report.plan is None or not isinstance(report.error, Waiting | Refused)


def _is_paused(report: PassReport) -> bool:
    paused = report.result is not None and report.result.outcome is Outcome.PAUSED
    return paused or isinstance(report.error, DeliveryPaused)


def _may_be_approved(report: PassReport) -> bool:
    """Whether the pass left a plan that an approval would let deliver: an approved one is delivered at once."""
    waiting = () if report.plan is None else report.plan.actions
    return report.mode is Mode.PLAN and any(change.blocked is None for change in waiting)


def _outcome(report: PassReport) -> str:
    if report.error is not None:
        return report.error.code
    if report.delivered and report.result is None:
        return "in-sync" if report.sync_status is SyncStatus.SYNCED else "out-of-sync"
    if report.delivered:
        return "delivered"
    held_back = report.result is None or report.result.outcome in (Outcome.SUCCEEDED, Outcome.INCOMPLETE)
    return "blocked" if held_back else "failed"


def _trigger(report: PassReport) -> str:
    """The trigger without the commit and a person's words: each value of a label is a time series of its own."""
    if asked := _ASKED.match(report.trigger):
        return asked[1]
    return ", ".join(sorted({_reason(each) for each in report.trigger.split(", ")}))


def _reason(reason: str) -> str:
    for beginning in ("revision", "approved"):
        if reason.startswith(beginning):
            return beginning
    return reason if reason in _TRIGGERS else "a person"


class DeliveryMetrics:
    """Counts outcomes of deliveries, durations of changes, and validations."""

    def __init__(self, registry: CollectorRegistry) -> None:
        counter, gauge = partial(Counter, registry=registry), partial(Gauge, registry=registry)
        self._syncs = counter("penstock_syncs_total", "Deliveries, by how they ended", (*_LABELS, "outcome"))
        self._success = gauge(
            "penstock_sync_success_ratio", "Share of deliveries since the start that succeeded", _LABELS
        )
        self._deployed = gauge(
            "penstock_deployment_success_ratio",
            "Share of the newest changes that made their version live and kept it",
            _LABELS,
        )
        self._changes = counter(
            "penstock_changes_total", "Changes of flows, by how they ended", (*_LABELS, "kind", "state")
        )
        self._duration = Histogram(
            "penstock_change_duration_seconds",
            "How long a change took from its beginning to its end, with bake time and gates",
            (*_LABELS, "kind"),
            buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 14400),
            registry=registry,
        )
        self._validations = counter("penstock_validations_total", "Validations of versions", (*_LABELS, "result"))
        self._failing = gauge("penstock_validation_error_ratio", "Share of validations that failed", _LABELS)
        self._counts: dict[tuple[str, str], list[int]] = {}

    def expect(self, organization: str) -> None:
        """Begin at 0: Prometheus sees no increase in a series that appears with its first count."""
        for outcome in Outcome:
            self._syncs.labels(organization, outcome.value)

    def forget(self, organization: str) -> None:
        """Show nothing of an organisation that is gone."""
        shown = (self._syncs, self._success, self._deployed, self._changes, self._duration, self._validations)
        for metric in (*shown, self._failing):
            metric.remove_by_labels({"organization": organization})
        self._counts = {key: count for key, count in self._counts.items() if key[0] != organization}

    def observe(self, result: SyncResult) -> None:
        """Count one delivery and its changes."""
        name = result.organization
        self._syncs.labels(name, result.outcome.value).inc()
        self._success.labels(name).set(self._share(name, "succeeded", counts=result.outcome is Outcome.SUCCEEDED))
        if result.deployment_success_rate is not None:
            self._deployed.labels(name).set(result.deployment_success_rate)
        for step in result.steps:
            kind = step.change.kind.value
            self._changes.labels(name, kind, step.state.value).inc()
            if step.state is not StepState.SKIPPED:
                self._duration.labels(name, kind).observe(step.duration_s)

    def validated(self, event: DeliveryEvent) -> None:
        """Count one validation."""
        passed = bool(event.fields.get("passed"))
        self._validations.labels(event.organization, "passed" if passed else "failed").inc()
        self._failing.labels(event.organization).set(self._share(event.organization, "invalid", counts=not passed))

    def _share(self, organization: str, what: str, *, counts: bool) -> float:
        count = self._counts.setdefault((organization, what), [0, 0])
        count[0] += counts
        count[1] += 1
        return count[0] / count[1]
