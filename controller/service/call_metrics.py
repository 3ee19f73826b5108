"""What the service counts of its calls to organisations."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

_TOO_MANY = 429


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
