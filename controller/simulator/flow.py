"""The data of one flow: its versions and draft, lock, history, running operation and rollouts, and who acts on it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from controller.domain.identity import FlowKey


@dataclass(frozen=True, slots=True)
class Actor:
    id: str
    name: str
    person: bool = False
    """A person appears as `user` in answers, a service client as `client`."""


@dataclass(slots=True)
class Version:
    number: int
    text: str = field(repr=False)
    """Archy YAML."""
    created_at: datetime
    created_by: Actor
    published_at: datetime | None = None
    """Last time at which it became live; None if it was only checked in."""
    published_until: datetime | None = None
    """Time at which another version replaced it; None while it is live."""
    published_by: Actor | None = None
    bindings: dict[str, str] = field(default_factory=dict)
    """Flow id to version of the modules and bots bound at its last publish."""
    archived: bool = False

    @property
    def id(self) -> str:
        """`1.0`, `2.0`, ...: a counter per flow."""
        return f"{self.number}.0"

    @property
    def status(self) -> str:
        """`draft`, `published`, `deployed` (live now) or `archived`."""
        if self.archived:
            return "archived"
        if self.published_at is None:
            return "draft"
        return "published" if self.published_until else "deployed"


@dataclass(slots=True)
class SimulatedDraft:
    """A saved change that is not checked in: it has a token instead of a version."""

    id: str
    text: str = field(repr=False)
    saved_at: datetime
    saved_by: Actor


class Action(StrEnum):
    """`Operation.actionName` of the Platform API, with the notifications' DEACTIVATE."""

    CREATE = "CREATE"
    CHECKIN = "CHECKIN"
    CHECKOUT = "CHECKOUT"
    DEACTIVATE = "DEACTIVATE"
    DELETE = "DELETE"
    HISTORY = "HISTORY"
    PUBLISH = "PUBLISH"
    REVERT = "REVERT"
    SAVE = "SAVE"
    UNLOCK = "STATE_CHANGE"
    UPDATE = "UPDATE"
    VALIDATE = "VALIDATE"


@dataclass(frozen=True, slots=True)
class OperationProblem:
    """Why an operation or a job failed."""

    code: str
    message: str


@dataclass(slots=True)
class SimulatedOperation:
    id: str
    action: Action
    actor: Actor
    started_at: datetime
    version: str | None = None
    ended_at: datetime | None = None
    problem: OperationProblem | None = None

    @property
    def complete(self) -> bool:
        return self.ended_at is not None

    @property
    def status(self) -> str:
        """`Operation.actionStatus`."""
        if not self.complete:
            return "STARTED"
        return "FAILURE" if self.problem else "SUCCESS"


@dataclass(frozen=True, slots=True)
class Happening:
    """One entry of a flow's history: what took effect, when, by whom."""

    action: Action
    at: datetime
    actor: Actor
    version: str | None = None


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
    problems: list[OperationProblem] = field(default_factory=list)
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


@dataclass(frozen=True, slots=True)
class Lock:
    holder: Actor
    since: datetime


@dataclass(slots=True)
class SimulatedFlow:
    id: str
    type: str
    """The API's lower-case type."""
    name: str
    created_at: datetime
    description: str = ""
    division: str = "Home"
    versions: list[Version] = field(default_factory=list)
    """Oldest first. The number of a version is its position plus one."""
    live: int | None = None
    """Number of the published version."""
    draft: SimulatedDraft | None = None
    lock: Lock | None = None
    operation: SimulatedOperation | None = None
    history: list[Happening] = field(default_factory=list)
    rollouts: list[SimulatedRollout] = field(default_factory=list)
    """Publishes of the versioned dialect, oldest first."""
    deleted: bool = False

    @property
    def key(self) -> FlowKey:
        return FlowKey(self.type, self.name)

    @property
    def entity(self) -> tuple[str, str]:
        """Id and name, for errors about the flow."""
        return self.id, self.name

    @property
    def rollout(self) -> SimulatedRollout | None:
        """The running rollout."""
        return self.rollouts[-1] if self.rollouts and self.rollouts[-1].running else None

    @property
    def latest(self) -> Version | None:
        """The most recently checked in version."""
        return self.versions[-1] if self.versions else None

    @property
    def published(self) -> Version | None:
        """The live version."""
        return self.versions[self.live - 1] if self.live else None

    def version(self, version: str) -> Version | None:
        """The version with that id; `2` means `2.0`, and `published` and `latest` are accepted too."""
        if version == "published":
            return self.published
        if version == "latest":
            return self.latest
        wanted = version if "." in version else f"{version}.0"
        return next((found for found in self.versions if found.id == wanted), None)

    def lock_of_others(self, actor: Actor) -> Lock | None:
        """The lock that prevents this actor from changing the flow."""
        return self.lock if self.lock and self.lock.holder.id != actor.id else None
