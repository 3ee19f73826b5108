"""Hears of changes of flows between two passes: a channel announces them, and where none does, they are polled.

The channels are an optimisation only: full passes run all the same. A poll is one call a minute instead of a whole
listing.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.events import FlowEvent
from controller.domain.ports import ChangedFlows, Platform
from controller.genesys.architect.notifications import MOST_TOPICS
from controller.service.out_of_band import OutOfBandChanges

log = structlog.get_logger()

_FIRST_BACKOFF_S = 1.0
_LONGEST_BACKOFF_S = 300.0
_MOST_CHANNELS = 10
"""Half of a client's limit: a channel beyond it closes another, and deliveries open channels too."""
_STEADY_S = 60.0
"""A channel that lasted this long worked: its end resets the backoff."""
POLL_S = 60.0
"""Between two polls; a worker with passes that often needs none."""
MOST_LOOKED_UP = 100
"""Flows that one call can read by their ids, with everything that happened to them."""
_OVERLAP = timedelta(minutes=1)
"""Clocks and the organisation's index may lag: ask for publishes since so long before."""
_NOTHING = ""
"""No version: nothing was reported of the flow yet."""


class FlowSubscription:
    """Keeps channels open for one organisation's flows, and opens them again whenever they end."""

    def __init__(
        self,
        organization: str,
        clock: Clock,
        on_event: Callable[[FlowEvent], None],
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        """`on_open` is called whenever a channel opens: what happened before that was not announced."""
        self._on_open = on_open
        self._organization = organization
        self._clock = clock
        self._on_event = on_event
        self._flow_ids: frozenset[str] = frozenset()
        self._connect: Callable[[], Platform] | None = None
        self._moved = asyncio.Event()
        self.subscribed: set[str] = set()
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
        subscribed = sorted(self._flow_ids)[: MOST_TOPICS * _MOST_CHANNELS]
        if len(subscribed) < len(self._flow_ids):
            polled = len(self._flow_ids) - len(subscribed)
            log.warning(
                "channel.too-many-flows", organization=self._organization, subscribed=len(subscribed), polled=polled
            )
        return [subscribed[first : first + MOST_TOPICS] for first in range(0, len(subscribed), MOST_TOPICS)]

    async def _keep_open(self, flow_ids: Sequence[str]) -> None:
        failures = 0
        while True:
            began_s = self._clock.monotonic()
            await self._receive(flow_ids)
            failures = 0 if self._clock.monotonic() - began_s >= _STEADY_S else failures + 1
            longest_s = min(_LONGEST_BACKOFF_S, _FIRST_BACKOFF_S * 2.0 ** min(failures, 10))
            await self._clock.sleep(random.uniform(_FIRST_BACKOFF_S / 2, longest_s))  # noqa: S311 - jitter

    def _opened(self, flow_ids: Sequence[str]) -> None:
        self.subscribed.update(flow_ids)
        self._on_open()

    async def _receive(self, flow_ids: Sequence[str]) -> None:
        """Receive from one channel until it ends."""
        try:
            platform = self._connect() if self._connect is not None else None
            if platform is None or platform.notifications is None:
                return
            log.debug("channel.opening", organization=self._organization, flows=len(flow_ids))
            events = platform.notifications.flow_events(flow_ids, on_open=lambda: self._opened(flow_ids))
            async for event in events:
                self._on_event(event)
        except PenstockError as error:
            log.warning("channel.failed", organization=self._organization, code=error.code, error=error.message)
        except Exception:
            # An unexpected error must not end the service, which can poll instead.
            log.exception("channel.broke", organization=self._organization)
        finally:
            self.subscribed.difference_update(flow_ids)


class ChangePoll:
    """Polls the managed flows of one organisation that no channel announces. Full passes run all the same.

    Up to a hundred flows are read by their ids. Of more, only those published since the last pass are read: the next
    pass sees an unpublish or a deletion among them.
    """

    def __init__(
        self, organization: str, clock: Clock, changes: OutOfBandChanges, subscribed: Callable[[], Collection[str]]
    ):
        """`heard` returns the flows that a channel announces at this moment."""
        self._organization = organization
        self._clock = clock
        self._changes = changes
        self._subscribed = subscribed
        self._since: datetime | None = None
        self._connect: Callable[[], Platform] | None = None
        self._reported: dict[str, str | None] = {}
        self._failed = False

    def looked(self, at: datetime, connect: Callable[[], Platform]) -> None:
        """A pass began at that moment and has ended; `connect` gives the organisation's connection."""
        self._since = at
        self._connect = connect

    async def run(self) -> None:
        """Poll until cancelled; no error ends it."""
        while True:
            await self._clock.sleep(POLL_S)
            try:
                await self._poll()
                self._failed = False
            except PenstockError as error:
                level = log.info if self._failed else log.warning
                level("glance.failed", organization=self._organization, code=error.code, error=error.message)
                self._failed = True
            except Exception:
                # An internal fault must not end the polls silently.
                log.exception("glance.broke", organization=self._organization)

    async def _poll(self) -> None:
        polled = self._changes.flow_ids - frozenset(self._subscribed())
        if not polled or self._changes.passing or self._connect is None or self._since is None:
            return
        platform, looked_at = self._connect(), self._since
        if platform.changes is None:
            return
        versions = await self._read(platform, platform.changes, polled, looked_at)
        if self._is_outdated(looked_at):
            return
        for flow_id, version in sorted(versions.items()):
            # Report each version once: contradicting answers must not cause a pass a minute.
            if self._reported.get(flow_id, _NOTHING) != version:
                self._reported[flow_id] = version
                self._changes.add(FlowEvent(flow_id, version))

    def _is_outdated(self, looked_at: datetime) -> bool:
        """Whether a pass began meanwhile: its own publishes must not count as out-of-band changes."""
        return self._changes.passing or looked_at is not self._since

    async def _read(
        self, platform: Platform, changes: ChangedFlows, polled: Collection[str], looked_at: datetime
    ) -> Mapping[str, str | None]:
        """The published version of each flow that changed, or of all where they are few."""
        if len(polled) > MOST_LOOKED_UP:
            since = looked_at + platform.clock_ahead - _OVERLAP
            changed = await changes.changed_since(since)
            return {flow.id: flow.published_version for flow in changed.flows if flow.id in polled}
        found = await platform.flows.get_many(polled)
        return {flow_id: found[flow_id].published_version if flow_id in found else None for flow_id in polled}
