"""Writes to existing flows: publish a version, unlock, unpublish, delete; and how a publish stands."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from controller.domain.errors import (
    FlowLocked,
    NoSuchVersion,
    NotFound,
    PublishFailed,
    PublishUnexplained,
    RequestRejected,
)
from controller.domain.live import LiveFlow
from controller.domain.platform import FailureCause, Priority, Progress, ProgressState, Ticket, TicketKind
from controller.genesys.architect.flows import FLOW, live_flow, lock_holder, read_flow
from controller.genesys.call import Call
from controller.genesys.excerpt import excerpt
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Flow, Operation

T = TypeVar("T")

_ACTIONS = "/api/v2/flows/actions"
_PUBLISH = "PUBLISH"
"""`actionName` of a publish."""
_LOCK_RETRY_S = 15.0


async def publish(transport: Transport, flow_id: str, version: str, priority: Priority) -> Ticket:
    """Publish a version that exists. The API's 200 proves nothing: follow the ticket, then read the flow.

    Raises FlowLocked, NoSuchVersion, NotFound, PublishFailed, PublishUnexplained, AnswerLost.
    """
    call = Call("POST", f"{_ACTIONS}/publish", query={"flow": flow_id, "version": version}, body={}, priority=priority)
    try:
        operation = await _unless_locked(transport, flow_id, priority, lambda: transport.fetch(call, Operation))
    except NotFound as error:
        if "version" in f"{error.api_code} {error.message.partition(': ')[2]}".lower():
            raise NoSuchVersion(f"flow {flow_id} has no version {version}: {error.message}") from error
        raise
    if operation.complete and operation.failed:
        words = _words(operation)
        told = f"publishing version {version} of flow {flow_id} failed: {'; '.join(words) or 'no reason given'}"
        raise PublishFailed(told) if words else PublishUnexplained(told)
    return Ticket(TicketKind.OPERATION, operation.id, flow_id, version)


async def operation_progress(transport: Transport, ticket: Ticket, priority: Priority) -> Progress:
    """How a publish stands: the flow's current operation, or the published version that has already moved."""
    flow = await read_flow(transport, ticket.flow_id or "", priority)
    if flow is None:
        return Progress(ProgressState.RUNNING, messages=("the flow is not found",), flow_id=ticket.flow_id)
    live = flow.published_version.id if flow.published_version else None
    operation = flow.current_operation
    if operation is None or operation.id != ticket.id:
        if ticket.version is not None and live == ticket.version:
            return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=flow.id)
        return Progress(
            ProgressState.RUNNING, stage=None, messages=("the flow does not show this operation",), flow_id=flow.id
        )
    if operation.failed:
        words = _words(operation)
        cause = FailureCause.CONTENT if words else FailureCause.UNKNOWN
        return Progress(ProgressState.FAILED, messages=words, cause=cause, flow_id=flow.id)
    if not operation.complete:
        return Progress(ProgressState.RUNNING, stage=operation.action_status, flow_id=flow.id)
    moved = ticket.version is None or live == ticket.version
    words = () if moved else (f"the operation ended well, but version {live} is live instead of {ticket.version}",)
    return Progress(ProgressState.SUCCEEDED, percent=100.0, messages=words, flow_id=flow.id)


async def running_publish(transport: Transport, flow_id: str, version: str, priority: Priority) -> Ticket | None:
    """The publish that runs on the flow; which version it is for, the flow does not tell."""
    flow = await read_flow(transport, flow_id, priority)
    operation = flow.current_operation if flow else None
    if operation is None or operation.complete or operation.action_name != _PUBLISH:
        return None
    return Ticket(TicketKind.OPERATION, operation.id, flow_id, version)


async def unlock(transport: Transport, flow_id: str, priority: Priority) -> LiveFlow:
    """Break the lock. The organisation checks in the holder's saved changes: that makes a new version."""
    call = Call("POST", f"{_ACTIONS}/unlock", query={"flow": flow_id}, body={}, priority=priority)
    return live_flow(await transport.fetch(call, Flow))


async def unpublish(transport: Transport, flow_id: str, priority: Priority) -> None:
    """Take the flow out of use; its versions stay."""
    call = Call("POST", f"{_ACTIONS}/deactivate", query={"flow": flow_id}, body={}, priority=priority)
    await _unless_locked(transport, flow_id, priority, lambda: transport.send(call))


async def delete(transport: Transport, flow_id: str, priority: Priority) -> None:
    """Delete the flow; that it is gone already is no error."""
    call = Call("DELETE", FLOW, {"flowId": flow_id}, priority=priority, repeatable=True)
    try:
        await _unless_locked(transport, flow_id, priority, lambda: transport.send(call))
    except NotFound:
        return


async def _unless_locked(
    transport: Transport, flow_id: str, priority: Priority, write: Callable[[], Awaitable[T]]
) -> T:
    """A 409 becomes FlowLocked with the holder's name, read from the flow: the error body does not tell it."""
    try:
        return await write()
    except RequestRejected as error:
        if error.status != 409:
            raise
        raise await _locked(transport, flow_id, priority, error) from error


async def _locked(transport: Transport, flow_id: str, priority: Priority, error: RequestRejected) -> FlowLocked:
    flow = await read_flow(transport, flow_id, priority)
    holder = lock_holder(flow) if flow else None
    name = f"{flow.name} ({flow_id})" if flow else flow_id
    if holder is None:
        return FlowLocked(f"flow {name} is busy: {error.message}", retry_after_s=_LOCK_RETRY_S)
    since = f" since {holder.since.isoformat()}" if holder.since else ""
    return FlowLocked(
        f"flow {name} is locked by {holder.name}{since}",
        holder=holder.name,
        retry_after_s=_LOCK_RETRY_S,
        hint="ask for the lock to be released, or set onLocked: wait or unlock",
    )


def _words(operation: Operation) -> tuple[str, ...]:
    return tuple(excerpt(text) for text in operation.messages)
