"""Flows with their definitions, versions and validation, publishes at once or in stages, and the atomic switch."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from math import ceil

from starlette.requests import Request
from starlette.responses import Response

from controller.simulator import staging
from controller.simulator.architect.filters import chosen_flows
from controller.simulator.architect.views import page
from controller.simulator.call import ServedCall, ServedEndpoint, answer, records
from controller.simulator.definition import ERROR, WARNING, findings
from controller.simulator.flow import AT_ONCE, RolloutStage, RolloutStatus, SimulatedFlow, SimulatedRollout, Version
from controller.simulator.lagging import require_shown
from controller.simulator.mishaps import publish_mishap
from controller.simulator.problem import bad_request, not_found
from controller.simulator.time import iso
from controller.simulator.versioned import views

MOST_FLOWS = 1_000
_ROUTED = "/api/v2/routing/flows/{flowId}"
VERSION = "/api/v2/flows/{flowId}/versions/{versionId}"


def list_flows(call: ServedCall) -> Response:
    """`GET /api/v2/flows?expand=definition`: up to 1000 a page. The last page is shorter than the others."""
    return answer(page(call, chosen_flows(call), partial(views.flow, call.organization), maximum=MOST_FLOWS))


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


_HASH = re.compile(r"(sha256:[0-9a-f]{64}|rollback-bypass-hash)\Z")
MOST_MINUTES = 60 * 24 * 30


def publish(call: ServedCall) -> Response:
    """`POST …/publish`: 202, queued. 409 while another deployment runs or another actor holds the lock."""
    flow = call.flow()
    version = named_version(call, flow, call.path["versionId"])
    body = call.json()
    if body.get("publishType") != "standard":
        raise bad_request("[publishType] must be 'standard'.")
    staged, stages = _rollout(body.get("rolloutConfig"))
    metadata, dependency_hash = _metadata(body.get("metadata")), _hash(body.get("dependencyValidationHash"))
    order = staging.Order(call.actor, stages, staged, metadata, dependency_hash, publish_mishap(call, flow))
    rollout = staging.begin(call.organization, flow, version, order, call.now)
    shown = {
        "status": str(rollout.status(call.now)),
        "publishId": rollout.id,
        "flowId": flow.id,
        "versionId": call.path["versionId"],
    }
    return answer(shown, 202)


def publish_status(call: ServedCall) -> Response:
    """`GET …/publishstatus` of the version's last publish."""
    flow = call.flow()
    version = named_version(call, flow, call.path["versionId"])
    rollout = staging.of_version(flow, version)
    require_shown(call, rollout.requested_at, "a publish of this version")
    left_s = max(0, ceil((rollout.ends_at - call.now).total_seconds())) if rollout.running else 0
    return answer(
        {
            "status": str(rollout.status(call.now)),
            "publishId": rollout.id,
            "flowId": flow.id,
            "versionId": call.path["versionId"],
            "progressPercent": round(rollout.progress(call.now)),
            "currentStage": None if rollout.stage is None else rollout.stage + 1,
            "totalStages": len(rollout.stages),
            "trafficPercent": _traffic(rollout),
            "estimatedTimeRemainingSeconds": left_s,
            "errors": [asdict(problem) for problem in rollout.problems if not rollout.running],
            "dateRequested": iso(rollout.requested_at),
            **({"dateEnded": iso(rollout.ended_at)} if rollout.ended_at else {}),
        }
    )


def _traffic(rollout: SimulatedRollout) -> float:
    if rollout.outcome in (RolloutStatus.FAILED, RolloutStatus.CANCELLED) or rollout.stage is None:
        return 0
    return rollout.stages[rollout.stage].percentage


def _metadata(value: object) -> dict[str, str]:
    if value is None:
        return {}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise bad_request("[metadata] must be an object of strings.")
    return value


def _hash(value: object) -> str | None:
    if value is not None and not (isinstance(value, str) and _HASH.match(value)):
        raise bad_request(
            "[dependencyValidationHash] must be 'sha256:' and 64 hexadecimal digits in lower case, "
            "or 'rollback-bypass-hash'."
        )
    return value


def _rollout(value: object) -> tuple[bool, tuple[RolloutStage, ...]]:
    """Whether the publish is staged, and its stages: rising percentages up to 100."""
    if value is None:
        return False, AT_ONCE
    if not isinstance(value, dict) or not isinstance(value.get("staged", False), bool):
        raise bad_request("[rolloutConfig] must be an object with a boolean [staged].")
    staged, given = bool(value.get("staged", False)), value.get("stages")
    stages = tuple(map(_stage, records(given, "rolloutConfig.stages"))) if given is not None else ()
    if not staged and stages not in ((), AT_ONCE):
        raise bad_request("[rolloutConfig.stages] must be all traffic at once when [staged] is false.")
    if staged and not stages:
        raise bad_request("[rolloutConfig.stages] must be given when [staged] is true.")
    percentages = [stage.percentage for stage in stages]
    if staged and (percentages != sorted(set(percentages)) or percentages[-1] != 100):
        raise bad_request("[rolloutConfig.stages] must rise, and the last one must be 100.")
    return staged, stages or AT_ONCE


def _stage(value: Mapping[str, object]) -> RolloutStage:
    percentage = _number(value, "percentage", 100)
    if percentage <= 0:
        raise bad_request("[percentage] of a stage must be more than 0.")
    return RolloutStage(percentage, 60.0 * _number(value, "durationMinutes", MOST_MINUTES))


def _number(value: Mapping[str, object], name: str, maximum: float) -> float:
    number = value.get(name, 0)
    if isinstance(number, bool) or not isinstance(number, int | float) or not 0 <= number <= maximum:
        raise bad_request(f"[{name}] of a stage must be a number from 0 to {maximum:g}.")
    return number


ENDPOINTS = (
    ServedEndpoint("GET", "/api/v2/flows", list_flows, ("flow:view",), when=wants_definitions),
    ServedEndpoint("GET", f"{_ROUTED}/versions", list_versions, ("routing:flow:read",)),
    ServedEndpoint("PUT", _ROUTED, switch, ("routing:flow:write",)),
    ServedEndpoint("GET", VERSION, get_version, ("flow:version:read", "architect:flow:view")),
    ServedEndpoint("POST", f"{VERSION}/validate", validate, ("flow:validate",)),
    ServedEndpoint("POST", f"{VERSION}/publish", publish, ("flow:publish", "flow:write"), every=True),
    ServedEndpoint("GET", f"{VERSION}/publishstatus", publish_status, ("flow:read",)),
)
