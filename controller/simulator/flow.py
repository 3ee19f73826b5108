"""One flow of the organisation: its versions, draft, lock and running operations."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from controller.domain.identity import FlowKey
from controller.simulator.actor import Actor
from controller.simulator.operation import Happening, SimulatedOperation
from controller.simulator.rollout import SimulatedRollout
from controller.simulator.version import SimulatedDraft, Version


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
