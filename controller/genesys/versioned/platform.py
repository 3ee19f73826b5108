"""The versioned dialect: per-version endpoints, staged rollouts, atomic switches and traces."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from copy import copy
from datetime import datetime, timedelta
from typing import Any, NoReturn

from controller.domain.capabilities import ALTERNATIVES, CAPABILITIES, VERSIONED
from controller.domain.desired import DesiredFlow
from controller.domain.errors import (
    AmbiguousFlow,
    CapabilityMissing,
    FlowLocked,
    NotFound,
    PenstockError,
    RequestRejected,
    SettingsInvalid,
    Transient,
)
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
from controller.domain.references import FlowReference
from controller.domain.traces import ActionTraceRequest, TraceRequest
from controller.domain.versions import VersionInfo
from controller.genesys.transport import Transport
from controller.genesys.versioned import debugging, live, publish, traces
from controller.genesys.versioned.debugging import StartedDebug
from controller.genesys.versioned.listing import Listing, live_flow, lock_holder
from controller.genesys.versioned.naming import FlowNames
from controller.genesys.versioned.references import references_of
from controller.genesys.versioned.untold import Untold
from controller.genesys.versioned.versions import Versions
from controller.genesys.wire.versioned import FlowEntity, TraceJob


class VersionedPlatform:
    """Implements `Platform`; what it offers beyond is for diagnosis."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport
        transport.dialect = VERSIONED
        self._listing = Listing(transport)
        self._versions = Versions(transport)
        self._untold = Untold(transport)
        self._names = FlowNames()

    def called_by(self, flows: Iterable[DesiredFlow]) -> VersionedPlatform:
        """The same connection, with flows called as these manifests do; one for each revision of them."""
        view = copy(self)
        view._names = FlowNames(flows)  # noqa: SLF001 - its own copy
        return view

    @property
    def dialect(self) -> str:
        return VERSIONED

    @property
    def capabilities(self) -> frozenset[Capability]:
        return CAPABILITIES[VERSIONED]

    @property
    def clock_ahead(self) -> timedelta:
        return self.transport.clock_ahead

    async def organization_id(
        self,
        *,
        priority: Priority = Priority.OBSERVE,  # noqa: ARG002 - the port's signature
    ) -> str | None:
        return None

    async def list_flows(self, *, fresh: bool = False, priority: Priority = Priority.OBSERVE) -> FlowListing:
        """From the last listing where it is not older than the settings allow and nothing was written since."""
        entities = await self._listing.flows(fresh=fresh, priority=priority)
        return FlowListing([self._flow(entity) for entity in entities.values()], complete=self._listing.complete)

    async def get_flow(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        """What is live is certain when the flow's versions and the listing agree; both are read again when not.

        Only the listing tells of locks: it is read anew while it shows one, and after every 409.
        """
        for fresh in (False, True):
            entity = await self._listed(flow_id, fresh=fresh, priority=priority)
            try:
                versions = await self._versions.read(flow_id, priority)
            except NotFound:
                versions = None
            if live.agree(entity, versions, fresh=fresh):
                return live.flow_of(entity, versions, self._names)
        raise live.undetermined(flow_id, entity, versions)

    def _flow(self, entity: FlowEntity) -> LiveFlow:
        return live_flow(entity, self._names)

    async def _listed(self, flow_id: str, *, fresh: bool, priority: Priority) -> FlowEntity | None:
        entity = (await self._listing.flows(fresh=fresh, priority=priority)).get(flow_id)
        if entity is not None and not fresh and lock_holder(entity) is not None:
            return await self._listed(flow_id, fresh=True, priority=priority)
        return entity

    async def get_flows(
        self, flow_ids: Collection[str], *, priority: Priority = Priority.OBSERVE
    ) -> Mapping[str, LiveFlow]:
        entities = await self._listing.flows(priority=priority) if flow_ids else {}
        return {flow_id: self._flow(entities[flow_id]) for flow_id in flow_ids if flow_id in entities}

    def listed_definition(self, flow: LiveFlow) -> Mapping[str, object] | None:
        """The definition that the last listing holds of a flow: of what is live, or else of its newest version."""
        return self._listing.definition(flow.id, flow.published_version or flow.checked_in_version)

    async def changed_since(
        self,
        since: datetime,  # noqa: ARG002 - the port's signature
        *,
        priority: Priority = Priority.OBSERVE,  # noqa: ARG002 - the port's signature
    ) -> Sequence[LiveFlow]:
        _missing(Capability.CHANGED_SINCE)

    async def find_flow(self, key: FlowKey, *, priority: Priority = Priority.PUBLISH) -> LiveFlow | None:
        entities = await self._listing.flows(fresh=True, priority=priority)
        found = [flow for flow in map(self._flow, entities.values()) if flow.key == key]
        if len(found) > 1:
            ids = ", ".join(sorted(flow.id for flow in found))
            raise AmbiguousFlow(
                f"{key}: {len(found)} flows carry this type and name ({ids})", hint="rename all but one"
            )
        return found[0] if found else None

    async def last_change(self, flow_id: str) -> HandChange | None:  # noqa: ARG002 - the port's signature
        return None

    async def versions(self, flow_id: str, *, priority: Priority = Priority.OBSERVE) -> Sequence[VersionInfo]:
        return await self._versions.read(flow_id, priority)

    async def references(self, flow_id: str, version: str) -> Sequence[FlowReference]:
        listed = self._listing.definition(flow_id, version)
        if listed is not None:
            return references_of(listed)
        return references_of(await self._versions.definition(flow_id, version, Priority.OBSERVE))

    def publish_payload(self, request: PublishRequest) -> Mapping[str, object]:
        return publish.publish_body(request)

    async def validate(self, flow_id: str, version: str) -> ValidationReport:
        return await self._versions.validate(flow_id, version)

    async def progress(self, ticket: Ticket, *, priority: Priority = Priority.PUBLISH) -> Progress:
        if ticket.kind is TicketKind.DONE:
            return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=ticket.flow_id)
        if ticket.kind is not TicketKind.PUBLISH:
            raise SettingsInvalid(f"a ticket of kind {ticket.kind} belongs to another dialect than {VERSIONED}")
        seen = await publish.progress(self.transport, self._versions, ticket, priority)
        if seen.finished:
            self._listing.drop()
        return seen

    async def running_publish(
        self, flow_id: str, version: str, *, priority: Priority = Priority.PUBLISH
    ) -> Ticket | None:
        return await publish.running_publish(self.transport, self._versions, flow_id, version, priority)

    async def export(self, flow_id: str, version: str, *, priority: Priority = Priority.EXPORT) -> Export:
        return await self._versions.export(flow_id, version, priority)

    def executions(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        request = TraceRequest(since, until, flow_id, version)
        return self._untold.resolved(traces.executions(self.transport, self._versions, request))

    def found_executions(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that a request asks for, in no order; their ids are those of their traces."""
        return traces.found(self.transport, self._versions, request)

    async def recording(self, flow_id: str) -> Recording:  # noqa: ARG002 - the port's signature
        return Recording()

    async def trace(self, trace_id: str) -> Mapping[str, Any]:
        """One trace's header as it was answered. Raises NotFound."""
        return await traces.trace(self.transport, trace_id)

    def trace_steps(self, trace_id: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The steps of one trace in order, page by page."""
        return traces.trace_steps(self.transport, trace_id)

    async def start_debug(self, request: ActionTraceRequest) -> StartedDebug:
        """Start tracing an action's invocation; the job to poll, or what it found already."""
        return await debugging.start_debug(self.transport, request)

    async def finished_debug_job(
        self, job_id: str, *, timeout_s: float = 300.0, just_started: bool = False
    ) -> TraceJob:
        """The job when it has ended; one that was just started may not be found yet.

        Raises ServerFault when it does not end in time; every error names the job.
        """
        return await debugging.finished_debug_job(self.transport, job_id, timeout_s, just_started=just_started)

    async def publish(self, request: PublishRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket:
        writing = publish.publish(self.transport, self._versions, request, priority)
        return await self._write(request.flow_id, writing, priority)

    async def switch(self, request: SwitchRequest, *, priority: Priority = Priority.PUBLISH) -> Ticket:
        """Already there is success without a write; where it is not certain, the switch is sent: it changes nothing."""
        if await self._is_live(request.flow_id, request.version, priority):
            return publish.switched(request)
        writing = publish.switch(self.transport, self._versions, request, priority)
        return await self._write(request.flow_id, writing, priority)

    async def _is_live(self, flow_id: str, version: str, priority: Priority) -> bool:
        try:
            flow = await self.get_flow(flow_id, priority=priority)
        except Transient:
            return False
        return flow is not None and flow.published_version == version

    async def _write(self, flow_id: str, write: Coroutine[Any, Any, Ticket], priority: Priority) -> Ticket:
        """Whatever comes of a write, what was listed before no longer holds."""
        try:
            return await write
        except RequestRejected as error:
            if error.status != 409:
                raise
            raise await self._locked(flow_id, error, priority) from error
        finally:
            self._listing.drop()

    async def _locked(self, flow_id: str, error: RequestRejected, priority: Priority) -> FlowLocked:
        """Another deployment runs, or somebody holds the flow: then the listing tells who."""
        try:
            entity = (await self._listing.flows(fresh=True, priority=priority)).get(flow_id)
        except PenstockError:
            entity = None
        holder = lock_holder(entity) if entity else None
        if holder is None:
            return FlowLocked(f"flow {flow_id} is busy: {error.message}")
        since = f" since {holder.since.isoformat()}" if holder.since else ""
        return FlowLocked(
            f"flow {entity.name if entity else flow_id} ({flow_id}) is locked by {holder.name}{since}",
            holder=holder.name,
            hint="ask for the lock to be released, or set onLocked: wait",
        )

    async def register_upload(self, *, priority: Priority = Priority.PUBLISH) -> UploadSlot:  # noqa: ARG002 - the port's signature
        _missing(Capability.PUBLISH_SOURCE)

    async def upload(
        self,
        slot: UploadSlot,  # noqa: ARG002 - the port's signature
        text: str,  # noqa: ARG002 - the port's signature
        *,
        priority: Priority = Priority.PUBLISH,  # noqa: ARG002 - the port's signature
    ) -> None:
        _missing(Capability.PUBLISH_SOURCE)

    async def unlock(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> LiveFlow:  # noqa: ARG002
        _missing(Capability.UNLOCK)

    async def unpublish(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None:  # noqa: ARG002
        _missing(Capability.UNPUBLISH)

    async def delete(self, flow_id: str, *, priority: Priority = Priority.PUBLISH) -> None:  # noqa: ARG002
        _missing(Capability.DELETE)

    async def launch(self, flow_id: str, version: str, inputs: Mapping[str, object]) -> Launch:  # noqa: ARG002
        _missing(Capability.LAUNCH)

    async def launch_state(self, launch_id: str) -> Launch:  # noqa: ARG002 - the port's signature
        _missing(Capability.LAUNCH)

    def flow_events(
        self,
        flow_ids: Collection[str],  # noqa: ARG002 - the port's signature
        *,
        on_open: Callable[[], None] | None = None,  # noqa: ARG002 - the port's signature
    ) -> AsyncIterator[FlowEvent]:
        _missing(Capability.NOTIFICATIONS)

    def execution_events(self, flow_ids: Collection[str]) -> AsyncIterator[ExecutionEvent]:  # noqa: ARG002
        _missing(Capability.NOTIFICATIONS)

    async def aclose(self) -> None:
        await self.transport.aclose()


def _missing(capability: Capability) -> NoReturn:
    raise CapabilityMissing(
        f"the versioned dialect cannot do {capability.value.replace('_', ' ')}", hint=ALTERNATIVES.get(capability)
    )
