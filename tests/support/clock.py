"""A clock for tests: sleeping takes no time, and every second that a task waited is counted.

Works in one event loop without real I/O (client and simulator in process): when nothing else is ready to run, time
jumps to the earliest sleeper.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any

from controller.domain.clock import Clock


class SteppedClock:
    """Implements `controller.domain.clock.Clock`."""

    def __init__(self, start: datetime = datetime(2026, 1, 5, 12, 0, tzinfo=UTC)) -> None:
        self.start = start
        self.elapsed_s = 0.0
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._watching = False
        self._in_threads = 0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed_s)

    def monotonic(self) -> float:
        # Who measures begins here, and may be in a thread before anything sleeps.
        with contextlib.suppress(RuntimeError):
            self._count_threads(asyncio.get_running_loop())
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Move time by hand and wake whoever is due."""
        self.elapsed_s += seconds
        self._wake()

    async def sleep(self, seconds: float) -> None:
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        heapq.heappush(self._sleepers, (self.elapsed_s + seconds, next(self._order), future))
        self._count_threads(loop)
        self._begin_to_watch(loop)
        await future

    def _watch(self, loop: asyncio.AbstractEventLoop) -> None:
        self._sleepers = [entry for entry in self._sleepers if not entry[2].done()]
        heapq.heapify(self._sleepers)
        if not self._sleepers:
            self._watching = False
            return
        if self._in_threads:
            # Real work is going on in a thread (git, say): no time passes until the last of them is done.
            self._watching = False
            return
        if not loop._ready:  # type: ignore[attr-defined]
            self.elapsed_s = max(self.elapsed_s, self._sleepers[0][0])
            self._wake()
        loop.call_soon(self._watch, loop)

    def _count_threads(self, loop: asyncio.AbstractEventLoop) -> None:
        """Know of the calls that `asyncio.to_thread` has running in this loop."""
        original = loop.run_in_executor
        if getattr(original, "counts_for", None) is self:
            return

        def counted(*arguments: Any) -> asyncio.Future[Any]:
            self._in_threads += 1
            future = original(*arguments)
            future.add_done_callback(self._thread_done)
            return future

        counted.counts_for = self  # type: ignore[attr-defined]
        loop.run_in_executor = counted  # type: ignore[method-assign]

    def _thread_done(self, future: asyncio.Future[Any]) -> None:
        self._in_threads -= 1
        if not self._in_threads:
            self._begin_to_watch(future.get_loop())

    def _begin_to_watch(self, loop: asyncio.AbstractEventLoop) -> None:
        if self._sleepers and not self._watching:
            self._watching = True
            loop.call_soon(self._watch, loop)

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self.elapsed_s:
            _, _, future = heapq.heappop(self._sleepers)
            if not future.done():
                future.set_result(None)


class ShiftedClock:
    """The same time on a clock that is set wrong."""

    def __init__(self, clock: Clock, ahead: timedelta) -> None:
        self._clock = clock
        self._ahead = ahead

    def now(self) -> datetime:
        return self._clock.now() + self._ahead

    def monotonic(self) -> float:
        return self._clock.monotonic()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)
