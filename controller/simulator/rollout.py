"""A publish of the versioned dialect: queued, prepared, then given a growing share of traffic in stages."""

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
    """The percentage of traffic for the new version, from more than 0 to 100."""
    duration_s: float


AT_ONCE = (RolloutStage(100, 0.0),)
"""The stages of an unstaged publish."""


@dataclass(slots=True)
class SimulatedRollout:
    id: str
    version: str
    actor: Actor
    requested_at: datetime
    begins_at: datetime
    """Until then the publish is queued."""
    prepared_at: datetime
    """Until then it is prepared; then the first stage begins."""
    stages: tuple[RolloutStage, ...] = AT_ONCE
    """Rising percentages; the last one is 100."""
    staged: bool = False
    replaces: str | None = None
    """The version that was live at the time of the request."""
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
    """An injected fault: the rollout completes without a change of the live version."""
    lands_on: str | None = None
    """An injected fault: the version that goes live instead."""

    def status(self, now: datetime) -> RolloutStatus:
        if self.outcome:
            return self.outcome
        return RolloutStatus.QUEUED if now < self.begins_at else RolloutStatus.PUBLISHING

    @property
    def running(self) -> bool:
        return self.outcome is None

    def boundaries(self) -> Iterator[datetime]:
        """The start of each stage, followed by the end of the last one."""
        at = self.prepared_at
        yield at
        for stage in self.stages:
            at += timedelta(seconds=stage.duration_s)
            yield at

    @property
    def ends_at(self) -> datetime:
        """The end of the rollout, past or future."""
        return self.ended_at or list(self.boundaries())[-1]

    def progress(self, now: datetime) -> float:
        """Elapsed percentage of its time, from 0 to 100."""
        if self.outcome is RolloutStatus.COMPLETED:
            return 100.0
        whole = (list(self.boundaries())[-1] - self.requested_at).total_seconds()
        passed = (min(now, self.ended_at or now) - self.requested_at).total_seconds()
        return min(99.0, 100 * passed / whole) if whole > 0 else 99.0

    def share(self, at: datetime) -> float:
        """The percentage of traffic for its version at this moment, while another version is live."""
        if self.silent or self.stage is None or at < self.prepared_at or (self.ended_at and at >= self.ended_at):
            return 0.0
        begun = [stage for stage, begin in zip(self.stages, self.boundaries(), strict=False) if begin <= at]
        return begun[-1].percentage
