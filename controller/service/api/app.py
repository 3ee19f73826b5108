"""Puts the API together."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from fastapi import Depends, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException

from controller import __version__
from controller.domain.errors.branches import PenstockError
from controller.service.api.actions import ActionRoutes
from controller.service.api.differences import Differences
from controller.service.api.entrance import Entrance
from controller.service.api.events import Events
from controller.service.api.inputs import LARGEST_BODY, each_once
from controller.service.api.openapi import description_of
from controller.service.api.past_reads import PastReads
from controller.service.api.problems import of_error, of_http, of_input
from controller.service.api.reads import PlanReads, PresentReads
from controller.service.window import ServiceWindow

_HANDLERS: Final[dict[int | type[Exception], Any]] = {
    PenstockError: of_error,
    RequestValidationError: of_input,
    HTTPException: of_http,
    Exception: of_error,
}


class Api(FastAPI):
    """FastAPI with the schemas of our documents in its description."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI description; made once."""
        if self.openapi_schema is None:
            self.openapi_schema = description_of(self.title, self.version, self.routes)
        return self.openapi_schema


def create_api(window: ServiceWindow, stop: asyncio.Event) -> Api:
    """The application that is mounted at `/api/v1`; its streams end when `stop` is set."""
    entrance = Entrance(window)
    api = Api(
        title="Penstock",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        max_body_size=LARGEST_BODY,
        exception_handlers=_HANDLERS,
        dependencies=[Depends(each_once)],
        generate_unique_id_function=_operation,
    )
    present, past = PresentReads(entrance), PastReads(entrance)
    plans = PlanReads(entrance, Differences(entrance))
    routers = (present.router(), past.router(), plans.router(), present.flow_router())
    for router in (*routers, ActionRoutes(entrance).router(), Events(entrance, stop).router()):
        api.include_router(router)
    return api


def _operation(route: APIRoute) -> str:
    """`get_flows`, `post_sync`."""
    return "_".join([*sorted(method.lower() for method in route.methods or ()), route.name])
