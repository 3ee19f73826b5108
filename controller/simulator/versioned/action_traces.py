"""Asynchronous traces of an action: which nodes it leads to, with their data, as the result of a job."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta

from starlette.responses import Response

from controller.simulator.call import ServedCall, ServedEndpoint, answer
from controller.simulator.definition import definition
from controller.simulator.mishaps import job_mishap
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request
from controller.simulator.settings import DebugEnding, DebugResult
from controller.simulator.state import JobItem, JobKind, SimulatedJob
from controller.simulator.time import iso
from controller.simulator.traffic import error_rate, fraction
from controller.simulator.versioned.steps import DefinitionGraph, graph_of

JSON = dict[str, object]
DEPTHS = range(1, 51)
MOST_NODES = 1_000
SLOWEST_S = 1.5
_JOBS = "/api/v2/jobs"


def start(call: ServedCall) -> Response:
    """`POST /api/v2/flows/{flowId}/debug`: 202 with the address of the job.

    `actionInvocationId` is the id of a node; with any other id the trace begins at the start of the flow.
    """
    flow, body = call.flow(), dict(call.json())
    _check(body, flow.id)
    version = flow.published
    if version is None:
        raise ApiError(409, "general.conflict", f"Flow '{flow.name}' is not published.", entity=flow.entity)
    settings, items = call.simulator.settings, [JobItem(flow.id, version.id)]
    job = call.organization.begin_job(JobKind.DEBUG, call.actor, call.now, settings.debug_s, items)
    job.text = json.dumps(body)
    job_mishap(call, job, [flow])
    path = f"{_JOBS}/{job.id}"
    location = call.url(path) if settings.absolute_location else path
    headers = {"Location": location} if settings.debug_location else {}
    return answer({"id": job.id, "status": "in_progress", "selfUri": path}, 202, headers)


def _check(body: Mapping[str, object], flow_id: str) -> None:
    """Raise 400 for an invalid body."""
    depth, directives = body.get("traceDepth"), body.get("contextDirectives")
    if body.get("flowId") != flow_id:
        raise bad_request("[flowId] must be the id of the flow in the path.")
    if not isinstance(body.get("actionInvocationId"), str) or not body["actionInvocationId"]:
        raise bad_request("An [actionInvocationId] is required.")
    if isinstance(depth, bool) or not isinstance(depth, int) or depth not in DEPTHS:
        raise bad_request(f"[traceDepth] must be a whole number from {DEPTHS[0]} to {DEPTHS[-1]}.")
    wanted = directives if isinstance(directives, dict) else {}
    if not any(wanted.get(name) is True for name in ("captureContext", "captureData")):
        raise bad_request("At least one of [captureContext] and [captureData] must be true in [contextDirectives].")
    if not isinstance(body.get("simulatedInputs", {}), dict):
        raise bad_request("[simulatedInputs] must be an object.")
    if body.get("enableAsync") is not True:
        raise bad_request("[enableAsync] must be true.")


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/jobs/{jobId}`: in_progress, then completed with the steps, or failed with a message."""
    job = call.organization.job(call.path["jobId"], JobKind.DEBUG)
    shown: JSON = {"id": job.id, "status": "in_progress", "selfUri": f"{_JOBS}/{job.id}"}
    if job.finished(call.now):
        ending = call.simulator.settings.debug_ending
        shown["status"] = "failed" if job.failed else ending.value
        if job.failed:
            shown["message"] = "; ".join(message.text for message in job.messages)
        elif ending is DebugEnding.COMPLETED:
            shown["result"] = _shaped(trace(call.organization, job), call.simulator.settings.debug_result)
        else:
            shown["message"] = f"The trace was ended: {ending.value}."
    return answer(shown)


def _shaped(steps: list[JSON], shape: DebugResult) -> object:
    if shape is DebugResult.OBJECT:
        return {"steps": steps, "totalSteps": len(steps)}
    return json.dumps(steps) if shape is DebugResult.TEXT else steps


def trace(organization: SimulatedOrganization, job: SimulatedJob) -> list[JSON]:
    """The nodes that the action led to, down to the requested depth; each once, parents first.

    The error rate of the version's executions decides whether a node failed.
    """
    body, item = json.loads(job.text), job.items[0]
    flow = organization.state.flows[item.flow_id]
    graph = graph_of(definition(organization, organization.version(flow, item.version).text))
    rate, reason = error_rate(organization, flow.id, item.version)
    invocation = str(body["actionInvocationId"])
    start = invocation if invocation in graph.nodes else graph.start
    rows: list[JSON] = []
    waiting: deque[tuple[str, str | None, int, datetime]] = deque()
    if start is not None:
        waiting.append((start, None, 1, job.registered_at))
    seen = {start}
    while waiting and len(rows) < MOST_NODES:
        node, parent, depth, begin = waiting.popleft()
        end = begin + timedelta(seconds=0.001 + fraction(invocation, node, "duration") * SLOWEST_S)
        failed = parent is not None and fraction(invocation, node, "luck") < rate
        rows.append(_row(graph, node, parent, (begin, end), reason if failed else None) | _captured(body, parent))
        for way in graph.ways.get(node, ()) if depth < body["traceDepth"] and not failed else ():
            if way.target not in seen:
                seen.add(way.target)
                waiting.append((way.target, node, depth + 1, end))
    return rows


def _row(
    graph: DefinitionGraph, node: str, parent: str | None, when: tuple[datetime, datetime], error: str | None
) -> JSON:
    row: JSON = {
        "nodeId": node,
        "parentId": parent,
        "type": graph.text(node, "type"),
        "name": graph.text(node, "name"),
        "startTime": iso(when[0]),
        "endTime": iso(when[1]),
        "status": "failed" if error else "completed",
    }
    return row | ({"errorMessage": error} if error else {})


def _captured(body: Mapping[str, object], parent: str | None) -> JSON:
    """The data that the directives ask for; the simulated inputs are on the first node."""
    directives = body.get("contextDirectives")
    wanted = directives if isinstance(directives, dict) else {}
    inputs = body.get("simulatedInputs", {}) if parent is None else {}
    shown: JSON = {"data": {"inputs": inputs}} if wanted.get("captureData") else {}
    return shown | ({"context": {"invocation": body["actionInvocationId"]}} if wanted.get("captureContext") else {})


ENDPOINTS = (
    ServedEndpoint("POST", "/api/v2/flows/{flowId}/debug", start, ("flow:debug",)),
    ServedEndpoint("GET", f"{_JOBS}/{{jobId}}", get_job, ("job:read",)),
)
