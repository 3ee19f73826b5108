"""The ASGI application that serves a simulated organisation."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

from controller.simulator import conditions, control, demand, login
from controller.simulator.architect.notifications import announce_to
from controller.simulator.architect.routes import ENDPOINTS as ARCHITECT
from controller.simulator.endpoint import Routes
from controller.simulator.gateway import Gateway
from controller.simulator.simulator import Simulator
from controller.simulator.streaming import Streaming
from controller.simulator.versioned.routes import ENDPOINTS as VERSIONED


def create_app(simulator: Simulator) -> Starlette:
    """Serve this organisation. Absolute URLs in answers use the scheme and host of the request.

    Raises `SettingsInvalid` when a fault is set for a route that is not served.
    """
    routes = Routes()
    internal = (control.ENDPOINTS, conditions.ENDPOINTS, demand.ENDPOINTS)
    for endpoints in (login.ENDPOINTS, *internal, VERSIONED, ARCHITECT):
        routes.add(endpoints)
    simulator.faults.serve(routes.served())
    announce_to(simulator)
    simulator.begin()
    return Starlette(
        routes=[
            WebSocketRoute("/_channels/{channelId}", Streaming(simulator).__call__),
            Route("/{path:path}", Gateway(simulator, routes)),
        ]
    )
