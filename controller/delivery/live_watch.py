"""One query for all publishes in flight: it tells which flows went live since the oldest of them was sent.

The look comes when the first publish is likely done, by the learned times, and then at intervals that grow with the
time that the publish takes. Listings lag: a flow that the answer does not show is not done yet, never failed. Only the
publish itself tells that it failed.

While names are looked up for flows that are about to be created, the query is a listing of all flows: it answers both.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum, auto
from math import inf

import structlog

from controller.delivery.lookups import Lookups
from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.process import StoreFailed
from controller.domain.identity import FlowKey
from controller.domain.live import LiveFlow
from controller.domain.platform import FlowListing, Priority
from controller.domain.ports import ChangedFlows, Platform
from controller.domain.waiting import first_of

log = structlog.get_logger()

EVENT_WAIT_S = 30.0
"""How much later a look comes, or the next poll of a publish that is running, where an event will tell of the end."""
_SHARE = 0.15
"""The time between two looks at a publish, as a share of how long it has taken so far."""
_LOOKUP_SHARE = 0.5
"""The time between two looks while names are looked up: a share of the shortest time between others."""
_LAG_S = 5.0
"""A listing that lags behind a proven publish for longer is not asked again in the same sync."""
_WINDOW = timedelta(seconds=60)
"""How much further back the query goes: clocks differ, and dates are given to the second."""


class Shown(Enum):
    """What the listed flow says about a publish."""

    NOTHING = auto()
    PERHAPS = auto()
    """Another version is live, and the listing does not prove that it is the publish's own."""
    PROVEN = auto()


@dataclass(slots=True, eq=False)
class AwaitedPublish:
    """One publish in flight. Times are monotonic."""

    key: FlowKey
    flow_id: str | None
    judge: Callable[[LiveFlow], Shown]
    sent_at: float
    due_at: float
    """When to look at it next."""
    ask_at: float
    """When it should be done: the publish itself is asked if a look after that does not show it."""
    is_subscribed: Callable[[], bool] = lambda: False
    """Whether an event will tell of its end."""
    announced: bool = False
    """Whether an event said that it may have ended; then the next look answers, one way or the other."""
    event_missing: bool = False
    """Whether a look found the end that an event should have told of before."""
    live: LiveFlow | None = None
    """The flow at another version than before, once the listing shows it."""
    proven: bool = False
    """Whether that version is the publish's own for certain."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when there is something to do: the flow shows another version, or only the publish itself can tell."""

    @property
    def look_at(self) -> float:
        """When to look at it next; later where an event is expected to come first."""
        return self.due_at + (EVENT_WAIT_S if self.is_subscribed() and not self.announced else 0.0)

    def compare(self, listed: LiveFlow | None) -> bool:
        """Whether the listed flow shows another version than before; the first time that it does is told."""
        verdict = Shown.NOTHING if listed is None else self.judge(listed)
        if listed is None or verdict is Shown.NOTHING:
            return False
        if self.live is None or self.live.published_version != listed.published_version:
            self.live, self.proven = listed, verdict is Shown.PROVEN
            self.answered.set()
        return True


