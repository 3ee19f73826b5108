"""What the service reads from memory at the moment when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.domain.platform import CallLoad


class AtScrape(Collector):
    """Whether the service is ready, and how its calls use the request budgets."""

    def __init__(self, ready: Callable[[], bool], loads: Callable[[], Mapping[str, CallLoad]]) -> None:
        self._ready = ready
        self._loads = loads

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The values at this moment."""
        yield GaugeMetricFamily("penstock_ready", "1 while /readyz answers 200", value=float(self._ready()))
        used = GaugeMetricFamily(
            "penstock_api_budget_used_ratio",
            "Share of the request limit that the last minute used",
            labels=("organization",),
        )
        waiting = GaugeMetricFamily(
            "penstock_api_calls_waiting",
            "Calls that wait for the request limit, without exports",
            labels=("organization",),
        )
        for name, load in sorted(self._loads().items()):
            used.add_metric((name,), load.used)
            waiting.add_metric((name,), load.waiting)
        yield used
        yield waiting
