"""Flows, their versions, and the actions on them: check out and in, publish, revert, unlock, deactivate."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import partial

from starlette.responses import Response

from controller.domain.identity import FlowKey
from controller.simulator import locking, publishing
from controller.simulator.architect import views
from controller.simulator.architect.filters import chosen_flows
from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.content import ROOTS
from controller.simulator.exporting import configuration
from controller.simulator.flow import Action, Actor, Happening, SimulatedFlow, SimulatedOperation
from controller.simulator.lagging import as_listed
from controller.simulator.locking import refuse_when_locked
from controller.simulator.mishaps import publish_mishap
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request, conflict, not_found, outside
from controller.simulator.publishing import refuse_when_busy
from controller.simulator.resolution import consumers
from controller.simulator.resources.inventory import get, referring
from controller.simulator.resources.kinds import KINDS
from controller.simulator.resources.resource import SimulatedResource
from controller.simulator.time import iso


def list_flows(call: ServedCall) -> Response:
    """`GET /api/v2/flows` with the filters of the SDK's `get_flows`."""
    return answer(views.page(call, chosen_flows(call), partial(views.flow, call.organization)))


def lookup(call: ServedCall) -> Response:
    """`GET /api/v2/flows/lookup?id=`: unknown ids are left out."""
    ids = call.many("id")
    found = [flow for flow in as_listed(call, call.organization.flows(deleted=True)) if flow.id in ids]
    return answer(views.page(call, found, partial(views.flow, call.organization)))


def division_views(call: ServedCall) -> Response:
    """`GET /api/v2/flows/divisionviews`: the fields that need no `architect:flow:view`."""
    fields = ("id", "name", "division", "type", "description", "publishedVersion", "selfUri")

    def show(flow: SimulatedFlow) -> views.JSON:
        shown = views.flow(call.organization, flow)
        return {field: shown[field] for field in fields if field in shown}

    return answer(views.page(call, chosen_flows(call), show))


def get_flow(call: ServedCall) -> Response:
    return answer(views.flow(call.organization, call.flow()))


