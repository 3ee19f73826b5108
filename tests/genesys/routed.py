"""An organisation of the versioned dialect that answers by method and path, for the exact bodies of its table."""

from __future__ import annotations

import json
from typing import Any

import httpx

from controller.domain.desired import Endpoint
from controller.genesys.connect import VersionedPlatform, open_transport
from controller.genesys.settings import TransportSettings
from tests.genesys.scripted import API, LOGIN, SECRET, Handler, Reply, ScriptedOrganization, refusal, reply
from tests.support.clock import SteppedClock

LIST = "GET /api/v2/flows"
VERSIONS = "GET /api/v2/routing/flows/f1/versions"


class Routes:
    """Each route gives its replies in turn, the last one for ever."""

    def __init__(self, routes: dict[str, list[Reply | Handler]]) -> None:
        self._routes = {route: ScriptedOrganization(list(replies)) for route, replies in routes.items()}
        self._login = ScriptedOrganization()
        self.calls: list[str] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            return await self._login(request)
        route = f"{request.method} {request.url.path}"
        self.calls.append(route)
        scripted = self._routes.get(route)
        return await scripted(request) if scripted else refusal(404, "not.found", f"no {route}")

    def requests(self, route: str) -> list[httpx.Request]:
        return self._routes[route].requests

    def body(self, route: str) -> Any:
        """What was sent last to that route."""
        return json.loads(self.requests(route)[-1].content)


def entity(number: int, version: str = "1.0", status: str = "published", **fields: object) -> dict[str, object]:
    """A flow as the listing shows it."""
    return {
        "id": f"f{number}",
        "name": f"Flow {number}",
        "type": "inboundcall",
        "version": version,
        "metadata": {"status": status},
        "definition": {"nodes": {}, "transitions": []},
        **fields,
    }


def listed(*entities: dict[str, object]) -> Reply:
    return reply(body={"entities": list(entities)})


def versions(**statuses: str) -> Reply:
    """`v1="deployed"` is version 1.0, whose id is `v1`."""
    return listed(*({"id": name, "version": f"{name[1:]}.0", "status": status} for name, status in statuses.items()))


def connected(clock: SteppedClock, routes: dict[str, list[Reply | Handler]]) -> tuple[VersionedPlatform, Routes]:
    """The real client in front of these routes."""
    answers = Routes(routes)
    transport = open_transport(
        Endpoint(None, API, LOGIN),
        "client",
        SECRET,
        clock=clock,
        settings=TransportSettings(),
        http=httpx.MockTransport(answers),
    )
    return VersionedPlatform(transport), answers
