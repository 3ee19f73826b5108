"""All metrics that a service has, with their types and labels."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass

from prometheus_client.metrics import MetricWrapperBase

from controller.domain.clock import SystemClock
from controller.domain.platform import CallLoad
from controller.service.board import Board
from controller.service.metrics import Metrics
from controller.service.scrape import ShareCounts
from tests.support.programs import needed_program


@dataclass(frozen=True, slots=True)
class ServedMetric:
    """One metric, as a query names it."""

    name: str
    kind: str
    labels: tuple[str, ...]


def metrics_of_a_service() -> Metrics:
    """With one organisation, and all that begins at 0."""
    metrics = Metrics()
    board = Board(SystemClock())
    board.follow("default")
    metrics.serve(300.0, board, lambda: True, lambda: {"acme": CallLoad()})
    metrics.share(ShareCounts)
    metrics.expect(["acme"])
    metrics.take_webhooks()
    return metrics


def metrics_served() -> list[ServedMetric]:
    """Also those that have no value yet."""
    registry = metrics_of_a_service().registry
    found = []
    for collector in registry._collector_to_names:
        if isinstance(collector, MetricWrapperBase):
            total = "_total" if collector._type == "counter" else ""
            found.append(ServedMetric(f"{collector._name}{total}", collector._type, collector._labelnames))
        else:
            families = collector.collect()
            found += [ServedMetric(each.name, each.type, tuple(each.samples[0].labels)) for each in families]
    return found


def checked_by_promtool(*arguments: str, text: str | None = None) -> None:
    """Fails with what promtool says, unless it finds nothing."""
    done = subprocess.run(
        [needed_program("promtool", "prometheus"), *arguments],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
