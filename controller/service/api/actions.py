"""What people decide: each with a reason, and refused where the plan is another one than the person saw.

`Access.write` checks the role and writes the audit entry, of what is refused as well.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from controller.domain.identity import FlowKey
from controller.questions.action_document import ActionDocument
from controller.questions.decision_documents import ApprovalDocument, PromotionDocument
from controller.questions.steering import accept, approve, ask, resume, suspend
from controller.questions.suspension_document import SuspensionDocument
from controller.service.access.person import Person
from controller.service.access.writes import RequestedWrite
from controller.service.api.answers import answer
from controller.service.api.entrance import Entrance
from controller.service.api.inputs import (
    Approving,
    FlowOrder,
    IdempotencyKey,
    OrganizationName,
    Reason,
    SyncOrder,
    VersionOrder,
)
from controller.service.api.openapi import Responses, described
from controller.service.api.paths import PREFIX
from controller.store.actions import NewAction, Verb

_FAILS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
_TEXT = {"type": "string"}


class ActionRoutes:
    """Sync, retry and rollback are queued for the controller that holds the lease; the others are done at once."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(prefix="/organizations/{organization}", tags=["actions"])
        too_large = {413: {"description": "The body is too large.", "content": {"text/plain": {"schema": _TEXT}}}}
        queued = too_large | described(ActionDocument, "Queued.", HTTPStatus.ACCEPTED, *_FAILS)
        queued[202]["headers"] = {"Location": {"description": "The path of the action.", "schema": {"type": "string"}}}
        decided = too_large | described(ApprovalDocument, "The approval that holds.", HTTPStatus.OK, *_FAILS)
        accepted = too_large | described(PromotionDocument, "The decision.", HTTPStatus.OK, *_FAILS)
        held = too_large | described(SuspensionDocument, "What holds now.", HTTPStatus.OK, *_FAILS)

        def add(handler: Callable[..., Any], responses: Responses) -> None:
            status = HTTPStatus.ACCEPTED if responses is queued else HTTPStatus.OK
            path = f"/{handler.__name__}"
            router.add_api_route(path, handler, methods=["POST"], responses=responses, status_code=status)

        for handler in (self.sync, self.retry, self.rollback):
            add(handler, queued)
        add(self.approve, decided)
        add(self.accept, accepted)
        add(self.suspend, held)
        add(self.resume, held)
        return router

    async def sync(
        self, request: Request, organization: OrganizationName, body: SyncOrder, idempotency_key: IdempotencyKey
    ) -> Response:
        """Look at the organisation now and deliver its plan; with a digest, that plan and no other."""
        return await self._queued(request, Verb.SYNC, organization, body, idempotency_key)

    async def retry(
        self, request: Request, organization: OrganizationName, body: FlowOrder, idempotency_key: IdempotencyKey
    ) -> Response:
        """Deliver a flow again after its content was rolled back, without a change in git."""
        return await self._queued(request, Verb.RETRY, organization, body, idempotency_key)

    async def rollback(
        self, request: Request, organization: OrganizationName, body: VersionOrder, idempotency_key: IdempotencyKey
    ) -> Response:
        """Bring a flow back to a version that it had; by default to the one delivered before."""
        return await self._queued(request, Verb.ROLLBACK, organization, body, idempotency_key)

    async def approve(self, request: Request, organization: OrganizationName, body: Approving) -> Response:
        """Approve the plan that holds now; the controller then delivers that plan and no other."""

        def carry_out(person: Person) -> ApprovalDocument:
            view = self._entrance.view(organization)
            return approve(self._entrance.window.services, view, body.digest, by=person.name, reason=body.reason)

        return answer(await self._entrance.access.write(request, _write("approve", organization, body), carry_out))

    async def accept(self, request: Request, organization: OrganizationName, body: VersionOrder) -> Response:
        """Accept a live version that its gates could not decide about."""

        def carry_out(person: Person) -> PromotionDocument:
            self._entrance.flow(organization, body.flow)
            described, said = self._entrance.desired(organization), {"by": person.name, "reason": body.reason}
            return accept(described.services, described.organization, body.flow, body.version, **said)

        write = await asyncio.to_thread(self._about, "accept", organization, body)
        return answer(await self._entrance.access.write(request, write, carry_out))

    async def suspend(self, request: Request, organization: OrganizationName, body: Reason) -> Response:
        """Stop new deliveries. A delivery that runs, and every rollback, comes to its end."""

        def carry_out(person: Person) -> SuspensionDocument:
            self._entrance.view(organization)
            return suspend(self._entrance.store, organization, by=person.name, reason=body.reason)

        return answer(await self._entrance.access.write(request, _write("suspend", organization, body), carry_out))

    async def resume(self, request: Request, organization: OrganizationName, body: Reason) -> Response:
        """Let deliveries begin again. What the manifest suspends stays suspended."""

        def carry_out(person: Person) -> SuspensionDocument:
            self._entrance.view(organization)
            return resume(self._entrance.store, organization, by=person.name, reason=body.reason)

        return answer(await self._entrance.access.write(request, _write("resume", organization, body), carry_out))

    async def _queued(self, request: Request, verb: Verb, organization: str, body: Reason, key: str) -> Response:
        def carry_out(person: Person) -> ActionDocument:
            wanted = NewAction(
                organization=organization,
                verb=verb,
                by=person.name,
                reason=body.reason,
                key=key,
                flow=getattr(body, "flow", None),
                digest=getattr(body, "digest", None),
                version=getattr(body, "version", None),
            )
            view = self._entrance.view(organization)
            if wanted.flow is not None:
                self._entrance.flow(organization, wanted.flow)
            return ask(self._entrance.store, view, wanted)

        write = await asyncio.to_thread(self._about, verb.value, organization, body)
        document = await self._entrance.access.write(request, write, carry_out)
        where = {"location": f"{PREFIX}/actions/{document.action.id}"}
        return answer(document, HTTPStatus.ACCEPTED, headers=where)

    def _about(self, verb: str, organization: str, body: Reason) -> RequestedWrite:
        """What is asked for, for the audit log, with the flow as `type/name` where it is known."""
        said: str | None = getattr(body, "flow", None)
        found = None if said is None else self._entrance.store.views.flow(organization, said)
        return _write(verb, organization, body, None if found is None else FlowKey(found.type, found.name))


def _write(verb: str, organization: str, body: Reason, flow: FlowKey | None = None) -> RequestedWrite:
    details = body.model_dump(exclude={"reason"}, exclude_none=True)
    named = None if flow is None else str(flow)
    return RequestedWrite(verb=verb, organization=organization, flow=named, reason=body.reason, details=details)
