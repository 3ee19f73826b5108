"""The actions on a flow. Checking in and publishing answer an operation, the others the flow."""

from __future__ import annotations

from starlette.responses import Response

from controller.simulator import locking, publishing
from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.mishaps import publish_mishap
from controller.simulator.operation import Action


def checkout(call: ServedCall) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    locking.refuse_second_checkout(call.organization, flow)
    locking.check_out(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def checkin(call: ServedCall) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    version = locking.check_in(call.organization, flow, call.actor, call.now)
    operation = call.organization.operation(flow, Action.CHECKIN, call.actor, call.now)
    operation.version, operation.ended_at = version.id, call.now
    return answer(views.operation(operation))


def publish(call: ServedCall) -> Response:
    """`POST /api/v2/flows/actions/publish`: 200 says only that it was asked for."""
    flow = call.flow()
    mishap = publish_mishap(call, flow)
    operation = publishing.publish(call.organization, flow, call.text("version"), call.actor, call.now, mishap=mishap)
    return answer(views.operation(operation))


def revert(call: ServedCall) -> Response:
    flow = call.flow()
    locking.revert(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def unlock(call: ServedCall) -> Response:
    flow = call.flow()
    locking.unlock(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def deactivate(call: ServedCall) -> Response:
    flow = call.flow()
    publishing.deactivate(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


_ACTIONS = "/api/v2/flows/actions"
ENDPOINTS = (
    ServedEndpoint("POST", f"{_ACTIONS}/checkout", checkout, ("architect:flow:edit",)),
    ServedEndpoint("POST", f"{_ACTIONS}/checkin", checkin, ("architect:flow:edit", "architect:flow:unlock")),
    ServedEndpoint("POST", f"{_ACTIONS}/publish", publish, ("architect:flow:publish", "architect:flow:unlock")),
    ServedEndpoint("POST", f"{_ACTIONS}/revert", revert, ("architect:flow:edit",)),
    ServedEndpoint("POST", f"{_ACTIONS}/unlock", unlock, ("architect:flow:unlock",)),
    ServedEndpoint("POST", f"{_ACTIONS}/deactivate", deactivate, ("architect:flow:publish",)),
)
