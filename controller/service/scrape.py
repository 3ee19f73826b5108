"""What the service reads from memory at the moment when Prometheus asks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from controller.domain.platform import CallLoad
from controller.service.board import Board


@dataclass(frozen=True, slots=True)
class ShareCounts:
    """How the organisations are shared out over the replicas, as this one saw it last."""

    assigned: int = 0
    """Organisations that this replica looks after."""
    unassigned: int = 0
    """Organisations of its manifests that no replica looks after."""
    replicas: int = 0
    """Replicas that are alive."""


class SharesAtScrape(Collector):
    """Counts of the shares."""

    def __init__(self, counts: Callable[[], ShareCounts]) -> None:
        self._counts = counts

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The values at this moment."""
        counts = self._counts()
        for name, text, count in (
            ("assigned_organizations", "Organisations that this replica looks after", counts.assigned),
            ("unassigned_organizations", "Organisations that no replica looks after", counts.unassigned),
            ("replicas", "Replicas that are alive", counts.replicas),
        ):
            yield GaugeMetricFamily(f"penstock_{name}", text, value=count)


class AtScrape(Collector):
    """Whether the service is ready and its repositories can be read, and how its calls use the request budgets."""

    def __init__(self, board: Board, ready: Callable[[], bool], loads: Callable[[], Mapping[str, CallLoad]]) -> None:
        self._board = board
        self._ready = ready
        self._loads = loads

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """The values at this moment."""
        yield GaugeMetricFamily("penstock_ready", "1 while /readyz answers 200", value=float(self._ready()))
        faults = GaugeMetricFamily(
            "penstock_revision_fault", "1 while no newer revision can be read and delivered", labels=("repository",)
        )
        for each in self._board.repositories:
            faults.add_metric((each.name,), each.message is not None)
        yield faults
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
