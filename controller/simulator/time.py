"""The organisation's clock: another clock plus an adjustable offset."""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.domain.clock import Clock


class MovableClock:
    """Implements `controller.domain.clock.Clock` on top of another clock."""

    def __init__(self, base: Clock) -> None:
        self._base = base
        self.moved_s = 0.0
        """Seconds that `advance` added since the start."""

    def now(self) -> datetime:
        return self._base.now() + timedelta(seconds=self.moved_s)

    def monotonic(self) -> float:
        return self._base.monotonic() + self.moved_s

    async def sleep(self, seconds: float) -> None:
        await self._base.sleep(seconds)

    def advance(self, seconds: float) -> None:
        """Move the time forward. Tasks that sleep on the clock below are not woken."""
        if seconds < 0:
            raise ValueError("time cannot be moved back")
        self.moved_s += seconds


def iso(moment: datetime) -> str:
    """A time as the API writes it: `2026-01-05T12:00:00.000Z`."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def epoch_ms(moment: datetime) -> int:
    """Milliseconds since 1970, the format of version dates."""
    return int(moment.timestamp() * 1000)
