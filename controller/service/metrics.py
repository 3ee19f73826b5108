"""The service's metrics for Prometheus."""

from __future__ import annotations

import re
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import Health, StepState, SyncStatus
from controller.reconcile.report import PassReport
from controller.store.actions import Verb

_LABELS = ("organization",)
_COMMIT = re.compile(r"^revision .*")
_ASKED = re.compile(rf"^({'|'.join(Verb)}): .*", re.DOTALL)
"""The trigger of an action, which ends with a person's reason."""


class Metrics:
    """All metrics, in a registry of their own, so that two controllers in one process do not collide."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        self._passes = counter("penstock_passes_total", "Passes, by how they ended", (*_LABELS, "trigger", "outcome"))
        self._duration = Histogram(
            "penstock_pass_duration_seconds",
            "How long a pass took",
            _LABELS,
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
            registry=self.registry,
        )
        self._sync = gauge("penstock_sync_status", "1 for the status that holds", (*_LABELS, "status"))
        self._health = gauge("penstock_health", "1 for the health that holds", (*_LABELS, "health"))
        self._drift = gauge("penstock_drift", "Out-of-band differences", _LABELS)
        self._full_look = gauge(
            "penstock_last_full_look_timestamp_seconds", "When all flows of the organisation were last read", _LABELS
        )
        self._fault = gauge("penstock_revision_fault", "1 while no newer revision can be read")
        self._webhooks = counter(
            "penstock_incoming_webhooks_total", "Messages of forges, by what was done with them", ("forge", "result")
        )
        self._calls = Histogram(
            "penstock_api_call_seconds",
            "Time of one exchange with an organisation, without waiting for the request budget",
            ("method", "route"),
            buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
            registry=self.registry,
        )
        self._answers = counter(
            "penstock_api_answers_total", "Answers of organisations by status; 0 is none", ("method", "route", "status")
        )
        self._deliveries = Deliveries(self.registry)

    def observe(self, report: PassReport) -> None:
        """Count one pass."""
        name = report.organization
        if report.result is not None:
            self._deliveries.observe(report.result)
        self._passes.labels(name, _trigger(report), _outcome(report)).inc()
        self._duration.labels(name).observe(report.duration_s)
        for status in SyncStatus:
            self._sync.labels(name, status.value).set(report.sync_status is status)
        self.healthy(name, report.health)
        if report.looked_fully_at is not None:
            self._full_look.labels(name).set(report.looked_fully_at.timestamp())
        if report.plan is not None:
            self._drift.labels(name).set(len(report.plan.drift))

    def healthy(self, organization: str, found: Health) -> None:
        """Note the health of an organisation."""
        for health in Health:
            self._health.labels(organization, health.value).set(found is health)

    def called(self, method: str, route: str, seconds: float, status: int) -> None:
        """Count one exchange with an organisation; `status` is 0 without an answer."""
        self._calls.labels(method, route).observe(seconds)
        self._answers.labels(method, route, str(status)).inc()

    def unreadable(self, *, fault: bool) -> None:
        """Note whether the newest revision can be read."""
        self._fault.set(fault)

    def webhook(self, forge: str, result: str) -> None:
        """Count a message of a forge."""
        self._webhooks.labels(forge, result).inc()

    def count_event(self, event: DeliveryEvent) -> None:
        """Count an event of a running delivery."""
        if event.name == "validation.done":
            self._deliveries.validated(event)


class Deliveries:
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
    return ", ".join(sorted({_COMMIT.sub("revision", reason) for reason in report.trigger.split(", ")}))
