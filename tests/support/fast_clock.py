"""A clock that runs faster than the wall: for scenarios over several processes, which must agree what time it is."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class FastClock:
    """Implements `controller.domain.clock.Clock`. Processes that are given the same three values tell the same time."""

    start: datetime
    """What time it was when `origin_s` was read."""
    origin_s: float
    """The machine's monotonic clock at the start; one for all processes of a machine."""
    speed: float
    """Seconds on this clock for each one on the wall."""

    @classmethod
    def from_now(cls, start: datetime, speed: float) -> FastClock:
        return cls(start, time.monotonic(), speed)

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.monotonic())

    def monotonic(self) -> float:
        return (time.monotonic() - self.origin_s) * self.speed

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(max(seconds, 0.0) / self.speed)
