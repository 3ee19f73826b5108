"""Divisions in which the caller has a permission: `/api/v2/authorization/divisionspermitted`."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.resources import shapes
from controller.simulator.resources.inventory import resources_of
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource

_URI = "/api/v2/authorization/divisionspermitted"


def _permitted(call: ServedCall) -> list[SimulatedResource]:
    """The divisions in which the caller has the permission of the query. Raises 400 without one."""
    permission, client = call.required("permission"), call.client
    divisions = resources_of(call.organization, KINDS["division"])
    if client is None or not client.holds(permission):
        return []
    return [one for one in divisions if client.holds_in(one.name)]


def permitted_pages(call: ServedCall) -> Response:
    """`GET …/paged/me?permission=`: `allDivsPermitted` tells that no division is left out."""
    found = _permitted(call)
    page = views.page(call, found, lambda one: shapes.shown(call.organization, one))
    everywhere = call.client is not None and call.client.divisions is None and bool(found)
    return answer(page | {"allDivsPermitted": everywhere})


def permitted(call: ServedCall) -> Response:
    """`GET …/me?permission=&name=`: all at once; deprecated by Genesys."""
    part = (call.text("name") or "").lower()
    found = [one for one in _permitted(call) if part in one.name.lower()]
    return answer([shapes.shown(call.organization, one) for one in found])


ENDPOINTS = (
    ServedEndpoint("GET", f"{_URI}/paged/me", permitted_pages),
    ServedEndpoint("GET", f"{_URI}/me", permitted),
)
