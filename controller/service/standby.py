"""What a worker does while another controller holds the organisation's lease."""

from __future__ import annotations

from controller.domain.clock import Clock


class Standby:
    """Decides when a worker without the lease runs a planning pass: at first, for each revision, and at the interval.

    The lease is tried far more often: that costs no call.
    """

    def __init__(self, clock: Clock, interval_s: float) -> None:
        self._clock = clock
        self._interval_s = interval_s
        self._looked: tuple[str, float] | None = None
        """Revision and time of the last pass without the lease."""

    @property
    def waits(self) -> bool:
        """Whether the last pass was without the lease."""
        return self._looked is not None

    def is_due(self, revision: str) -> bool:
        """Whether to run a pass now."""
        if self._looked is None or self._looked[0] != revision:
            return True
        return self._clock.monotonic() - self._looked[1] >= self._interval_s

    def looked(self, revision: str) -> None:
        """Note a pass at this revision without the lease."""
        self._looked = (revision, self._clock.monotonic())

    def ended(self) -> None:
        """Note that the lease is free again."""
        self._looked = None
