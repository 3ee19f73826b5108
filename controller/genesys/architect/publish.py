"""Writes to existing flows: publish a version, unlock, unpublish, delete; and the progress of a publish."""

from __future__ import annotations

from collections.abc import Coroutine, Mapping
from contextlib import AbstractAsyncContextManager
from typing import Any

from controller.domain.capabilities import ARCHITECT
from controller.domain.errors.change import FlowLocked, NoSuchVersion, PublishFailed, PublishUnexplained
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import NotFound, RequestRejected
from controller.domain.errors.process import SettingsInvalid
from controller.domain.excerpt import excerpt
from controller.domain.live import LiveFlow
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
from controller.genesys.architect.flows import FLOW, live_flow, lock_holder, read_flow
from controller.genesys.architect.upload import upload_progress
from controller.genesys.call import ApiCall
from controller.genesys.part import PlatformPart, conflicts_as, locked_by
from controller.genesys.wire.architect import WireFlow, WireOperation

_ACTIONS = "/api/v2/flows/actions"
_PUBLISH = "PUBLISH"
"""The `actionName` of a publish."""


class _FlowWrites(PlatformPart):
    """The common base of writes to one flow."""

    def _unless_locked(self, flow_id: str, priority: Priority) -> AbstractAsyncContextManager[None]:
        """Turn a 409 into FlowLocked with the holder's name, read from the flow because the error body lacks it."""
        return conflicts_as(lambda error: self._locked(flow_id, priority, error))

    async def _locked(self, flow_id: str, priority: Priority, error: RequestRejected) -> FlowLocked:
        flow = await read_flow(self._transport, flow_id, priority)
        holder = lock_holder(flow) if flow else None
        name = f"{flow.name} ({flow_id})" if flow else flow_id
        if holder is None:
            return FlowLocked(f"flow {name} is busy: {error.message}")
        return locked_by(holder, name, "ask for the lock to be released, or set onLocked: wait or unlock")


class ArchitectPublishing(_FlowWrites):
    """Implements `Publishing`. A switch is a publish of a version that was published before."""

    async def publish(self, request: PublishRequest) -> Ticket:
        """Publish an existing version. The API's 200 proves nothing: follow the ticket, then read the flow.

        Raises FlowLocked, NoSuchVersion, NotFound, PublishFailed, PublishUnexplained, AnswerLost, CapabilityMissing.
        """
        if request.stages:
            raise CapabilityMissing("the architect dialect has no percentage rollout", hint="use waves and bake time")
        flow_id, version, priority = request.flow_id, request.version, self._usually(Priority.PUBLISH)
        query = {"flow": flow_id, "version": version}
        call = ApiCall("POST", f"{_ACTIONS}/publish", query=query, body={}, priority=priority)
        try:
            async with self._unless_locked(flow_id, priority):
                operation = await self._transport.fetch(call, WireOperation)
        except NotFound as error:
            if "version" in f"{error.api_code} {error.message.partition(': ')[2]}".lower():
                raise NoSuchVersion(f"flow {flow_id} has no version {version}: {error.message}") from error
            raise
        if operation.complete and operation.failed:
            words = _words(operation)
            failure = f"publishing version {version} of flow {flow_id} failed: {'; '.join(words) or 'no reason given'}"
            raise PublishFailed(failure) if words else PublishUnexplained(failure)
        return Ticket(TicketKind.OPERATION, operation.id, flow_id, version)

    async def switch(self, request: SwitchRequest) -> Ticket:
        return await self.publish(PublishRequest(request.flow_id, request.version))

    def payload(self, request: PublishRequest) -> Mapping[str, object]:
        """The request contains only the version; its body is empty."""
        return {"flow": request.flow_id, "version": request.version}

    def progress(self, ticket: Ticket) -> Coroutine[Any, Any, Progress]:
        priority = self._usually(Priority.PUBLISH)
        match ticket.kind:
            case TicketKind.JOB:
                return upload_progress(self._transport, ticket, priority)
            case TicketKind.OPERATION:
                return self._operation_progress(ticket, priority)
            case TicketKind.DONE:
                return _done(ticket)
            case _:
                raise SettingsInvalid(f"a ticket of kind {ticket.kind} belongs to another dialect than {ARCHITECT}")

    async def running(self, flow_id: str, version: str) -> Ticket | None:
        """The publish that is running on the flow. The flow does not show its version."""
        flow = await read_flow(self._transport, flow_id, self._usually(Priority.PUBLISH))
        operation = flow.current_operation if flow else None
        if operation is None or operation.complete or operation.action_name != _PUBLISH:
            return None
        return Ticket(TicketKind.OPERATION, operation.id, flow_id, version)

    async def _operation_progress(self, ticket: Ticket, priority: Priority) -> Progress:
        """By the flow's current operation, or by the published version, which may have changed already."""
        flow = await read_flow(self._transport, ticket.flow_id or "", priority)
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


class ArchitectLocks(PlatformPart):
    """Implements `Locks`."""

    async def unlock(self, flow_id: str) -> LiveFlow:
        """Break the lock. The organisation checks in the holder's saved changes as a new version."""
        priority = self._usually(Priority.PUBLISH)
        call = ApiCall("POST", f"{_ACTIONS}/unlock", query={"flow": flow_id}, body={}, priority=priority)
        return live_flow(await self._transport.fetch(call, WireFlow))


class ArchitectRemoval(_FlowWrites):
    """Implements `Removal`."""

    async def unpublish(self, flow_id: str) -> None:
        """Take the flow out of use; its versions stay."""
        priority = self._usually(Priority.PUBLISH)
        call = ApiCall("POST", f"{_ACTIONS}/deactivate", query={"flow": flow_id}, body={}, priority=priority)
        async with self._unless_locked(flow_id, priority):
            await self._transport.send(call)

    async def delete(self, flow_id: str) -> None:
        """Delete the flow. A flow that is already gone is not an error."""
        priority = self._usually(Priority.PUBLISH)
        call = ApiCall("DELETE", FLOW, {"flowId": flow_id}, priority=priority, repeatable=True)
        try:
            async with self._unless_locked(flow_id, priority):
                await self._transport.send(call)
        except NotFound:
            return


async def _done(ticket: Ticket) -> Progress:
    return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=ticket.flow_id)


def _words(operation: WireOperation) -> tuple[str, ...]:
    return tuple(excerpt(text) for text in operation.messages)
