"""Reads of the past: syncs, the history of versions, the audit log, actions."""

from __future__ import annotations

import asyncio
from datetime import datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.domain.errors.process import SettingsInvalid
from controller.questions.action_document import ActionDocument
from controller.questions.audit_document import AuditLogDocument
from controller.questions.audit_log import audit_page
from controller.questions.history_document import HistoryDocument, organization_history_document
from controller.questions.history_reading import HistoryChoice, OrganizationHistory, organization_history
from controller.questions.steering import action_document
from controller.questions.sync_document import SyncDocument, SyncsDocument
from controller.questions.sync_log import sync_detail, sync_page
from controller.service.access.person import Role
from controller.service.api.answers import answer
from controller.service.api.entrance import Entrance, organization_of
from controller.service.api.inputs import (
    ActionId,
    At,
    AuditParameters,
    Before,
    FlowName,
    Offset,
    OnlyOrganization,
    OrganizationName,
    Since,
    SyncId,
)
from controller.service.api.openapi import described
from controller.service.api.paths import PREFIX
from controller.store.audit_reading import AuditQuery

_MISSING = HTTPStatus.NOT_FOUND
_SyncLimit = Annotated[int, Query(description="How many at most.", ge=1, le=200)]
_StepLimit = Annotated[int, Query(description="How many at most.", ge=1, le=1000)]


class PastReads:
    """Answers from the journal, the audit log, and the records in git."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(dependencies=[Depends(self._entrance.reader)], tags=["past"])
        add, found = router.add_api_route, HTTPStatus.OK
        add("/syncs", self.syncs, responses=described(SyncsDocument, "The page."))
        add("/syncs/{sync}", self.sync, responses=described(SyncDocument, "The sync.", found, _MISSING))
        add("/audit", self.audit, responses=described(AuditLogDocument, "The page."))
        add("/actions/{action}", self.action, responses=described(ActionDocument, "The action.", found, _MISSING))
        history = described(HistoryDocument, "The history.", found, _MISSING, HTTPStatus.BAD_GATEWAY)
        add("/organizations/{organization}/history", self.history, responses=history)
        add("/organizations/{organization}/flows/{flow:whole}/history", self.flow_history, responses=history)
        return router

    def syncs(
        self,
        request: Request,
        organization: OnlyOrganization = None,
        before: Before = None,
        limit: _SyncLimit = 50,
    ) -> Response:
        """Syncs, newest first."""
        names = self._entrance.histories(request, organization)
        return answer(sync_page(self._entrance.store, names, limit=limit, before=before))

    def sync(self, request: Request, sync: SyncId, limit: _StepLimit = 200, offset: Offset = 0) -> Response:
        """One sync with a page of its changes and the calls that they made."""
        found = self._entrance.store.sync_list.find(sync)
        if found is None:
            raise UnknownResource(f"there is no sync {sync}", hint="GET /api/v1/syncs")
        self._entrance.access.require(request, Role.READ, organization_of(found.sync.organization))
        return answer(sync_detail(self._entrance.store, found, limit=limit, offset=offset))

    def audit(self, request: Request, query: Annotated[AuditParameters, Query()]) -> Response:
        """Entries of the audit log, newest first."""
        chosen = AuditQuery(
            organizations=self._entrance.histories(request, query.organization),
            since=query.since,
            until=query.until,
            action=query.action,
            flow=query.flow,
            actor=query.actor,
            before=query.before,
        )
        return answer(audit_page(self._entrance.store, chosen, query.limit))

    def action(self, request: Request, action: ActionId) -> Response:
        """An action and its result."""
        found = self._entrance.store.actions.get(action)
        if found is None:
            raise UnknownResource(f"there is no action {action}", hint="GET /api/v1/organizations/NAME")
        self._entrance.access.require(request, Role.READ, found.organization)
        return answer(action_document(found))

    def history(self, organization: OrganizationName, at: At = None, since: Since = None) -> Response:
        """Which version of each flow was live when, from git and the store."""
        return answer(self._history(organization, None, at, since))

    def flow_history(
        self, organization: OrganizationName, flow: FlowName, at: At = None, since: Since = None
    ) -> Response:
        """Which version of a flow was live when, from git and the store; also under a former name or an id."""
        return answer(self._history(organization, flow, at, since))

    def _history(
        self, organization: str, flow: str | None, at: datetime | None, since: datetime | None
    ) -> HistoryDocument:
        described, choice = self._entrance.desired(organization), HistoryChoice(flow, offline=True)
        repository, wanted = described.workspace.repository, described.organization
        # In this thread, with a loop of its own: reading years of history would hold up the passes.
        try:
            found = asyncio.run(organization_history(described.services, repository, wanted, choice))
        except SettingsInvalid as error:
            if flow is None or self._entrance.store.views.flow(organization, flow) is None:
                raise UnknownResource(error.message, hint=f"GET {PREFIX}/organizations/NAME/history") from error
            found = OrganizationHistory(organization, None, None, (), ("the flow was never delivered",))
        return HistoryDocument(at=at, organizations=[organization_history_document(found, at, since)])
