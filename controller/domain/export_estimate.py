"""What it takes to export many flows, for the person who waits for it."""

from __future__ import annotations

from dataclasses import dataclass

from controller.domain.wording import counted


@dataclass(frozen=True, slots=True)
class ExportEstimate:
    """The expected calls of exports that share jobs, and the limit that they are counted against."""

    flows: int
    calls: int
    calls_a_minute: int

    @property
    def minutes(self) -> int:
        """Whole minutes that the limit alone makes it take, at least one; slow jobs take longer."""
        return max(-(-self.calls // self.calls_a_minute), 1)

    def __str__(self) -> str:
        return (
            f"{counted(self.flows, 'flow')}: about {counted(self.calls, 'call')}, at least "
            f"{counted(self.minutes, 'minute')} at {self.calls_a_minute} calls a minute"
        )
