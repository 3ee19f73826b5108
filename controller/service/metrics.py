"""The service's metrics for Prometheus. docs/reference/metrics.md has all of them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from controller import __version__
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.clock import Clock, SystemClock
from controller.domain.platform import CallLoad
from controller.domain.status import Health
from controller.genesys.latency import CallObserver
from controller.reconcile.report import PassReport
from controller.service.board import Board
from controller.service.incoming import SENDERS, Result
from controller.service.pass_metrics import DeliveryMetrics, PassMetrics
from controller.service.scrape import AtScrape, ShareCounts, SharesAtScrape

_AREAS = {"api": "api", "webhooks": "webhooks"} | dict.fromkeys(("healthz", "readyz", "metrics", "status"), "probes")
"""By the first part of a path; everything else is for people."""
_TOO_MANY = 429


class Metrics:
    """All metrics, in a registry of their own, so that two controllers in one process do not collide."""

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock or SystemClock()
        self.registry = CollectorRegistry()
        counter, gauge = partial(Counter, registry=self.registry), partial(Gauge, registry=self.registry)
        histogram = partial(Histogram, registry=self.registry)
        gauge("penstock_build_info", "1, with the version", ("version",)).labels(__version__).set(1)
        self._interval = gauge("penstock_drift_interval_seconds", "PENSTOCK_DRIFT_INTERVAL")
        self._webhooks = counter(
            "penstock_incoming_webhooks_total", "Messages of forges, by what was done with them", ("forge", "result")
        )
        self._sent = counter(
            "penstock_outgoing_messages_total", "Tries to send a message, by how they ended", ("receiver", "outcome")
        )
        self._unsent = gauge("penstock_outgoing_messages_failing", "1 after a try that failed", ("receiver",))
        self._findings = gauge(
            "penstock_audit_findings", "Faults that the daily check of the audit log found", ("organization",)
        )
        self._store = histogram(
            "penstock_store_transaction_seconds",
            "Time of one transaction of the store, with its wait for locks",
            ("kind",),
            buckets=(0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60),
        )
        self._store_failures = counter("penstock_store_failures_total", "Transactions that the store failed", ("kind",))
        self._answered = histogram(
            "penstock_http_answer_seconds",
            "Time until an answer of the service's own HTTP server began",
            ("area", "status"),
            buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
        )
        self._calls = CallMetrics(self.registry)
        self._passes = PassMetrics(self.registry)
        self._deliveries = DeliveryMetrics(self.registry)
        self._shown: frozenset[str] = frozenset()
        for kind in ("read", "write"):
            self._store_failures.labels(kind)

    def serve(
        self,
        drift_interval_s: float,
        board: Board,
        ready: Callable[[], bool],
        loads: Callable[[], Mapping[str, CallLoad]],
    ) -> None:
        """Note the setting of a service, and ask it for the rest when metrics are read."""
        self._interval.set(drift_interval_s)
        self.registry.register(AtScrape(board, ready, lambda: self._of_shown(loads())))

    def share(self, counts: Callable[[], ShareCounts]) -> None:
        """Ask for the shares of the replicas when metrics are read."""
        self.registry.register(SharesAtScrape(counts))

    def _of_shown(self, loads: Mapping[str, CallLoad]) -> Mapping[str, CallLoad]:
        return {name: load for name, load in loads.items() if name in self._shown}

    def take_webhooks(self) -> None:
        """Begin to count messages of forges at 0."""
        for forge in SENDERS:
            for result in Result:
                self._webhooks.labels(forge, result.value)

    def sends_to(self, receiver: str) -> None:
        """Begin to count the messages for a receiver at 0."""
        self._unsent.labels(receiver)
        for outcome in ("delivered", "failed"):
            self._sent.labels(receiver, outcome)

    def tried(self, receiver: str, taken: bool) -> None:  # noqa: FBT001 - the signature of an observer
        """Count a try to send a message."""
        self._sent.labels(receiver, "delivered" if taken else "failed").inc()
        self._unsent.labels(receiver).set(not taken)

    def audited(self, findings: Mapping[str, int]) -> None:
        """Note how many faults a check of the audit log found, by organisation; also of those that are gone."""
        self._findings.clear()
        for organization, count in findings.items():
            self._findings.labels(organization).set(count)

    def expect(self, organizations: Collection[str]) -> None:
        """Show these organisations, and no longer those that are gone."""
        wanted = frozenset(organizations)
        for name in self._shown - wanted:
            for part in (self._passes, self._deliveries, self._calls):
                part.forget(name)
        for name in wanted - self._shown:
            self._passes.expect(name)
            self._deliveries.expect(name)
            self._calls.expect(name)
        self._shown = wanted

    def observe(self, report: PassReport, *, manual: bool = False) -> None:
        """Count one pass; `manual` says that only people let the organisation's plans be delivered."""
        if report.result is not None:
            self._deliveries.observe(report.result)
        self._passes.observe(report, self._clock.now(), manual=manual)

    def failed(self, organization: str) -> None:
        """Note a pass that ended without a report."""
        self._passes.failed(organization)

    def healthy(self, organization: str, found: Health) -> None:
        """Note the health of an organisation."""
        self._passes.healthy(organization, found)

    def calls_of(self, organization: str) -> CallObserver:
        """An observer that counts each exchange with this organisation."""
        return partial(self._calls.called, organization)

    def webhook(self, forge: str, result: str) -> None:
        """Count a message of a forge."""
        self._webhooks.labels(forge, result).inc()

    def count_event(self, event: DeliveryEvent) -> None:
        """Count an event of a running delivery."""
        if event.name == "validation.done":
            self._deliveries.validated(event)

    def stored(self, kind: str, seconds: float, failed: bool) -> None:  # noqa: FBT001 - the signature of an observer
        """Count a transaction of the store; `kind` is `read` or `write`."""
        self._store.labels(kind).observe(seconds)
        if failed:
            self._store_failures.labels(kind).inc()

    def answered(self, path: str, status: int, seconds: float) -> None:
        """Count an answer of the service's own HTTP server; `seconds` is the time until it began."""
        first = path.split("/")[1] if path.startswith("/") else ""
        self._answered.labels(_AREAS.get(first, "pages"), f"{status // 100}xx").observe(seconds)


class CallMetrics:
    """Latency by route, and answers by organisation: all labels at once would make thousands of time series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "penstock_api_call_seconds",
            "Time of one exchange with an organisation, without waiting for the request budget",
            ("method", "route"),
            buckets=(0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120),
            registry=registry,
        )
        self._answers = Counter(
            "penstock_api_answers_total",
            "Answers of organisations by status; 0 is none",
            ("method", "route", "status"),
            registry=registry,
        )
        self._requests = Counter(
            "penstock_api_requests_total",
            "Requests to an organisation, by the class of the answer",
            ("organization", "answer"),
            registry=registry,
        )

    def called(self, organization: str, method: str, route: str, seconds: float, status: int) -> None:
        """Count one exchange with an organisation; `status` is 0 without an answer."""
        self._seconds.labels(method, route).observe(seconds)
        self._answers.labels(method, route, str(status)).inc()
        self._requests.labels(organization, _answer(status)).inc()

    def expect(self, organization: str) -> None:
        """Begin at 0 with the answers that alerts look for."""
        for status in (0, 200, 400, _TOO_MANY, 500):
            self._requests.labels(organization, _answer(status))

    def forget(self, organization: str) -> None:
        """Show nothing of an organisation that is gone."""
        self._requests.remove_by_labels({"organization": organization})


def _answer(status: int) -> str:
    if status == _TOO_MANY:
        return "429"
    return f"{status // 100}xx" if status else "none"
