"""Reads of the present: organisations, flows, drift, what runs, and what is to be done about it."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from starlette.requests import Request
from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.graphs.document import GraphDocument
from controller.planning.rendering.document_model import PlanDocument
from controller.questions.comparison_document import DiffDocument
from controller.questions.drift_document import OpenDriftsDocument
from controller.questions.live_document import (
    FlowDocument,
    FlowsDocument,
    OrganizationDocument,
    OrganizationsDocument,
    RunningDocument,
)
from controller.questions.live_state import (
    FlowPageChoice,
    flow_now,
    flows_now,
    organization_now,
    organizations_now,
    running_now,
)
from controller.questions.open_drift import drift_now
from controller.questions.stored_plan import plan_now
from controller.service.api.answers import answer
from controller.service.api.differences import Differences
from controller.service.api.entrance import Entrance
from controller.service.api.inputs import FlowName, FlowQuery, OrganizationName
from controller.service.api.openapi import described
from controller.store.flow_filter import FlowFilter

_MISSING = HTTPStatus.NOT_FOUND
_FAILS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY)


class PresentReads:
    """Answers from the live state in the store."""

    def __init__(self, entrance: Entrance) -> None:
        self._entrance = entrance
        self._clock = entrance.window.services.clock

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(dependencies=[Depends(self._entrance.reader)], tags=["state"])
        add = router.add_api_route
        add("/organizations", self.organizations, responses=described(OrganizationsDocument, "The organisations."))
        add(
            "/organizations/{organization}",
            self.organization,
            responses=described(OrganizationDocument, "The organisation.", HTTPStatus.OK, _MISSING),
        )
        add(
            "/organizations/{organization}/flows",
            self.flows,
            responses=described(FlowsDocument, "The page.", HTTPStatus.OK, _MISSING),
        )
        add(
            "/organizations/{organization}/drift",
            self.drift,
            responses=described(OpenDriftsDocument, "The drift.", HTTPStatus.OK, _MISSING),
        )
        add("/running", self.running, responses=described(RunningDocument, "The passes that run."))
        return router

    def flow_router(self) -> APIRouter:
        """The route of one flow, whose name may have slashes: it comes after the routes below it."""
        router = APIRouter(dependencies=[Depends(self._entrance.reader)], tags=["state"])
        router.add_api_route(
            "/organizations/{organization}/flows/{flow:whole}",
            self.flow,
            responses=described(FlowDocument, "The flow.", HTTPStatus.OK, _MISSING),
        )
        return router

    def organizations(self, request: Request) -> Response:
        """The organisations that you may see, as the last pass found them."""
        store, visible = self._entrance.store, self._entrance.visible(request)
        return answer(organizations_now(store, visible, self._clock.now()))

    def organization(self, organization: OrganizationName) -> Response:
        """One organisation, with what people asked of the controller."""
        view = self._entrance.view(organization)
        return answer(organization_now(self._entrance.store, view, self._clock.now()))

    def flows(self, organization: OrganizationName, query: Annotated[FlowQuery, Query()]) -> Response:
        """A page of the managed flows, filtered and sorted."""
        self._entrance.view(organization)
        wanted = FlowFilter(
            search=query.search,
            sync=query.sync,
            health=query.health,
            type=query.type,
            label=query.label,
            change=None if query.change is None else query.change.value,
        )
        choice = FlowPageChoice(wanted, query.sort, query.limit, query.offset)
        return answer(flows_now(self._entrance.store, organization, choice))

    def flow(self, organization: OrganizationName, flow: FlowName) -> Response:
        """One flow: its three states, its open problems, and what runs."""
        view = self._entrance.view(organization)
        found = self._entrance.flow(organization, flow)
        return answer(flow_now(self._entrance.store, view, found, self._clock.now()))

    def drift(self, organization: OrganizationName) -> Response:
        """Drift that has begun and not ended."""
        view = self._entrance.view(organization)
        return answer(drift_now(self._entrance.store, organization, view.kept_as or organization))

    def running(self, request: Request) -> Response:
        """The passes that run, with the changes of their deliveries."""
        store, visible = self._entrance.store, self._entrance.visible(request)
        return answer(running_now(store, visible, self._clock.now()))


class PlanReads:
    """Answers from the plan of the last pass and from the manifests; only differences may ask an organisation."""

    def __init__(self, entrance: Entrance, differences: Differences) -> None:
        self._entrance = entrance
        self._differences = differences

    def router(self) -> APIRouter:
        """The routes."""
        router = APIRouter(dependencies=[Depends(self._entrance.reader)], tags=["plan"])
        add, found = router.add_api_route, HTTPStatus.OK
        add(
            "/organizations/{organization}/plan",
            self.plan,
            responses=described(PlanDocument, "The plan.", found, HTTPStatus.NOT_FOUND),
        )
        add(
            "/organizations/{organization}/graph",
            self.graph,
            responses=described(GraphDocument, "The graph.", found, HTTPStatus.NOT_FOUND),
        )
        add(
            "/organizations/{organization}/flows/{flow:whole}/diff",
            self.diff,
            responses=described(DiffDocument, "The differences.", found, *_FAILS),
        )
        return router

    def plan(self, organization: OrganizationName) -> Response:
        """The plan that the last pass made."""
        view = self._entrance.view(organization)
        plan = plan_now(view)
        if plan is None:
            raise UnknownResource(f"{organization} has no plan: {view.message}")
        return answer(plan)

    def graph(self, organization: OrganizationName) -> Response:
        """Who consumes whom, from the manifests, with the health of each flow."""
        described = self._entrance.desired(organization)
        return answer(self._entrance.window.graphs.document(self._entrance.store, described.organization))

    async def diff(self, organization: OrganizationName, flow: FlowName) -> Response:
        """What the desired content of a flow changes in the live content. It may ask the organisation."""
        return answer(await self._differences.of(organization, flow))
