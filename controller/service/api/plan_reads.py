"""Reads about what is to be done: the plan, the dependency graph, and the differences inside a flow."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import APIRouter, Depends
from starlette.responses import Response

from controller.domain.errors.api import UnknownResource
from controller.graphs.document import GraphDocument
from controller.planning.rendering.document_model import PlanDocument
from controller.questions.comparison_document import DiffDocument
from controller.questions.live_graph import graph_now
from controller.questions.stored_plan import plan_now
from controller.service.api.answers import answer
from controller.service.api.differences import Differences
from controller.service.api.entrance import Entrance
from controller.service.api.inputs import FlowName, OrganizationName
from controller.service.api.openapi import described

_FAILS = (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.BAD_GATEWAY)


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
        _, desired = self._entrance.desired(organization)
        return answer(graph_now(self._entrance.store, desired))

    async def diff(self, organization: OrganizationName, flow: FlowName) -> Response:
        """What the desired content of a flow changes in the live content. It may ask the organisation."""
        return answer(await self._differences.of(organization, flow))