class LiveWatch:
    """Looks for all publishes of a sync that are awaited."""

    def __init__(self, platform: Platform, clock: Clock, interval_s: float) -> None:
        """`interval_s` is the shortest time between two looks."""
        self.interval_s = interval_s
        self._platform = platform
        at_watch = platform.at(Priority.WATCH)
        self._flows, self._changes = at_watch.flows, at_watch.changes
        self._clock = clock
        self._awaited: list[AwaitedPublish] = []
        self._unlisted: list[tuple[float, AwaitedPublish]] = []
        self._changed = asyncio.Event()
        self.lookups = Lookups(self._changed.set)
        self._looked_at = float("-inf")
        self._lags = False

    @property
    def works(self) -> bool:
        """Whether the organisation lists what was published lately, without a long lag."""
        return self._changes is not None and not self._lags

    @contextmanager
    def awaiting(self, publish: AwaitedPublish) -> Iterator[None]:
        """Look for the publish within the block."""
        self._awaited.append(publish)
        self._changed.set()
        try:
            yield
        finally:
            self._awaited.remove(publish)

    def hasten(self, publish: AwaitedPublish) -> None:
        """Look for it as soon as possible, because its end was announced."""
        publish.announced = True
        publish.due_at = self._clock.monotonic()
        self._changed.set()

    def ended_unlisted(self, publish: AwaitedPublish) -> None:
        """Report a publish that is done by its own word, although no look has shown it: later looks have to."""
        self._unlisted.append((self._clock.monotonic(), publish))

    async def run(self) -> None:
        """Look until cancelled. Raises StoreFailed."""
        if self._changes is None:
            return
        with self.lookups.answering():
            while True:
                self._changed.clear()
                await self._until_due()
                if not self._changed.is_set():
                    await self._look(self._changes)

    async def _until_due(self) -> None:
        """Until the next look, or until another publish is awaited or another name looked up."""
        awaited = () if self._lags else self._awaited
        due_at = max(min((one.look_at for one in awaited), default=inf), self._looked_at + self.interval_s)
        if self.lookups.waiting:
            due_at = min(due_at, self._looked_at + self.interval_s * _LOOKUP_SHARE)
        wait_s = due_at - self._clock.monotonic()
        if wait_s == inf:
            await self._changed.wait()
        elif wait_s > 0:
            await first_of(self._clock, wait_s, self._changed)

    async def _look(self, changes: ChangedFlows) -> None:
        asked = self.lookups.waiting
        taken = self.lookups.take()
        if not taken and (asked or not self._awaited):
            return
        began = self._looked_at = self._clock.monotonic()
        listing: FlowListing | None = None
        try:
            if taken:
                listing = await self._flows.listing(fresh=True)
            else:
                listing = await changes.changed_since(self._since(began))
            self._compare(listing.flows, began)
        except StoreFailed:
            raise
        except PenstockError as error:
            log.info("watch.failed", code=error.code, error=error.message)
        finally:
            self.lookups.answer(taken, listing)
        for publish in self._awaited:
            self._plan_next(publish, began)

    def _since(self, began: float) -> datetime:
        """When the oldest publish was sent that a look may show, by the organisation's clock, and some time before."""
        concerned = [*self._awaited, *(publish for _, publish in self._unlisted)]
        oldest_s = began - min(publish.sent_at for publish in concerned)
        return self._clock.now() + self._platform.clock_ahead - timedelta(seconds=oldest_s) - _WINDOW

    def _compare(self, flows: Sequence[LiveFlow], began: float) -> None:
        by_id = {flow.id: flow for flow in flows}
        by_key: dict[FlowKey, list[LiveFlow]] = {}
        for flow in flows:
            by_key.setdefault(flow.key, []).append(flow)

        def flow_of(publish: AwaitedPublish) -> LiveFlow | None:
            named = by_key.get(publish.key, [])
            return by_id.get(publish.flow_id) if publish.flow_id else named[0] if len(named) == 1 else None

        for publish in self._awaited:
            late = publish.is_subscribed() and not publish.announced and publish.look_at <= began
            publish.event_missing = publish.compare(flow_of(publish)) and late
        self._unlisted = [
            (since, publish) for since, publish in self._unlisted if not publish.compare(flow_of(publish))
        ]
        if any(began - since > _LAG_S for since, _ in self._unlisted):
            self._give_up()

    def _plan_next(self, publish: AwaitedPublish, now: float) -> None:
        if publish.announced or publish.ask_at <= now:
            # The look did not show its end, so the publish itself is asked.
            publish.answered.set()
        if publish.look_at <= now:
            publish.due_at = now + max(self.interval_s, _SHARE * (now - publish.sent_at))
            if publish.ask_at > now:
                publish.due_at = min(publish.due_at, max(publish.ask_at, now + self.interval_s))

    def _give_up(self) -> None:
        """Leave the publishes to their own polls."""
        log.info("watch.lags")
        self._lags = True
        self.lookups.close()
        for publish in self._awaited:
            publish.answered.set()
