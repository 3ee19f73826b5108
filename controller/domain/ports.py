"""The port to an organisation, in parts: each part is a group of operations.

`genesys/` implements the parts once for each dialect. A part that a dialect lacks is None, so the type checker proves
that callers ask first. Reads may be repeated. After a lost response the implementation never repeats a write:
it raises `AnswerLost`, and the caller reads the flow to find out.

Every operation may raise the errors of `domain.errors` and no others. Each has a usual priority; `Platform.at` gives
the same operations at another one. The parts about executions are in `domain.execution_ports`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol, Self

from controller.domain.capabilities import CAPABILITIES
from controller.domain.desired import DesiredFlow
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.execution_ports import (
    ActionTraces,
    ExecutionFiles,
    ExecutionRecording,
    Executions,
    Launches,
    Traces,
)
from controller.domain.export_estimate import ExportEstimate
from controller.domain.identity import FlowKey
from controller.domain.live import LastChange, LiveFlow
from controller.domain.platform import (
    CallLoad,
    Capability,
    Export,
    FlowListing,
    IndexedConsumers,
    Priority,
    Progress,
    PublishRequest,
    SwitchRequest,
    Ticket,
    UploadSlot,
    ValidationReport,
)
from controller.domain.references import FlowReference, ResourceReference
from controller.domain.resources import ResourceListing
from controller.domain.versions import VersionInfo


class Flows(Protocol):
    """Reading flows. None of these operations changes anything."""

    async def listing(self, *, fresh: bool = False) -> FlowListing:
        """All flows; a `fresh` listing never comes from a cache, so it shows out-of-band changes."""

    async def get(self, flow_id: str) -> LiveFlow | None:
        """One flow as it is now, never from a cache; None when it does not exist or was deleted.

        Raises `LiveUndetermined` while the organisation's answers contradict each other about the live version.
        """

    async def get_many(self, flow_ids: Collection[str]) -> Mapping[str, LiveFlow]:
        """Those of these flows that exist, by id, in far fewer calls than one for each."""

    async def find(self, key: FlowKey) -> LiveFlow | None:
        """The flow with exactly this type and name. Raises `AmbiguousFlow` when there are several."""

    async def last_change(self, flow_id: str) -> LastChange | None:
        """The last publish or unpublish of a flow; None where the listing already says everything."""


class ChangedFlows(Protocol):
    """Flows that were published lately, without a full listing."""

    async def changed_since(self, since: datetime) -> FlowListing:
        """The flows that were published after that moment by the organisation's clock.

        It says nothing about flows that were unpublished or deleted. Whether a publish at that very moment is among
        them is not documented.
        """


class Versions(Protocol):
    """Reading the versions of a flow."""

    async def of(self, flow_id: str) -> Sequence[VersionInfo]:
        """All versions, newest first."""

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        """What one version refers to; a version never changes, so callers may cache it without an end."""

    async def validate(self, flow_id: str, version: str) -> ValidationReport: ...

    async def export(self, flow_id: str, version: str, *, definition: bool = True) -> Export:
        """One version. Exports that are asked for together may share calls.

        With `definition=False` a dialect that exports YAML leaves the JSON out, which saves a call.
        """

    def cost_of_exports(self, flows: int) -> ExportEstimate:
        """What it takes to export so many versions together, without their definitions where YAML is exported."""


class ResourceReferences(Protocol):
    """Resources that a version uses: queues, data actions, prompts."""

    async def of(self, flow_id: str, version: str) -> Sequence[ResourceReference]:
        """The resources of one version, ordered; callers may cache them without an end."""


class OrganizationResources(Protocol):
    """What the organisation has of queues, data actions, prompts and other resources."""

    @property
    def kinds(self) -> Collection[str]:
        """The kinds that can be listed."""

    async def of(self, kinds: Collection[str], *, fresh: bool = False) -> Mapping[str, ResourceListing]:
        """The listings of these kinds, by kind, from memory where they were read lately, unless `fresh`.

        A kind that cannot be listed, or whose listing is refused or cut short, says in `unknown` why. Never raises for
        one kind what concerns it alone.
        """


class ListedDefinitions(Protocol):
    """Definitions that came with the last listing; reading them makes no call."""

    def of(self, flow: LiveFlow) -> Mapping[str, object] | None:
        """The definition of the published version, or else of the newest one; None where the listing has none."""


class Publishing(Protocol):
    """Making versions live, and following that. Only delivery writes, and only through its journal."""

    async def publish(self, request: PublishRequest) -> Ticket: ...

    async def switch(self, request: SwitchRequest) -> Ticket: ...

    def payload(self, request: PublishRequest) -> Mapping[str, object]:
        """What `publish` sends, for the audit log; without a secret."""

    async def progress(self, ticket: Ticket) -> Progress: ...

    async def running(self, flow_id: str, version: str) -> Ticket | None:
        """The running publish that may make this version live, of any client; None when there is none."""


class Uploads(Protocol):
    """Publishing a flow file: only delivery writes, and only through its journal."""

    async def register(self) -> UploadSlot: ...

    async def send(self, slot: UploadSlot, text: str) -> None: ...


class Locks(Protocol):
    """Breaking the lock of a flow: only delivery writes, and only through its journal."""

    async def unlock(self, flow_id: str) -> LiveFlow: ...


class FlowRemoval(Protocol):
    """Taking a flow out of use: only delivery writes, and only through its journal."""

    async def unpublish(self, flow_id: str) -> None: ...

    async def delete(self, flow_id: str) -> None: ...


class DependencyIndex(Protocol):
    """The organisation's own index of who consumes a flow. It can be stale."""

    async def state(self) -> str:
        """State of the index; only `OPERATIONAL` can be relied on."""

    async def consumers(self, flow: LiveFlow) -> IndexedConsumers:
        """The published flows that consume this one."""


