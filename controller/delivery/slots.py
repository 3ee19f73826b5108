"""How many changes of a sync run at once, and which of the waiting ones is next.

A manifest fixes the number or leaves it to Penstock. Then it grows by one with each change that went well, and halves
when the organisation refuses calls: additive increase and multiplicative decrease, by which the clients of one
resource come to share it fairly (Chiu and Jain, 1989, https://doi.org/10.1016/0169-7552(89)90019-6).
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from controller.domain.clock import Clock
from controller.domain.desired import SyncPolicy
from controller.domain.platform import CallLoad

_FIRST = 10
"""Where an automatic limit begins: Terraform's default, which organisations are used to."""
_SETTLES_S = 30.0
"""After a decrease, further refusals for so long come from the load before it."""


class Concurrency:
    """The number of changes that may run at once."""

    def __init__(self, policy: SyncPolicy, clock: Clock, load: Callable[[], CallLoad]) -> None:
        self._fixed = policy.concurrency is not None
        self._ceiling = policy.max_concurrency
        self._clock = clock
        self._load = load
        self._refused = load().refused
        self._decreased_at: float | None = None
        self.limit = policy.concurrency or min(_FIRST, self._ceiling)

    def succeeded(self) -> None:
        """A change went well: allow one more, unless calls were refused meanwhile or wait for the request limit."""
        load = self._load()
        if load.refused > self._refused:
            self._refused = load.refused
            self.congested()
        elif not self._fixed and not load.waiting:
            self.limit = min(self.limit + 1, self._ceiling)

    def congested(self) -> None:
        """The organisation refused a call, because of its limit or of a conflict with another operation."""
        now = self._clock.monotonic()
        if self._fixed or (self._decreased_at is not None and now - self._decreased_at < _SETTLES_S):
            return
        self._decreased_at = now
        self.limit = max(self.limit // 2, 1)


class Slots:
    """Slots for changes. The one with the highest rank goes first, and among equals the one that comes first."""

    def __init__(self, concurrency: Concurrency) -> None:
        self._concurrency = concurrency
        self._waiting: list[tuple[float, int, asyncio.Future[None]]] = []
        self._order = itertools.count()
        self._taken = 0

    @asynccontextmanager
    async def slot(self, rank: float) -> AsyncIterator[None]:
        """Wait for a slot and hold it during the block."""
        turn = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waiting, (-rank, next(self._order), turn))
        # Later, so that changes which become ready at the same moment are compared first.
        turn.get_loop().call_soon(self._hand_out)
        try:
            await turn
            yield
        finally:
            if turn.done() and not turn.cancelled():
                self._taken -= 1
            self._hand_out()

    def _hand_out(self) -> None:
        while self._waiting and self._taken < self._concurrency.limit:
            _, _, turn = heapq.heappop(self._waiting)
            if not turn.done():
                self._taken += 1
                turn.set_result(None)
