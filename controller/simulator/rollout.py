"""A publish of the versioned dialect: queued, prepared, then sent to a rising share of the traffic in stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from controller.simulator.actor import Actor
from controller.simulator.operation import Problem


class RolloutStatus(StrEnum):
    QUEUED = "queued"
    PUBLISHING = "publishing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class RolloutStage:
    percentage: float
    """The share of traffic that goes to the new version, from more than 0 to 100."""
    duration_s: float


AT_ONCE = (RolloutStage(100, 0.0),)
"""The stages of a publish that asks for none."""


@dataclass(slots=True)
class SimulatedRollout:
    id: str
    version: str
    actor: Actor
    requested_at: datetime
    begins_at: datetime
    """Until then it is queued."""
    prepared_at: datetime
    """Until then it is prepared; the first stage begins now."""
    stages: tuple[RolloutStage, ...] = AT_ONCE
    """Rising to 100."""
    staged: bool = False
    replaces: str | None = None
    """The version that was live when it was asked for."""
    live: str | None = None
    """The version that it expects to be live; any other means an out-of-band change."""
    metadata: dict[str, str] = field(default_factory=dict)
    dependency_hash: str | None = None
    stage: int | None = None
    """The index of the running stage; None before the first."""
    ended_at: datetime | None = None
    outcome: RolloutStatus | None = None
    problems: list[Problem] = field(default_factory=list)
    silent: bool = False
    """A fault that was set: it completes, and nothing is live that was not before."""
    lands_on: str | None = None
    """A fault that was set: the version that goes live instead."""

    def status(self, now: datetime) -> RolloutStatus:
        if self.outcome:
            return self.outcome
        return RolloutStatus.QUEUED if now < self.begins_at else RolloutStatus.PUBLISHING

    @property
    def running(self) -> bool:
        return self.outcome is None

    def boundaries(self) -> Iterator[datetime]:
        """The moments at which each stage begins, and the one at which the last one ends."""
        at = self.prepared_at
        yield at
        for stage in self.stages:
            at += timedelta(seconds=stage.duration_s)
            yield at

    @property
    def ends_at(self) -> datetime:
        """When it will be, or was, over."""
        return self.ended_at or list(self.boundaries())[-1]

    def progress(self, now: datetime) -> float:
        """How much of its time has passed, from 0 to 100."""
        if self.outcome is RolloutStatus.COMPLETED:
            return 100.0
        whole = (list(self.boundaries())[-1] - self.requested_at).total_seconds()
        passed = (min(now, self.ended_at or now) - self.requested_at).total_seconds()
        return min(99.0, 100 * passed / whole) if whole > 0 else 99.0

    def share(self, at: datetime) -> float:
        """The percentage of traffic that its version gets at this moment as long as another one is live."""
        if self.silent or self.stage is None or at < self.prepared_at or (self.ended_at and at >= self.ended_at):
            return 0.0
        begun = [stage for stage, begin in zip(self.stages, self.boundaries(), strict=False) if begin <= at]
        return begun[-1].percentage
