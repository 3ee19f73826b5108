"""The request of a pass and its stages: each stage is a value that the next one needs.

`Pass` → `CheckedOut` → `Located` → `Held` (only for writing) and `Observed`. A step takes the stages that it builds on,
so a step that runs too early does not type-check.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from controller.delivery.result import SyncContext
from controller.domain.desired import Organization
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import FlowKey
from controller.domain.live import LiveState
from controller.domain.organization_identity import OrganizationIdentity
from controller.domain.ports import Platform
from controller.domain.recorded import RecordedState
from controller.planning.guard import Confirmations
from controller.planning.model import Plan
from controller.reconcile.looks import FlowLook
from controller.reconcile.services import Services
from controller.reconcile.workspace import Workspace
from controller.repository.branches import Look
from controller.store.leases import Lease
from controller.store.records import StepRecord

if TYPE_CHECKING:  # a plan does without these modules
    from controller.delivery.delivery import Delivery
    from controller.delivery.sync_run import DeliveryEvent

SERVICE = "service"
"""The actor of a pass that the controller started on its own."""


class Mode(StrEnum):
    PLAN = "plan"
    """Read and report; nothing is written anywhere."""
    APPLY = "apply"
    RECOVER = "recover"
    """Finish unfinished syncs of earlier processes, and begin nothing new."""
    ROLLBACK = "rollback"
    """Roll one flow back to a version that a person chose, regardless of git."""


@dataclass(frozen=True, slots=True)
class PassRequest:
    """The request of a person or a trigger."""

    organization: str
    mode: Mode = Mode.PLAN
    actor: str = "penstock"
    trigger: str = "command"
    expected_digest: str | None = None
    """The digest of the plan that the person saw; any other plan is stale."""
    confirmations: Confirmations = field(default_factory=Confirmations)
    allow_dirty: bool = False
    allow_unpushed: bool = False
    """Deliver a commit although the followed branch does not hold it."""
    retry: bool = False
    """Try quarantined content again although git did not change."""
    flow: str | None = None
    """For a rollback: the flow, as a person names it."""
    watches: bool = False
    """Whether it is the controller's own poll, which records drift like every delivery."""
    full_look: bool = True
    """Whether to read all flows, even where the last look and the publishes since then would do."""
    version: str | None = None
    """For a rollback: the version; None for the previously delivered one."""
    any_store: bool = True
    """Whether to go on where another store than this one records the organisation."""


Source = Callable[[], Awaitable[Workspace]]
Latest = Mapping[FlowKey, StepRecord]
"""The last step of each flow in the journal."""


class Listener(Protocol):
    """Progress of a running pass; called in the event loop, so it must be quick and must not fail."""

    def began(self, step: str) -> None:
        """A step of the pass begins."""
        ...

    def looked(self, done: int, total: int) -> None:
        """`done` of `total` unknown versions are read."""
        ...

    def exporting(self, estimate: ExportEstimate) -> None:
        """Live versions are exported from now on; `looked` tells of each."""
        ...

    def planned(self, plan: Plan) -> None:
        """The plan is made, and nothing was written yet."""
        ...

    def delivering(self, plan: Plan) -> None:
        """The part of the plan that is allowed now is delivered."""
        ...

    def progressed(self, event: DeliveryEvent) -> None:
        """A change moved on."""
        ...


class Unwatched:
    """Ignores all progress."""

    def began(self, step: str) -> None:
        pass

    def looked(self, done: int, total: int) -> None:
        pass

    def exporting(self, estimate: ExportEstimate) -> None:
        pass

    def planned(self, plan: Plan) -> None:
        pass

    def delivering(self, plan: Plan) -> None:
        pass

    def progressed(self, event: DeliveryEvent) -> None:
        pass


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass:
    """The first stage: the request, and the services of the process."""

    request: PassRequest
    services: Services
    listener: Listener = field(default_factory=Unwatched)
    stopping: Callable[[], bool] = lambda: False


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedOut(Pass):
    """The revision is read."""

    workspace: Workspace
    author: str | None
    """The author of the commit; None in a pass that neither delivers nor records drift."""
    look: Look
    """The remote's branches; under the lease, since no other controller could write any more."""

    @property
    def actor(self) -> str:
        """The person who asked; the author of the commit if the controller acts on its own."""
        if self.request.actor != SERVICE:
            return self.request.actor
        return self.author or SERVICE


@dataclass(frozen=True, slots=True, kw_only=True)
class Located(CheckedOut):
    """The organisation, the connection to it, and its identity are known."""

    organization: Organization
    platform: Platform
    identity: OrganizationIdentity
    kept_as: str
    """The name under which the store keeps this organisation's history."""

    def delivery(self) -> Delivery:
        """Delivers to this organisation, and stops when the pass does. Raises SettingsInvalid."""
        return self.services.delivery(self.platform, self.organization, self.listener.progressed, self.stopping)

    def sync_context(self) -> SyncContext:
        """The requester, trigger and commit of a sync."""
        return SyncContext(
            revision=self.workspace.revision,
            actor=self.actor,
            author=self.author,
            trigger=self.request.trigger,
            dirty=bool(self.workspace.dirty),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Held(Located):
    """The pass holds the organisation's lease, and may write."""

    lease: Lease

    def require_lease(self) -> None:
        """Raise LeaseLost once another controller may write; the next holder then records the live versions."""
        self.services.store.leases.require(self.lease)


@dataclass(frozen=True, slots=True)
class Observed:
    """The two states that a plan compares with git."""

    recorded: RecordedState
    live: LiveState
    look: FlowLook | None = None
    """Where the live state came from; None for the listing of a rollback."""
    latest: Latest = field(default_factory=dict)
    """Read after the flows were listed; empty for the listing of a rollback."""

    @property
    def full(self) -> bool:
        """Whether all flows were read, and not only the recently published ones."""
        return self.look is None or self.look.full
