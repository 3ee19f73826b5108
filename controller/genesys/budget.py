"""The request budget of one credential in one organisation. It keeps all calls below the limit.

A slot is taken before a request and returned 60 s after its answer. So the server sees no more than the limit in any
window, sliding or fixed. A slot without a request is returned at once. The `inin-ratelimit-*` headers of the server can
lower the budget further, because other programs may use the same credential. Waiting calls are served by priority.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from controller.domain.clock import Clock
from controller.domain.platform import CallLoad, Priority
from controller.domain.waiting import first_of

WINDOW_S = 60.0
_SAME_WINDOW_S = 2.0


@dataclass(order=True, slots=True)
class _Place:
    """A waiting call's place in the queue."""

    priority: int
    order: int
    look_again: asyncio.Event = field(compare=False, default_factory=asyncio.Event)


@dataclass(slots=True)
class Slot:
    """The right of one call to send a request."""

    spent: bool = False
    """Set before the request is sent."""


class RateBudget:
    """Slots for requests, by the rule in the module's docstring."""

    def __init__(self, clock: Clock, *, limit: int, reserve: float, concurrency: int) -> None:
        self._clock = clock
        self._limit = limit
        self._reserve = reserve
        self._concurrency = concurrency
        self._allowed = limit
        self._in_flight = 0
        self._expiries: deque[float] = deque()
        self._server_count = 0
        self._server_window_end = 0.0
        self._paused_until = 0.0
        self._refused = 0
        self._queue: list[_Place] = []
        self._order = itertools.count()

    @property
    def limit(self) -> int:
        """Current limit of requests per minute: the configured one, or a lower one that the organisation reports."""
        return min(self._limit, self._allowed)

    @property
    def load(self) -> CallLoad:
        """The calls that wait for a slot, without exports, which are meant to wait; and those that were refused."""
        waiting = sum(place.priority < Priority.EXPORT for place in self._queue)
        return CallLoad(waiting=waiting, refused=self._refused, used=self._used())

    @asynccontextmanager
    async def slot(self, priority: Priority) -> AsyncIterator[Slot]:
        """Wait for a slot and hold it during the block. It counts against the limit if it was spent."""
        await self._acquire(priority)
        slot = Slot()
        try:
            yield slot
        finally:
            self._in_flight -= 1
            if slot.spent:
                self._expiries.append(self._clock.monotonic() + WINDOW_S)
            self._wake_first()

    def learn(self, headers: Mapping[str, str]) -> None:
        """Apply the rate-limit headers of an answer. Unreadable ones are ignored."""
        count, allowed = _number(headers, "inin-ratelimit-count"), _number(headers, "inin-ratelimit-allowed")
        reset = _number(headers, "inin-ratelimit-reset")
        if allowed is not None and allowed > 0:
            self._allowed = int(allowed)
        if count is None or reset is None or not 0 <= reset <= 2 * WINDOW_S:
            return
        window_end = self._clock.monotonic() + reset
        # The server gives whole seconds, so the ends that two answers give for one window differ a little.
        same = abs(window_end - self._server_window_end) <= _SAME_WINDOW_S
        # Answers may come out of order; within one window the count only grows.
        self._server_count = max(self._server_count, int(count)) if same else int(count)
        self._server_window_end = window_end

    def pause(self, seconds: float) -> None:
        """Pause all requests for this long after a 429."""
        self._refused += 1
        self._paused_until = max(self._paused_until, self._clock.monotonic() + seconds)

    async def _acquire(self, priority: Priority) -> None:
        place = _Place(int(priority), next(self._order))
        heapq.heappush(self._queue, place)
        try:
            while (wait_s := self._wait_of(place)) != 0:
                place.look_again.clear()
                if wait_s is None:
                    await place.look_again.wait()
                else:
                    await first_of(self._clock, wait_s, place.look_again)
            self._in_flight += 1
        finally:
            self._leave(place)

    def _leave(self, place: _Place) -> None:
        if self._queue[0] is place:
            heapq.heappop(self._queue)
        else:
            # Only a cancelled call leaves from the middle, so sorting again costs nothing in practice.
            self._queue.remove(place)
            heapq.heapify(self._queue)
        self._wake_first()

    def _wake_first(self) -> None:
        """Wake the first call in the queue, because only the first one watches the time."""
        if self._queue:
            self._queue[0].look_again.set()

    def _wait_of(self, place: _Place) -> float | None:
        if self._queue[0] is not place:
            return None
        self._forget()
        return self._wait_s(Priority(place.priority))

    def _used(self) -> float:
        """Share of the limit; what the server counts, where other programs use the same credential."""
        self._forget()
        theirs = self._server_count if self._server_window_end > self._clock.monotonic() else 0
        return max(self._in_flight + len(self._expiries), theirs) / self.limit

    def _forget(self) -> None:
        now = self._clock.monotonic()
        while self._expiries and self._expiries[0] <= now:
            self._expiries.popleft()

    def _wait_s(self, priority: Priority) -> float | None:
        """Seconds until a call of this priority can be sent; 0 for now, None if it needs an answer to free a slot."""
        now = self._clock.monotonic()
        if self._paused_until > now:
            return self._paused_until - now
        if self._in_flight >= self._concurrency:
            return None
        ceiling = self._ceiling(priority)
        # Requests in flight are not in the server's count yet.
        if self._server_window_end > now and self._server_count + self._in_flight >= ceiling:
            return self._server_window_end - now
        if self._in_flight + len(self._expiries) < ceiling:
            return 0
        # Never 0, which means that the call can be sent now.
        return max(0.001, self._expiries[0] - now) if self._expiries else None

    def _ceiling(self, priority: Priority) -> int:
        """The most requests in a window that a call of this priority may add to, at least one."""
        share = 1.0 if priority is Priority.ROLLBACK else 1.0 - self._reserve
        return max(1, int(self.limit * share))


_DIGITS = 9
"""Largest number of digits in a limit, count or time of a window."""


def _number(headers: Mapping[str, str], name: str) -> float | None:
    text = headers.get(name, "")
    return float(text) if text.isdecimal() and len(text) <= _DIGITS else None
