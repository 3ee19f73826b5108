"""Publishes in stages and switches atomically, with a proof of the switch."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Mapping
from contextlib import asynccontextmanager

from controller.domain.capabilities import VERSIONED
from controller.domain.errors.branches import PenstockError, Transient
from controller.domain.errors.change import FlowLocked, NoSuchVersion, PublishFailed
from controller.domain.errors.organization import BadAnswer, NotFound, RequestRejected
from controller.domain.errors.process import SettingsInvalid
from controller.domain.excerpt import excerpt
from controller.domain.platform import (
    FailureCause,
    Priority,
    Progress,
    ProgressState,
    PublishRequest,
    SwitchRequest,
    Ticket,
    TicketKind,
)
from controller.domain.redaction import SECRETS
from controller.genesys.call import ApiCall
from controller.genesys.part import PlatformPart, conflicts_as, locked_by
from controller.genesys.transport import Transport
from controller.genesys.versioned.flows import VersionedFlows
from controller.genesys.versioned.listing import CachedListing, lock_holder
from controller.genesys.versioned.versions import ROUTED, VERSION, VersionDirectory
from controller.genesys.wire.versioned import PublishAccepted, PublishError, PublishStatus, RoutedFlow

_BAD_REQUEST = 400
_STATES = {
    "queued": ProgressState.QUEUED,
    "publishing": ProgressState.RUNNING,
    "completed": ProgressState.SUCCEEDED,
    "failed": ProgressState.FAILED,
    "cancelled": ProgressState.CANCELLED,
}

_ALL_TRAFFIC = {"percentage": 100, "durationMinutes": 0}


class VersionedPublishing(PlatformPart):
    """Implements `Publishing`."""

    def __init__(
        self, transport: Transport, flows: VersionedFlows, listing: CachedListing, versions: VersionDirectory
    ) -> None:
        super().__init__(transport)
        self._flows = flows
        self._listing = listing
        self._versions = versions

    async def publish(self, request: PublishRequest) -> Ticket:
        """Start the publish of a version, at once or in stages (P2). Raises NoSuchVersion, FlowLocked, AnswerLost."""
        priority = self._usually(Priority.PUBLISH)
        async with self._writing(request.flow_id, priority):
            path = await self._versions.path(request.flow_id, request.version, priority)
            call = ApiCall("POST", f"{VERSION}/publish", path, body=publish_body(request), priority=priority)
            accepted = await self._transport.fetch(call, PublishAccepted)
        return Ticket(TicketKind.PUBLISH, accepted.publish_id, request.flow_id, request.version)

    async def switch(self, request: SwitchRequest) -> Ticket:
        """Route calls to a version in one step (S2, S3), by its id, or by its number if the id is unknown.

        A version that is certainly live succeeds without a write; else a switch is harmless. Raises NoSuchVersion,
        FlowLocked, RequestRejected, and PublishFailed when the answer does not prove the switch.
        """
        priority = self._usually(Priority.PUBLISH)
        if await self._is_live(request.flow_id, request.version, priority):
            return _done(request)
        async with self._writing(request.flow_id, priority):
            version_id = await self._versions.id_of(request.flow_id, request.version, priority)
            try:
                routed = await self._route(request, version_id, priority)
            except RequestRejected as error:
                # The switch had no effect. The document's example sends an id, but a number may be meant as well.
                if error.status != _BAD_REQUEST or version_id == request.version:
                    raise
                routed = await self._route(request, request.version, priority)
        if routed.id != request.flow_id or routed.version not in (version_id, request.version):
            raise PublishFailed(
                f"switching flow {request.flow_id} to version {request.version}: the organisation answered with version"
                f" {routed.version} of flow {routed.id}",
                hint="read the live version again; a rollback follows where the manifest asks for it",
            )
        return _done(request)

    def payload(self, request: PublishRequest) -> Mapping[str, object]:
        return publish_body(request)

    async def progress(self, ticket: Ticket) -> Progress:
        if ticket.kind is TicketKind.DONE:
            return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=ticket.flow_id)
        if ticket.kind is not TicketKind.PUBLISH:
            raise SettingsInvalid(f"a ticket of kind {ticket.kind} belongs to another dialect than {VERSIONED}")
        priority = self._usually(Priority.PUBLISH)
        path = await self._versions.path(ticket.flow_id or "", ticket.version or "", priority)
        call = ApiCall("GET", f"{VERSION}/publishstatus", path, priority=priority)
        progress = _progress(call, ticket, await self._transport.fetch(call, PublishStatus))
        if progress.finished:
            self._listing.drop()
        return progress

    async def running(self, flow_id: str, version: str) -> Ticket | None:
        """The running publish of the version; None if there is none or the flow or version is gone."""
        priority = self._usually(Priority.PUBLISH)
        try:
            path = await self._versions.path(flow_id, version, priority)
            call = ApiCall("GET", f"{VERSION}/publishstatus", path, priority=priority)
            status = await self._transport.fetch(call, PublishStatus)
        except (NotFound, NoSuchVersion):
            return None
        if _STATES.get(status.status.lower()) not in (ProgressState.QUEUED, ProgressState.RUNNING):
            return None
        return Ticket(TicketKind.PUBLISH, status.publish_id or "", flow_id, version)

    def _route(self, request: SwitchRequest, version: str, priority: Priority) -> Awaitable[RoutedFlow]:
        body = {"version": version, "description": _description(request)}
        call = ApiCall("PUT", ROUTED, {"flowId": request.flow_id}, body=body, priority=priority, repeatable=True)
        return self._transport.fetch(call, RoutedFlow)

    async def _is_live(self, flow_id: str, version: str, priority: Priority) -> bool:
        try:
            flow = await self._flows.at(priority).get(flow_id)
        except Transient:
            return False
        return flow is not None and flow.published_version == version

    @asynccontextmanager
    async def _writing(self, flow_id: str, priority: Priority) -> AsyncIterator[None]:
        """Turn a 409 into FlowLocked. Every write, even a failed one, makes the listing stale."""
        try:
            async with conflicts_as(lambda error: self._locked(flow_id, error, priority)):
                yield
        finally:
            self._listing.drop()

    async def _locked(self, flow_id: str, error: RequestRejected, priority: Priority) -> FlowLocked:
        """The error for a 409: another deployment runs, or the flow has a holder, whom the listing names."""
        try:
            entity = (await self._listing.flows(fresh=True, priority=priority)).get(flow_id)
        except PenstockError:
            entity = None
        holder = lock_holder(entity) if entity else None
        if entity is None or holder is None:
            return FlowLocked(f"flow {flow_id} is busy: {error.message}")
        name = f"{entity.name} ({flow_id})"
        return locked_by(holder, name, "ask for the lock to be released, or set onLocked: wait")


def publish_body(request: PublishRequest) -> Mapping[str, object]:
    """The body of a publish: durations of stages in minutes; a publish without stages sends one stage with all traffic.

    The hash is sent only where there is one.
    """
    metadata = dict(request.metadata) | ({"reason": SECRETS.text(request.reason)} if request.reason else {})
    body: dict[str, object] = {"publishType": "standard", "metadata": metadata}
    if request.dependency_digest:
        body["dependencyValidationHash"] = request.dependency_digest
    stages = [{"percentage": one.percentage, "durationMinutes": _minutes(one.duration_s)} for one in request.stages]
    body["rolloutConfig"] = {"staged": bool(stages), "stages": stages or [_ALL_TRAFFIC]}
    return body


def _minutes(seconds: float) -> float | int:
    minutes = seconds / 60
    return int(minutes) if minutes == int(minutes) else minutes


def _done(request: SwitchRequest) -> Ticket:
    """A switch takes effect at once."""
    return Ticket(TicketKind.DONE, "", request.flow_id, request.version)


def _description(request: SwitchRequest) -> str:
    """It names the version to go back to, for people who roll back in the user interface."""
    parts = [SECRETS.text(request.reason)] if request.reason else []
    if request.rollback_to:
        parts.append(f"rollback to {request.rollback_to}")
    return "; ".join(parts)


def _progress(call: ApiCall, ticket: Ticket, status: PublishStatus) -> Progress:
    """The state of a publish (P5). Raises BadAnswer for an unknown status."""
    state = _STATES.get(status.status.lower())
    if state is None:
        raise BadAnswer(f"{call.name}: {status.status!r} is no status of a publish")
    if status.publish_id and ticket.id and status.publish_id != ticket.id:
        return _superseded(ticket, status.publish_id)
    return Progress(
        state,
        percent=status.progress_percent,
        stage=None if status.current_stage is None else str(status.current_stage),
        eta_s=status.estimated_time_remaining_seconds,
        messages=tuple(excerpt(_message(error)) for error in status.errors or []),
        cause=FailureCause.CONTENT if status.errors else FailureCause.UNKNOWN,
        flow_id=ticket.flow_id,
    )


def _superseded(ticket: Ticket, other: str) -> Progress:
    return Progress(
        ProgressState.CANCELLED,
        messages=(f"another publish of this version ({other}) took the place of {ticket.id}",),
        flow_id=ticket.flow_id,
    )


def _message(error: PublishError | str) -> str:
    if isinstance(error, str):
        return error
    return " ".join(part for part in (error.code, error.message) if part) or "no message"
