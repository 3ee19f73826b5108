"""One pass over one organisation: what it was asked, and what it has found out so far."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol, TypeVar

from controller.delivery import DeliveryEvent, SyncResult
from controller.domain.desired import Organization
from controller.domain.errors import DeliveryPaused, PenstockError
from controller.domain.live import LiveState
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedState
from controller.planning import Confirmations, Plan
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.repository import RecordedCommit
from controller.store import Lease

T = TypeVar("T")

SERVICE = "service"
"""The actor of a pass that nobody asked for: the controller acts by itself."""


class Mode(StrEnum):
    PLAN = "plan"
    """Look and tell; nothing is written anywhere."""
    APPLY = "apply"
    RECOVER = "recover"
    """Bring to its end what an earlier process left open, and begin nothing new."""
    ROLLBACK = "rollback"
    """One flow back to a version that a person chose, whatever git says."""


@dataclass(frozen=True, slots=True)
class PassRequest:
    """What a person or a trigger asked for."""

    organization: str
    mode: Mode = Mode.PLAN
    actor: str = "penstock"
    trigger: str = "command"
    expected_digest: str | None = None
    """The digest of the plan that was looked at; any other plan is stale."""
    confirmations: Confirmations = field(default_factory=Confirmations)
    allow_dirty: bool = False
    allow_unpushed: bool = False
    """Deliver a commit although the branch that is followed does not hold it."""
    retry: bool = False
    """Try again what was rolled back before, although git did not change."""
    flow: str | None = None
    """For a rollback: the flow as a person names it."""
    watches: bool = False
    """Whether it is the controller's own look: drift that begins or ends is noted then, as in every delivery."""
    version: str | None = None
    """For a rollback: the version; None is the one that was delivered before."""


Source = Callable[[], Awaitable[Workspace]]


class Listener(Protocol):
    """Who watches a pass while it runs; called in the event loop, so quick and without failing."""

    def looked(self, done: int, total: int) -> None:
        """So many of so many versions that nobody knew yet are read."""
        ...

    def planned(self, plan: Plan) -> None:
        """The plan is made, and nothing was written yet."""
        ...

    def progressed(self, event: DeliveryEvent) -> None:
        """A change moved on."""
        ...


class Unwatched:
    """Nobody watches."""

    def looked(self, done: int, total: int) -> None:
        pass

    def planned(self, plan: Plan) -> None:
        pass

    def progressed(self, event: DeliveryEvent) -> None:
        pass


@dataclass(slots=True)
class Pass:
    """Filled by the steps from top to bottom; reading a field before its step ran is a mistake of ours."""

    request: PassRequest
    services: Services
    source: Source
    stack: AsyncExitStack
    """What must be given back when the pass ends: the lease."""
    listener: Listener = field(default_factory=Unwatched)
    stopping: Callable[[], bool] = lambda: False
    workspace: Workspace | None = None
    author: str | None = None
    """Who wrote the commit, where something may be delivered or noted."""
    unpushed: PenstockError | None = None
    """Why the revision may not be delivered: the branch that is followed does not hold it."""
    organization: Organization | None = None
    platform: Platform | None = None
    identity: OrganizationIdentity | None = None
    kept_as: str = ""
    """The name under which the store keeps what was done to this organisation under the manifest's name."""
    lease: Lease | None = None
    recorded: RecordedState | None = None
    live: LiveState | None = None
    plan: Plan | None = None
    result: SyncResult | None = None
    commit: RecordedCommit | None = None
    recovered: tuple[str, ...] = ()
    undecided: DeliveryPaused | None = None
    """Why nothing new may be delivered, though it is looked at: a gate of an earlier delivery cannot decide."""

    @property
    def actor(self) -> str:
        """Who acts: the person who asked; where the controller acts by itself, the author of the commit."""
        if self.request.actor != SERVICE:
            return self.request.actor
        return self.author or SERVICE


def have(value: T | None) -> T:
    """The value that an earlier step must have filled in."""
    if value is None:
        raise AssertionError("a step ran before the one that it builds on")
    return value
