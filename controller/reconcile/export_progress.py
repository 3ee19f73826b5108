"""Tells how exports of many flows proceed: the listener of each one, and the log at intervals."""

from __future__ import annotations

import structlog

from controller.domain.clock import Clock
from controller.domain.ports import Platform
from controller.reconcile.pass_ import Listener

log = structlog.get_logger()

INTERVAL_S = 60.0
"""Seconds between two lines in the log."""


class ExportProgress:
    """The progress of exports that are asked for together."""

    def __init__(self, organization: str, flows: int, platform: Platform, clock: Clock, listener: Listener) -> None:
        """Announce what it will take."""
        self._log = log.bind(organization=organization)
        self._clock = clock
        self._listener = listener
        self._told_at = clock.monotonic()
        estimate = platform.versions.cost_of_exports(flows)
        listener.exporting(estimate)
        self._log.info("exports.begun", flows=flows, calls=estimate.calls, minutes=estimate.minutes)

    def advance(self, done: int, total: int) -> None:
        self._listener.looked(done, total)
        if self._clock.monotonic() - self._told_at >= INTERVAL_S or done == total:
            self._told_at = self._clock.monotonic()
            self._log.info("exports.progress", done=done, total=total)
