"""The actions on a flow. Checking in and publishing answer an operation, the others the flow."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator import locking, publishing
from controller.simulator.architect import views
from controller.simulator.call import Call, answer
from controller.simulator.endpoint import Endpoint
from controller.simulator.mishaps import publish_mishap
from controller.simulator.operation import Action


def checkout(call: Call) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    locking.refuse_second_checkout(call.organization, flow)
    locking.check_out(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def checkin(call: Call) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    version = locking.check_in(call.organization, flow, call.actor, call.now)
    operation = call.organization.operation(flow, Action.CHECKIN, call.actor, call.now)
    operation.version, operation.ended_at = version.id, call.now
    return answer(views.operation(operation))


def publish(call: Call) -> Response:
    """`POST /api/v2/flows/actions/publish`: 200 says only that it was asked for."""
    flow = call.flow()
    mishap = publish_mishap(call, flow)
    operation = publishing.publish(call.organization, flow, call.text("version"), call.actor, call.now, mishap=mishap)
    return answer(views.operation(operation))


def revert(call: Call) -> Response:
    flow = call.flow()
    locking.revert(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def unlock(call: Call) -> Response:
    flow = call.flow()
    locking.unlock(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def deactivate(call: Call) -> Response:
    flow = call.flow()
    publishing.deactivate(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


_ACTIONS = "/api/v2/flows/actions"
ENDPOINTS = (
    Endpoint("POST", f"{_ACTIONS}/checkout", checkout, ("architect:flow:edit",)),
    Endpoint("POST", f"{_ACTIONS}/checkin", checkin, ("architect:flow:edit", "architect:flow:unlock")),
    Endpoint("POST", f"{_ACTIONS}/publish", publish, ("architect:flow:publish", "architect:flow:unlock")),
    Endpoint("POST", f"{_ACTIONS}/revert", revert, ("architect:flow:edit",)),
    Endpoint("POST", f"{_ACTIONS}/unlock", unlock, ("architect:flow:unlock",)),
    Endpoint("POST", f"{_ACTIONS}/deactivate", deactivate, ("architect:flow:publish",)),
)
