"""Subscribes to flow events. An optimisation only: the worker polls whether channels work or not."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

import structlog

from controller.domain.clock import Clock
from controller.domain.errors import PenstockError
from controller.domain.events import FlowEvent
from controller.domain.ports import Platform
from controller.genesys.architect.notifications import MOST_TOPICS

log = structlog.get_logger()

_FIRST_BACKOFF_S = 1.0
_LONGEST_BACKOFF_S = 300.0
_MOST_CHANNELS = 10
"""Half of a client's limit: a channel beyond it closes another, and deliveries open channels too."""
_STEADY_S = 60.0
"""A channel that lasted this long worked: its end resets the backoff."""


class FlowSubscription:
    """Keeps channels open for one organisation's flows, and opens them again whenever they end."""

    def __init__(self, organization: str, clock: Clock, on_event: Callable[[FlowEvent], None]) -> None:
        self._organization = organization
        self._clock = clock
        self._on_event = on_event
        self._flow_ids: frozenset[str] = frozenset()
        self._connect: Callable[[], Platform] | None = None
        self._moved = asyncio.Event()
        self.heard: set[str] = set()
        """The flows with an open channel."""

    def subscribe_to(self, flow_ids: frozenset[str], connect: Callable[[], Platform]) -> None:
        """Subscribe to these flows from now on; `connect` gives the organisation's connection, which may change."""
        self._connect = connect
        if flow_ids != self._flow_ids:
            self._flow_ids = flow_ids
            self._moved.set()

    async def run(self) -> None:
        """Keep the channels open until cancelled; no error ends it."""
        while True:
            self._moved.clear()
            channels = [asyncio.ensure_future(self._keep_open(part)) for part in self._parts()]
            try:
                await self._moved.wait()
            finally:
                for task in channels:
                    task.cancel()
                await asyncio.gather(*channels, return_exceptions=True)

    def _parts(self) -> list[list[str]]:
        """The flows of each channel; flows beyond the limits are only polled."""
        heard = sorted(self._flow_ids)[: MOST_TOPICS * _MOST_CHANNELS]
        if len(heard) < len(self._flow_ids):
            polled = len(self._flow_ids) - len(heard)
            log.warning("channel.too-many-flows", organization=self._organization, heard=len(heard), polled=polled)
        return [heard[first : first + MOST_TOPICS] for first in range(0, len(heard), MOST_TOPICS)]

    async def _keep_open(self, flow_ids: Sequence[str]) -> None:
        failures = 0
        while True:
            began_s = self._clock.monotonic()
            await self._receive(flow_ids)
            failures = 0 if self._clock.monotonic() - began_s >= _STEADY_S else failures + 1
            longest_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(failures, 10))
            await self._clock.sleep(random.uniform(_FIRST_BACKOFF_S / 2, longest_s))  # noqa: S311 - jitter

    async def _receive(self, flow_ids: Sequence[str]) -> None:
        """Receive from one channel until it ends."""
        try:
            platform = self._connect() if self._connect is not None else None
            if platform is None or platform.notifications is None:
                return
            log.debug("channel.opening", organization=self._organization, flows=len(flow_ids))
            events = platform.notifications.flow_events(flow_ids, on_open=lambda: self.heard.update(flow_ids))
            async for event in events:
                self._on_event(event)
        except PenstockError as error:
            log.warning("channel.failed", organization=self._organization, code=error.code, error=error.message)
        except Exception:
            # An unexpected error must not end the service, which can poll instead.
            log.exception("channel.broke", organization=self._organization)
        finally:
            self.heard.difference_update(flow_ids)
