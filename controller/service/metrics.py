"""What the service counts for Prometheus."""

from __future__ import annotations

import re

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.delivery import Outcome
from controller.domain.status import Health, SyncStatus
from controller.reconcile import PassReport

_COMMIT = re.compile(r"^revision .*")


class Metrics:
    """Registered in a registry of its own, so that two controllers in one process do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        labels = ("organization",)
        self._passes = Counter(
            "penstock_passes_total",
            "Passes, by how they ended",
            (*labels, "trigger", "outcome"),
            registry=self.registry,
        )
        self._duration = Histogram(
            "penstock_pass_duration_seconds",
            "How long a pass took",
            labels,
            buckets=(0.1, 0.5, 1, 5, 15, 60, 300, 900, 3600),
            registry=self.registry,
        )
        self._sync = Gauge(
            "penstock_sync_status", "1 for the status that holds", (*labels, "status"), registry=self.registry
        )
        self._health = Gauge(
            "penstock_health", "1 for the health that holds", (*labels, "health"), registry=self.registry
        )
        self._drift = Gauge("penstock_drift", "Differences made by hand", labels, registry=self.registry)

    def observe(self, report: PassReport) -> None:
        """Count one pass."""
        name = report.organization
        self._passes.labels(name, _trigger(report), _outcome(report)).inc()
        self._duration.labels(name).observe(report.duration_s)
        for status in SyncStatus:
            self._sync.labels(name, status.value).set(report.sync_status is status)
        for health in Health:
            self._health.labels(name, health.value).set(report.health is health)
        if report.plan is not None:
            self._drift.labels(name).set(len(report.plan.drift))


def _outcome(report: PassReport) -> str:
    if report.error is not None:
        return report.error.code
    if report.delivered:
        return "delivered"
    return "blocked" if report.result is None or report.result.outcome is Outcome.SUCCEEDED else "failed"


def _trigger(report: PassReport) -> str:
    """What set the pass off, without which commit it was: each label value is a time series for ever."""
    return ", ".join(sorted({_COMMIT.sub("revision", reason) for reason in report.trigger.split(", ")}))