def create_flow(call: ServedCall) -> Response:
    """`POST /api/v2/flows`: a flow without a version."""
    name, kind = call.string("name"), call.string("type")
    if name is None or not name.strip() or kind is None or kind.lower() not in ROOTS:
        raise bad_request("A flow needs a [name] and a known [type].")
    division = call.mapping("division").get("name")
    if isinstance(by_id := call.mapping("division").get("id"), str):
        division = get(call.organization, KINDS["division"], by_id).name
    flow = call.organization.create(
        FlowKey(kind.lower(), name),
        call.actor,
        call.now,
        description=call.string("description") or "",
        division=division if isinstance(division, str) else "",
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
    users: list[SimulatedFlow | SimulatedResource] = [
        user for user in consumers(call.organization, flow) if user not in (leaving or ())
    ]
    users += referring(call.organization, flow.id)
    if users:
        names = ", ".join(f"'{user.name}'" for user in users[:5])
        raise conflict(f"Flow '{flow.name}' is in use by {names}.", entity=flow.entity)


def list_versions(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/versions`, newest first."""
    flow = call.flow()
    return answer(views.page(call, flow.versions[::-1], partial(views.version, flow)))


def version_configuration(call: ServedCall) -> Response:
    flow = call.flow()
    version = call.organization.version(flow, call.path["versionId"])
    return answer(configuration(call.organization, flow, version))


def latest_configuration(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/latestconfiguration`: of the latest checked in version."""
    flow = call.flow()
    return answer(configuration(call.organization, flow, call.organization.version(flow, "latest")))


def ask_for_history(call: ServedCall) -> Response:
    """`POST /api/v2/flows/{flowId}/history`: an operation with the id of the history to read."""
    call.flow()
    return answer(views.operation(_history_operation(call, call.organization.next_id("history"))))


def get_history(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/history/{historyId}`: the history, newest first."""
    flow = call.flow()
    if len(call.path["historyId"]) != len(call.organization.id):
        raise not_found()
    wanted = {action.upper() for action in call.many("action")}
    entries = [entry for entry in flow.history if not wanted or str(entry.action) in wanted]
    if (call.text("sortOrder") or "desc").lower().startswith("desc"):
        entries.reverse()
    page = views.page(call, entries, partial(_entry, flow))
    fields = ("entities", "pageSize", "pageNumber", "total", "pageCount")
    shown = views.operation(_history_operation(call, call.path["historyId"]))
    shown |= {"name": flow.name, "description": flow.description, "system": False}
    shown |= {"started": iso(call.now), "completed": iso(call.now)} | {field: page[field] for field in fields}
    return answer(shown)


def _history_operation(call: ServedCall, history_id: str) -> SimulatedOperation:
    return SimulatedOperation(history_id, Action.HISTORY, call.actor, call.now, ended_at=call.now)


def _entry(flow: SimulatedFlow, entry: Happening) -> views.JSON:
    action = Action.UPDATE if entry.action is Action.UNLOCK else entry.action
    shown: views.JSON = {
        "action": str(action),
        "resource": f"/api/v2/flows/{flow.id}",
        "timestamp": iso(entry.at),
        "secure": flow.type == "securecall",
    }
    if entry.version:
        shown["version"] = entry.version
    return shown | views.by(entry.actor, "user", "client")


def checkout(call: ServedCall) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    locking.refuse_second_checkout(call.organization, flow)
    return _changed(locking.check_out, call)


def checkin(call: ServedCall) -> Response:
    flow = call.flow()
    publishing.refuse_when_busy(flow)
    version = locking.check_in(call.organization, flow, call.actor, call.now)
    operation = call.organization.operation(flow, Action.CHECKIN, call.actor, call.now)
    operation.version, operation.ended_at = version.id, call.now
    return answer(views.operation(operation))


def publish(call: ServedCall) -> Response:
    """`POST /api/v2/flows/actions/publish`: 200 means only that the request was accepted."""
    flow = call.flow()
    if call.client and not call.client.holds_in(flow.division):
        raise ApiError(403, "missing.division.permission", outside(flow.division), entity=flow.entity)
    mishap = publish_mishap(call, flow)
    operation = publishing.publish(call.organization, flow, call.text("version"), call.actor, call.now, mishap=mishap)
    return answer(views.operation(operation))


def _changed(
    change: Callable[[SimulatedOrganization, SimulatedFlow, Actor, datetime], None], call: ServedCall
) -> Response:
    """Answer with the flow after this change by the caller."""
    flow = call.flow()
    change(call.organization, flow, call.actor, call.now)
    return answer(views.flow(call.organization, flow))


_VIEW = ("architect:flow:view",)
_FLOW = "/api/v2/flows/{flowId}"
_ACTIONS = "/api/v2/flows/actions"
ENDPOINTS = (
    ServedEndpoint("POST", f"{_ACTIONS}/checkout", checkout, ("architect:flow:edit",)),
    ServedEndpoint("POST", f"{_ACTIONS}/checkin", checkin, ("architect:flow:edit", "architect:flow:unlock")),
    ServedEndpoint("POST", f"{_ACTIONS}/publish", publish, ("architect:flow:publish", "architect:flow:unlock")),
    ServedEndpoint("POST", f"{_ACTIONS}/revert", partial(_changed, locking.revert), ("architect:flow:edit",)),
    ServedEndpoint("POST", f"{_ACTIONS}/unlock", partial(_changed, locking.unlock), ("architect:flow:unlock",)),
    ServedEndpoint(
        "POST", f"{_ACTIONS}/deactivate", partial(_changed, publishing.deactivate), ("architect:flow:publish",)
    ),
    ServedEndpoint("GET", "/api/v2/flows", list_flows, _VIEW),
    ServedEndpoint("POST", "/api/v2/flows", create_flow, ("architect:flow:add",)),
    ServedEndpoint("DELETE", "/api/v2/flows", delete_flows, ("architect:flow:delete",)),
    ServedEndpoint("GET", "/api/v2/flows/lookup", lookup, _VIEW),
    ServedEndpoint("GET", "/api/v2/flows/divisionviews", division_views, ("architect:flow:search",)),
    ServedEndpoint("GET", "/api/v2/flows/{flowId}", get_flow, _VIEW),
    ServedEndpoint("PUT", "/api/v2/flows/{flowId}", change_flow, ("architect:flow:edit",)),
    ServedEndpoint("DELETE", "/api/v2/flows/{flowId}", delete_flow, ("architect:flow:delete",)),
    ServedEndpoint("GET", f"{_FLOW}/versions", list_versions, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/versions/{{versionId}}/configuration", version_configuration, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/latestconfiguration", latest_configuration, _VIEW),
    ServedEndpoint("POST", f"{_FLOW}/history", ask_for_history, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/history/{{historyId}}", get_history, _VIEW),
)
"""Fixed paths come before paths with parameters that match them too."""
