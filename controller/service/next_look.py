"""When a worker looks again: after a fault, and while another controller holds the organisation's lease."""

from __future__ import annotations

import random

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.waiting import Backoff

_SHORTEST_S = 5.0
_SOON_S = 15.0
_BACKOFF = Backoff(2 * _SHORTEST_S, longest_s=300.0)


class Pauses:
    """The pause after each pass: the interval, unless an error asks for another time."""

    def __init__(self, interval_s: float) -> None:
        self._interval_s = interval_s
        self._failures = 0

    def after(self, error: PenstockError | None) -> float:
        """Seconds until the next pass; longer after each further transient fault."""
        if isinstance(error, Waiting):
            # Look for out-of-band changes at the usual interval, even while a window stays closed for long.
            return min(max(1.0, error.retry_after_s), self._interval_s)
        if isinstance(error, Transient):
            self._failures += 1
            return random.uniform(_SHORTEST_S, _BACKOFF.wait_s(self._failures))  # noqa: S311 - jitter, not a secret
        self._failures = 0
        return self._interval_s


class Standby:
    """Decides when a worker without the lease runs a planning pass: at first, for each revision, and at the interval.

    The lease is tried far more often: that costs no call. One that ends soon is waited for first, because its holder
    may have died.
    """

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._looked: tuple[str, float] | None = None
        """Revision and time of the last pass without the lease."""
        self._tried = False
        """Whether the lease was held already at the last try."""

    @property
    def waits(self) -> bool:
        """Whether the last pass was without the lease."""
        return self._looked is not None

    def is_due(self, revision: str, left_s: float) -> bool:
        """Whether to run a pass now; the lease ends after `left_s` unless it is renewed."""
        tried, self._tried = self._tried, True
        if not tried and left_s <= _SOON_S:
            return False
        if self._looked is None or self._looked[0] != revision:
            return True
        return self._clock.monotonic() - self._looked[1] >= self._interval_s

    def looked(self, revision: str) -> None:
        """Note a pass at this revision without the lease."""
        self._looked = (revision, self._clock.monotonic())

    def ended(self) -> None:
        """Note that the lease is free again."""
        self._looked, self._tried = None, False
