"""Flows: one, several, creating, changing and deleting."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from starlette.responses import Response

from controller.domain.identity import FlowKey
from controller.simulator.architect import views
from controller.simulator.architect.filters import chosen_flows
from controller.simulator.call import ServedCall, answer
from controller.simulator.content import ROOTS
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.flow import SimulatedFlow
from controller.simulator.lagging import as_listed
from controller.simulator.locking import refuse_when_locked
from controller.simulator.operation import Action, SimulatedOperation
from controller.simulator.problem import bad_request, conflict
from controller.simulator.publishing import refuse_when_busy
from controller.simulator.resolution import consumers


def list_flows(call: ServedCall) -> Response:
    """`GET /api/v2/flows` with the filters of the SDK's `get_flows`."""
    return answer(views.page(call, chosen_flows(call), partial(views.flow, call.organization)))


def lookup(call: ServedCall) -> Response:
    """`GET /api/v2/flows/lookup?id=`: ids that do not exist are left out."""
    ids = call.many("id")
    found = [flow for flow in as_listed(call, call.organization.flows(deleted=True)) if flow.id in ids]
    return answer(views.page(call, found, partial(views.flow, call.organization)))


def division_views(call: ServedCall) -> Response:
    """`GET /api/v2/flows/divisionviews`: what a caller may see without `architect:flow:view`."""
    fields = ("id", "name", "division", "type", "description", "publishedVersion", "selfUri")

    def show(flow: SimulatedFlow) -> views.JSON:
        shown = views.flow(call.organization, flow)
        return {field: shown[field] for field in fields if field in shown}

    return answer(views.page(call, chosen_flows(call), show))


def nothing(call: ServedCall) -> Response:
    """`GET /api/v2/flows/datatables`, `…/outcomes` and `…/milestones`: the organisation has none."""
    none: tuple[views.JSON, ...] = ()
    return answer(views.page(call, none, dict))


def get_flow(call: ServedCall) -> Response:
    return answer(views.flow(call.organization, call.flow()))


def create_flow(call: ServedCall) -> Response:
    """`POST /api/v2/flows`: a flow without a version."""
    name, kind = call.string("name"), call.string("type")
    if name is None or not name.strip() or kind is None or kind.lower() not in ROOTS:
        raise bad_request("A flow needs a [name] and a known [type].")
    flow = call.organization.create(
        FlowKey(kind.lower(), name),
        call.actor,
        call.now,
        description=call.string("description") or "",
        division=_division(call.mapping("division")),
    )
    call.organization.operation(flow, Action.CREATE, call.actor, call.now).ended_at = call.now
    return answer(views.flow(call.organization, flow))


def change_flow(call: ServedCall) -> Response:
    """`PUT /api/v2/flows/{flowId}`: name and description; the content cannot be changed here."""
    flow, name, description = call.flow(), call.string("name"), call.string("description")
    refuse_when_locked(flow, call.actor)
    if name and name.strip():
        call.organization.rename(flow, name)
    if call.json().get("description") is not None:
        flow.description = description or ""
    call.organization.record(flow, Action.UPDATE, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


def delete_flow(call: ServedCall) -> Response:
    """`DELETE /api/v2/flows/{flowId}`: 409 while it is locked by others, busy or in use."""
    flow = call.flow()
    _refuse_to_delete(call, flow)
    call.organization.remove(flow, call.actor, call.now)
    return Response(status_code=204)


def delete_flows(call: ServedCall) -> Response:
    """`DELETE /api/v2/flows?id=`: all of them, or none when one cannot be deleted."""
    call.required("id")
    flows = [call.organization.flow(flow_id) for flow_id in call.many("id")]
    for flow in flows:
        _refuse_to_delete(call, flow, leaving=flows)
    for flow in flows:
        call.organization.remove(flow, call.actor, call.now)
    operation = SimulatedOperation(
        call.organization.next_id("operation"), Action.DELETE, call.actor, call.now, None, call.now
    )
    return answer(views.operation(operation))


def _refuse_to_delete(call: ServedCall, flow: SimulatedFlow, leaving: list[SimulatedFlow] | None = None) -> None:
    refuse_when_locked(flow, call.actor)
    refuse_when_busy(flow)
    users = [user for user in consumers(call.organization, flow) if user not in (leaving or ())]
    if users:
        names = ", ".join(f"'{user.name}'" for user in users[:5])
        raise conflict(f"Flow '{flow.name}' is in use by {names}.", entity=flow.entity)


def _division(value: Mapping[str, object]) -> str:
    """The name of the division in a body; ids are not known by anything else than their names here."""
    name = value.get("name")
    return name if isinstance(name, str) else ""


_VIEW = ("architect:flow:view",)
ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/flows", list_flows, _VIEW),
    ServedEndpoint("POST", "/api/v2/flows", create_flow, ("architect:flow:add",)),
    ServedEndpoint("DELETE", "/api/v2/flows", delete_flows, ("architect:flow:delete",)),
    ServedEndpoint("GET", "/api/v2/flows/lookup", lookup, _VIEW),
    ServedEndpoint("GET", "/api/v2/flows/divisionviews", division_views, ("architect:flow:search",)),
    ServedEndpoint("GET", "/api/v2/flows/datatables", nothing, ("architect:datatable:view",)),
    ServedEndpoint("GET", "/api/v2/flows/milestones", nothing, ("architect:flowMilestone:view",)),
    ServedEndpoint("GET", "/api/v2/flows/outcomes", nothing, ("architect:flowOutcome:view",)),
    ServedEndpoint("GET", "/api/v2/flows/{flowId}", get_flow, _VIEW),
    ServedEndpoint("PUT", "/api/v2/flows/{flowId}", change_flow, ("architect:flow:edit",)),
    ServedEndpoint("DELETE", "/api/v2/flows/{flowId}", delete_flow, ("architect:flow:delete",)),
)
