"""The architect dialect: the Platform API v2 as Genesys ships SDKs for it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta

from controller.domain.capabilities import ARCHITECT, CAPABILITIES
from controller.domain.errors import CapabilityMissing, SettingsInvalid
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.identity import FlowKey
from controller.domain.live import HandChange, LiveFlow
from controller.domain.platform import (
    Capability,
    ExecutionSummary,
    Export,
    FlowListing,
    Launch,
    Priority,
    Progress,
    ProgressState,
    PublishRequest,
    SwitchRequest,
    Ticket,
    TicketKind,
    UploadSlot,
    ValidationReport,
)
from controller.domain.recording import Recording
from controller.domain.references import FlowReference, ResourceReference
from controller.domain.traces import TraceRequest
from controller.domain.versions import VersionInfo
from controller.genesys.architect import (
    account,
    dependencies,
    executions,
    flows,
    history,
    notifications,
    publish,
    references,
    resources,
    upload,
    validation,
)
from controller.genesys.architect.executions import RenderedExecution
from controller.genesys.architect.exports import Exports
from controller.genesys.architect.recording import RecordingSettings
from controller.genesys.transport import Transport


class ArchitectPlatform:
    """Implements `Platform`; what it offers beyond is for diagnosis and impact analysis."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        transport.dialect = ARCHITECT
        self._exports = Exports(transport)
        self.recording_settings = RecordingSettings(transport)

    @property
    def dialect(self) -> str:
        return ARCHITECT

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES[ARCHITECT]

    @property
    def clock_ahead(self) -> timedelta:
        return self.transport.clock_ahead

    async def organization_id(self, *, priority: Priority = Priority.OBSERVE) -> str | None:
        return await account.organization_id(self.transport, priority)

    async def organization_name(self) -> str | None:
        """What the organisation calls itself; None where this client is not told."""
        return await account.organization_name(self.transport)

    async def list_flows(
        self,
        *,
        fresh: bool = False,  # noqa: ARG002 - every listing of this dialect is
        priority: Priority = Priority.OBSERVE,
    ) -> FlowListing:
        return await flows.list_flows(self.transport, priority)

    async def changed_since(self, since: datetime, *, priority: Priority = Priority.OBSERVE) -> Sequence[LiveFlow]:
        return await flows.changed_since(self.transport, since, priority)

    async def get_flow(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        flow = await flows.read_flow(self.transport, flow_id, priority)
        return flows.live_flow(flow) if flow else None

    async def get_flows(
        self, flow_ids: Collection[str], *, priority: Priority = Priority.OBSERVE
    ) -> Mapping[str, LiveFlow]:
        return await flows.lookup(self.transport, flow_ids, priority)

    async def find_flow(self, key: FlowKey, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        return await flows.find_flow(self.transport, key, priority)

    async def last_change(self, flow_id: str) -> HandChange | None:
        return await history.last_change(self.transport, flow_id)

    async def versions(self, flow_id: str, *, priority: Priority = Priority.OBSERVE) -> Sequence[VersionInfo]:
        return await flows.versions(self.transport, flow_id, priority)

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        return await references.references(self.transport, flow_id, version)

    async def resources(self, flow_id: str, version: str) -> Sequence[ResourceReference]:
        """What one version uses besides flows; callers may cache it for ever."""
        return await resources.resources(self.transport, flow_id, version)

    def publish_payload(self, request: PublishRequest) -> Mapping[str, object]:
        """The request names the version and nothing else; its body is empty."""
        return {"flow": request.flow_id, "version": request.version}

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        return await validation.validate(self.transport, flow_id, version)

    async def progress(self, ticket: Ticket, *, priority: Priority = Priority.PUBLISH) -> Progress:
        match ticket.kind:
            case TicketKind.JOB:
                return await upload.upload_progress(self.transport, ticket, priority)
            case TicketKind.OPERATION:
                return await publish.operation_progress(self.transport, ticket, priority)
            case TicketKind.DONE:
                return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=ticket.flow_id)
            case _:
                raise SettingsInvalid(f"a ticket of kind {ticket.kind} belongs to another dialect than {ARCHITECT}")

    async def running_publish(
        self, flow_id: str, version: str, *, priority: Priority = Priority.PUBLISH
    ) -> Ticket | None:
        return await publish.running_publish(self.transport, flow_id, version, priority)

    async def export(self, flow_id: str, version: str, *, priority: Priority = Priority.EXPORT) -> Export:
        return await self._exports.export(flow_id, version, priority)

    def executions(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        return executions.executions(self.transport, flow_id, version, since, until)

    async def recording(self, flow_id: str) -> Recording:
        return await self.recording_settings.of(flow_id)

    def found_executions(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that a request asks for, in no order; a session is not known here."""
        return executions.found(self.transport, request)

    async def rendered_executions(self, ids: Sequence[str]) -> Sequence[RenderedExecution]:
        """At most 200 execution files that can be saved one by one; those that cannot be rendered are missing."""
        return await executions.rendered_executions(self.transport, ids)

    async def consumers(self, flow: LiveFlow) -> dependencies.Consumers:
        """The published flows that consume this one, as the organisation's index knows them."""
        return await dependencies.consumers(self.transport, flow.id, flow.key.type)

    async def index_state(self) -> str:
        """State of the dependency index; only `OPERATIONAL` can be relied on."""
        return await dependencies.index_state(self.transport)

    def flow_events(
        self, flow_ids: Collection[str], *, on_open: Callable[[], None] | None = None
    ) -> AsyncIterator[FlowEvent]:
        return notifications.flow_events(self.transport, flow_ids, on_open)

    def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:
        return notifications.execution_events(self.transport, flow_ids)

    async def launch_state(self, launch_id: str) -> Launch:
        return await executions.launch_state(self.transport, launch_id)

    async def register_upload(self, *, priority: Priority = Priority.PUBLISH) -> UploadSlot:
        return await upload.register_upload(self.transport, priority)

    async def upload(self, slot: UploadSlot, text: str, *, priority: Priority = Priority.PUBLISH) -> None:
        await upload.upload(self.transport, slot, text, priority)

    async def publish(self, request: PublishRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket:
        if request.stages:
            raise CapabilityMissing("the architect dialect has no percentage rollout", hint="use waves and bake time")
        return await publish.publish(self.transport, request.flow_id, request.version, priority)

    async def switch(self, request: SwitchRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket:
        return await publish.publish(self.transport, request.flow_id, request.version, priority)

    async def unlock(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:
        return await publish.unlock(self.transport, flow_id, priority)

    async def unpublish(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None:
        await publish.unpublish(self.transport, flow_id, priority)

    async def delete(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None:
        await publish.delete(self.transport, flow_id, priority)

    async def launch(self, flow_id: str, version: str, inputs: Mapping[str, object]) -> Launch:
        return await executions.launch(self.transport, flow_id, version, inputs)

    async def aclose(self) -> None:
        await self.transport.aclose()
