"""Versions of a flow, their JSON configuration, and the flow's history."""

from __future__ import annotations

from functools import partial

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.exporting import configuration
from controller.simulator.flow import SimulatedFlow
from controller.simulator.operation import Action, Happening, SimulatedOperation
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import not_found
from controller.simulator.time import iso


def list_versions(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/versions`, newest first."""
    flow = call.flow()
    return answer(views.page(call, flow.versions[::-1], partial(views.version, flow)))


def get_version(call: ServedCall) -> Response:
    flow = call.flow()
    return answer(views.version(flow, call.organization.version(flow, call.path["versionId"])))


def version_configuration(call: ServedCall) -> Response:
    flow = call.flow()
    version = call.organization.version(flow, call.path["versionId"])
    return answer(configuration(call.organization, flow, version))


def latest_configuration(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/latestconfiguration`: of the version that was checked in last."""
    flow = call.flow()
    return answer(configuration(call.organization, flow, call.organization.version(flow, "latest")))


def ask_for_history(call: ServedCall) -> Response:
    """`POST /api/v2/flows/{flowId}/history`: an operation whose id names the history to read."""
    call.flow()
    return answer(views.operation(_history_operation(call, call.organization.next_id("history"))))


def get_history(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/history/{historyId}`: what happened, newest first."""
    flow, organization = call.flow(), call.organization
    if len(call.path["historyId"]) != len(organization.id):
        raise not_found()
    wanted = {action.upper() for action in call.many("action")}
    entries = [entry for entry in flow.history if not wanted or str(entry.action) in wanted]
    if (call.text("sortOrder") or "desc").lower().startswith("desc"):
        entries.reverse()
    page = views.page(call, entries, partial(_entry, organization, flow))
    fields = ("entities", "pageSize", "pageNumber", "total", "pageCount")
    shown = views.operation(_history_operation(call, call.path["historyId"]))
    shown |= {"name": flow.name, "description": flow.description, "system": False}
    shown |= {"started": iso(call.now), "completed": iso(call.now)} | {field: page[field] for field in fields}
    return answer(shown)


def _history_operation(call: ServedCall, history_id: str) -> SimulatedOperation:
    return SimulatedOperation(history_id, Action.HISTORY, call.actor, call.now, ended_at=call.now)


def _entry(_: SimulatedOrganization, flow: SimulatedFlow, entry: Happening) -> views.JSON:
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


_VIEW = ("architect:flow:view",)
_FLOW = "/api/v2/flows/{flowId}"
ENDPOINTS = (
    ServedEndpoint("GET", f"{_FLOW}/versions", list_versions, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/versions/{{versionId}}", get_version, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/versions/{{versionId}}/configuration", version_configuration, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/latestconfiguration", latest_configuration, _VIEW),
    ServedEndpoint("POST", f"{_FLOW}/history", ask_for_history, _VIEW),
    ServedEndpoint("GET", f"{_FLOW}/history/{{historyId}}", get_history, _VIEW),
)
