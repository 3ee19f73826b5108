"""What the service counts of deliveries, their changes and validations."""

from __future__ import annotations

from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller.delivery.result import Outcome, SyncResult
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.status import StepState

_LABELS = ("organization",)


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
