"""Being told to stop: waits end early, running publishes are followed a little longer, nothing new begins."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.domain.clock import Clock
from controller.domain.waiting import Overtaken, finished_before, first_of

T = TypeVar("T")


class Parked(Exception):  # noqa: N818 - not an error: the change is left where it stands, on purpose
    """The change stays in its state; the journal tells the next process, or the rollback, how to go on."""


class Paused(Parked):
    """A gate could not decide; the change stays as it is until there is more to judge by, or a person decides."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Signals:
    """`stop` is the operator's word; `abort` means that another change failed and all will be rolled back."""

    def __init__(self, clock: Clock, stop_grace_s: float, asked: Callable[[], bool] = lambda: False) -> None:
        """`asked` is whether the operator has said it, for those who would rather be asked than call `stop`."""
        self._clock = clock
        self._grace_s = stop_grace_s
        self._asked = asked
        self._stop = asyncio.Event()
        self._halt = asyncio.Event()
        self._give_up_at: float | None = None
        self.aborting = False

    @property
    def stopping(self) -> bool:
        """Whether the operator said stop, up to this very moment."""
        if self._give_up_at is None and self._asked():
            self.stop()
        return self._give_up_at is not None

    def stop(self) -> None:
        if self._give_up_at is None:
            self._give_up_at = self._clock.monotonic() + self._grace_s
            self._stop.set()
            self._halt.set()

    def abort(self) -> None:
        self.aborting = True
        self._halt.set()

    def resume(self) -> None:
        """What failed is dealt with: whatever it did not concern goes on, unless the operator said stop."""
        self.aborting = False
        if not self.stopping:
            self._halt.clear()

    @property
    def halted(self) -> bool:
        """Whether no new change may begin."""
        return self.stopping or self._halt.is_set()

    def require_go(self) -> None:
        """Before something new begins. Raises Parked when nothing may."""
        if self.halted:
            raise Parked

    async def rest(self, seconds: float, *bells: asyncio.Event) -> None:
        """Wait between looks at what is live already, at most until a bell rings.

        Raises Parked as soon as there is a reason to leave.
        """
        if not self.halted:
            await first_of(self._clock, seconds, self._halt, *bells)
        self.require_go()

    async def watch(self, seconds: float, bell: asyncio.Event) -> None:
        """Wait between looks at a running publish, at most until the bell rings.

        Raises Parked when the grace after `stop` is used up.
        """
        until = self._clock.monotonic() + seconds
        if not self.stopping:
            await first_of(self._clock, seconds, self._stop, bell)
        if bell.is_set() or self._give_up_at is None:
            return
        grace_s = self._give_up_at - self._clock.monotonic()
        if grace_s <= 0:
            raise Parked
        await first_of(self._clock, min(grace_s, max(until - self._clock.monotonic(), 0.0)), bell)

    async def in_time(self, reading: Awaitable[T]) -> T:
        """The result of something that changes nothing. Raises Parked, and gives it up, when the grace is used up."""
        try:
            return await finished_before(self._grace_used_up(), reading)
        except Overtaken:
            raise Parked from None

    async def _grace_used_up(self) -> None:
        await self._stop.wait()
        await self._clock.sleep(max((self._give_up_at or 0.0) - self._clock.monotonic(), 0.0))