class EventStreams(Protocol):
    """Events that the organisation pushes. A channel can miss events: callers poll as well."""

    def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        """Events of these flows until the connection ends. `on_open` is called when the subscription is complete."""

    def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:
        """The executions of these flows as they end, until the connection does."""


class Platform(ABC):
    """An organisation. A part that is None is one that its dialect lacks."""

    dialect: str
    flows: Flows
    versions: Versions
    publishing: Publishing
    changes: ChangedFlows | None = None
    resources: ResourceReferences | None = None
    organization_resources: OrganizationResources | None = None
    listed_definitions: ListedDefinitions | None = None
    uploads: Uploads | None = None
    locks: Locks | None = None
    removal: FlowRemoval | None = None
    dependency_index: DependencyIndex | None = None
    executions: Executions | None = None
    execution_files: ExecutionFiles | None = None
    traces: Traces | None = None
    action_traces: ActionTraces | None = None
    launches: Launches | None = None
    notifications: EventStreams | None = None
    recording: ExecutionRecording | None = None

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES[self.dialect]

    @property
    @abstractmethod
    def clock_ahead(self) -> timedelta:
        """How far the organisation's clock is ahead of ours, to the second, by its last response."""

    @property
    def load(self) -> CallLoad:
        """How much this credential's calls load the organisation at the moment."""
        return CallLoad()

    @abstractmethod
    def at(self, priority: Priority) -> Self:
        """The same organisation; its parts send at this priority."""

    def called_by(self, flows: Iterable[DesiredFlow]) -> Self:  # noqa: ARG002 - for dialects that show no types
        """The same connection, with flows called as these manifests call them; one for each revision."""
        return self

    async def organization_id(self) -> str | None:
        """The organisation's own id; None where the dialect or this client's rights do not show it."""
        return None

    async def organization_name(self) -> str | None:
        """The organisation's own name; None where the dialect or this client's rights do not show it."""
        return None

    @abstractmethod
    async def aclose(self) -> None: ...
