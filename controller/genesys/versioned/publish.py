"""Publishing in stages, and the atomic switch with its proof."""

from __future__ import annotations

from collections.abc import Mapping

from controller.domain.errors import BadAnswer, NoSuchVersion, NotFound, PublishFailed, RequestRejected
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
from controller.genesys.call import Call
from controller.genesys.excerpt import excerpt
from controller.genesys.transport import Transport
from controller.genesys.versioned.versions import ROUTED, VERSION, Versions
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


async def publish(transport: Transport, versions: Versions, request: PublishRequest, priority: Priority) -> Ticket:
    """Start publishing a version, all at once or in stages (P2).

    Raises NoSuchVersion, AnswerLost, and RequestRejected with status 409 while the flow is busy or locked.
    """
    path = await versions.path(request.flow_id, request.version, priority)
    call = Call("POST", f"{VERSION}/publish", path, body=publish_body(request), priority=priority)
    accepted = await transport.fetch(call, PublishAccepted)
    return Ticket(TicketKind.PUBLISH, accepted.publish_id, request.flow_id, request.version)


def publish_body(request: PublishRequest) -> Mapping[str, object]:
    """What is sent: durations of stages in minutes, all traffic as the one stage of a publish that is not staged.

    The hash only where there is one.
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


async def progress(transport: Transport, versions: Versions, ticket: Ticket, priority: Priority) -> Progress:
    """How a publish stands (P5)."""
    path = await versions.path(ticket.flow_id or "", ticket.version or "", priority)
    call = Call("GET", f"{VERSION}/publishstatus", path, priority=priority)
    status = await transport.fetch(call, PublishStatus)
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
        messages=tuple(excerpt(_told(error)) for error in status.errors or []),
        cause=FailureCause.CONTENT if status.errors else FailureCause.UNKNOWN,
        flow_id=ticket.flow_id,
    )


async def running_publish(
    transport: Transport, versions: Versions, flow_id: str, version: str, priority: Priority
) -> Ticket | None:
    """The publish of the version that has not ended; none where the flow or its version is gone."""
    try:
        path = await versions.path(flow_id, version, priority)
        status = await transport.fetch(Call("GET", f"{VERSION}/publishstatus", path, priority=priority), PublishStatus)
    except (NotFound, NoSuchVersion):
        return None
    if _STATES.get(status.status.lower()) not in (ProgressState.QUEUED, ProgressState.RUNNING):
        return None
    return Ticket(TicketKind.PUBLISH, status.publish_id or "", flow_id, version)


async def switch(transport: Transport, versions: Versions, request: SwitchRequest, priority: Priority) -> Ticket:
    """Let calls go to a version, in one step (S2, S3), told by its id; by its number where no such id is known.

    Raises NoSuchVersion, RequestRejected with status 409 while the flow is busy or locked, and PublishFailed when the
    answer does not prove the switch.
    """
    version_id = await versions.id_of(request.flow_id, request.version, priority)
    try:
        routed = await _route(transport, request, version_id, priority)
    except RequestRejected as error:
        # It did nothing. The document's example sends an id; that a number is meant is possible, too.
        if error.status != _BAD_REQUEST or version_id == request.version:
            raise
        routed = await _route(transport, request, request.version, priority)
    if routed.id != request.flow_id or routed.version not in (version_id, request.version):
        raise PublishFailed(
            f"switching flow {request.flow_id} to version {request.version}: the organisation answered with version"
            f" {routed.version} of flow {routed.id}",
            hint="what is live has to be read again; a rollback follows where the manifest asks for it",
        )
    return switched(request)


async def _route(transport: Transport, request: SwitchRequest, version: str, priority: Priority) -> RoutedFlow:
    body = {"version": version, "description": _description(request)}
    call = Call("PUT", ROUTED, {"flowId": request.flow_id}, body=body, priority=priority, repeatable=True)
    return await transport.fetch(call, RoutedFlow)


def switched(request: SwitchRequest) -> Ticket:
    """The ticket of a switch, which takes effect at once."""
    return Ticket(TicketKind.DONE, "", request.flow_id, request.version)


def _description(request: SwitchRequest) -> str:
    """It carries what to go back to, for people who have to do it by hand."""
    parts = [SECRETS.text(request.reason)] if request.reason else []
    if request.rollback_to:
        parts.append(f"rollback to {request.rollback_to}")
    return "; ".join(parts)


def _superseded(ticket: Ticket, other: str) -> Progress:
    return Progress(
        ProgressState.CANCELLED,
        messages=(f"another publish of this version ({other}) took the place of {ticket.id}",),
        flow_id=ticket.flow_id,
    )


def _told(error: PublishError | str) -> str:
    if isinstance(error, str):
        return error
    return " ".join(part for part in (error.code, error.message) if part) or "no message"
