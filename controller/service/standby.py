"""When a worker looks that may not deliver, because another controller holds the organisation's lease."""

from __future__ import annotations

from controller.domain.clock import Clock


class Standby:
    """One look when the waiting begins and for each revision, and then no more often than without any waiting.

    The lease is asked for far more often than that: it costs no call.
    """

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._looked: tuple[str, float] | None = None
        """At which revision, and when."""

    @property
    def waits(self) -> bool:
        """Whether the last look was one without the lease."""
        return self._looked is not None

    def is_due(self, revision: str) -> bool:
        """Whether to look now."""
        if self._looked is None or self._looked[0] != revision:
            return True
        return self._clock.monotonic() - self._looked[1] >= self._interval_s

    def looked(self, revision: str) -> None:
        """It was looked at this revision, without the lease."""
        self._looked = (revision, self._clock.monotonic())

    def ended(self) -> None:
        """Nobody else holds the lease any more."""
        self._looked = None
