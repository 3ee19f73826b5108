"""Flows with their definitions, their versions, validation, and the atomic switch."""

from __future__ import annotations

from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from controller.simulator import staging
from controller.simulator.architect.filters import chosen_flows
from controller.simulator.architect.views import page
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.findings import ERROR, WARNING, findings
from controller.simulator.flow import SimulatedFlow
from controller.simulator.mishaps import publish_mishap
from controller.simulator.problem import bad_request, not_found
from controller.simulator.version import Version
from controller.simulator.versioned import views

MOST_FLOWS = 1_000
_ROUTED = "/api/v2/routing/flows/{flowId}"
VERSION = "/api/v2/flows/{flowId}/versions/{versionId}"


def list_flows(call: ServedCall) -> Response:
    """`GET /api/v2/flows?expand=definition`: up to 1000 a page. The last page is shorter than the others."""
    shown = page(call, chosen_flows(call), partial(views.flow, call.organization), maximum=MOST_FLOWS)
    return answer(shown)


def wants_definitions(request: Request) -> bool:
    """Whether the request is for a listing of this dialect."""
    return any("definition" in value.split(",") for value in request.query_params.getlist("expand"))


def list_versions(call: ServedCall) -> Response:
    """`GET /api/v2/routing/flows/{flowId}/versions`: pages, newest first."""
    flow = call.flow()
    return answer(page(call, flow.versions[::-1], partial(views.version, call.organization, flow)))


def named_version(call: ServedCall, flow: SimulatedFlow, named: str) -> Version:
    """The version with this id, as `list_versions` reports it. Raises 404."""
    organization = call.organization
    if not organization.settings.opaque_version_ids:
        return organization.version(flow, named)
    for version in flow.versions:
        if views.version_id(organization, flow, version) == named:
            return version
    raise not_found(f"Flow '{flow.name}' version '{named}' is missing.", code="not.found")


def get_version(call: ServedCall) -> Response:
    """`GET /api/v2/flows/{flowId}/versions/{versionId}`, for both dialects: by id or by number."""
    flow, named = call.flow(), call.path["versionId"]
    version = flow.version(named) or named_version(call, flow, named)
    return answer(views.version_with_definition(call.organization, flow, version))


def validate(call: ServedCall) -> Response:
    """`POST …/validate`: findings about the version and the current flows."""
    call.json()
    flow = call.flow()
    version = named_version(call, flow, call.path["versionId"])
    found = findings(call.organization, flow.key, version.text)
    errors = sum(one.severity == ERROR for one in found)
    return answer(
        {
            "validationResults": [{"id": one.id, "message": one.message, "severity": one.severity} for one in found],
            "validationSummary": {
                "totalErrors": errors,
                "totalWarnings": sum(one.severity == WARNING for one in found),
                "isSuccessful": errors == 0,
            },
        }
    )


def switch(call: ServedCall) -> Response:
    """`PUT /api/v2/routing/flows/{flowId}`, body `{version, description}`: at once; 409 while a deployment runs."""
    flow, body = call.flow(), call.json()
    wanted, description = body.get("version"), body.get("description", "")
    if not isinstance(wanted, str) or not wanted:
        raise bad_request("A [version] is required.")
    if not isinstance(description, str):
        raise bad_request("[description] must be a string.")
    version = named_version(call, flow, wanted)
    mishap = publish_mishap(call, flow)
    live = staging.switch(call.organization, flow, version, call.actor, call.now, mishap)
    shown = {
        "id": flow.id,
        "name": flow.name,
        "version": views.version_id(call.organization, flow, live),
        "description": description,
        "status": views.status(flow, live),
        "selfUri": f"/api/v2/routing/flows/{flow.id}",
    }
    return answer(shown | ({"type": flow.type.upper()} if call.organization.settings.tells_types else {}))


ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/flows", list_flows, ("flow:view",), when=wants_definitions),
    ServedEndpoint("GET", f"{_ROUTED}/versions", list_versions, ("routing:flow:read",)),
    ServedEndpoint("PUT", _ROUTED, switch, ("routing:flow:write",)),
    ServedEndpoint("GET", VERSION, get_version, ("flow:version:read", "architect:flow:view")),
    ServedEndpoint("POST", f"{VERSION}/validate", validate, ("flow:validate",)),
)
