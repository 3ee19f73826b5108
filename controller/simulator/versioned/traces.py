"""Debug traces of executions, found by a query and read page by page; and asynchronous traces of actions."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections import deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from starlette.responses import Response

from controller.simulator.call import ServedCall, ServedEndpoint, answer, parse_moment, records
from controller.simulator.definition import definition
from controller.simulator.execution import Execution
from controller.simulator.mishaps import job_mishap
from controller.simulator.organization import SimulatedOrganization
from controller.simulator.problem import ApiError, bad_request, not_found
from controller.simulator.settings import DebugEnding, DebugResult
from controller.simulator.state import JobItem, JobKind, SimulatedJob
from controller.simulator.time import iso
from controller.simulator.traffic import error_rate, executions, fraction
from controller.simulator.versioned import views
from controller.simulator.versioned.steps import DefinitionGraph, SimulatedStep, failure_status, graph_of, steps

_URI = "/api/v2/flows/debug/traces"
PAGE = 100
_TRACE = re.compile(r"(?P<execution>[^~]+)(~(?P<ranges>\d+-\d+(_\d+-\d+)*))?\Z")
JSON = dict[str, object]
Ranges = tuple[tuple[int, int], ...]


def query(call: ServedCall) -> Response:
    """`POST …/query`: executions that started in the range, oldest first.

    The ids of the traces contain the requested snapshot ranges.
    """
    body = call.json()
    if not isinstance(body.get("session_token"), str) or not body["session_token"]:
        raise bad_request("A [session_token] is required.")
    size = body.get("page_size", PAGE)
    if isinstance(size, bool) or not isinstance(size, int) or not 1 <= size <= PAGE:
        raise bad_request(f"[page_size] must be a whole number from 1 to {PAGE}.")
    ranges = _ranges(body.get("variable_snapshot_ranges"))
    found = _found(call, body)
    first = _offset(body.get("next_page_token"))
    rows = found[first : first + size]
    call.organization.state.executions.update({execution.id: execution for execution in rows})
    entities = [_header(call, execution, ranges) for execution in rows]
    return answer({"entities": entities, "nextPageToken": _token(first + size) if first + size < len(found) else None})


def _found(call: ServedCall, body: Mapping[str, object]) -> list[Execution]:
    versions = _versions(call, body.get("flow_version_id"))
    start, end = _moment(body, "start_date_time"), _moment(body, "end_date_time")
    if start > end:
        raise bad_request("[start_date_time] must not be after [end_date_time].")
    kept_s = 86_400 * call.simulator.settings.trace_retention_days
    found = [
        execution
        for execution in executions(call.organization, start, call.now, before=end, retention_s=kept_s)
        if versions is None or (execution.flow_id, execution.version) in versions
    ]
    session = [execution for execution in found if execution.conversation_id == body["session_token"]]
    return sorted(session or found, key=lambda execution: (execution.started_at, execution.id))


def _versions(call: ServedCall, value: object) -> frozenset[tuple[str, str]] | None:
    """The flows and versions with this id, as in the list of versions; None without an id. Raises 404."""
    if value is None:
        return None
    if not isinstance(value, str):
        raise bad_request("[flow_version_id] must be the id of a version.")
    found = frozenset(
        (flow.id, version.id)
        for flow in call.organization.flows()
        for version in flow.versions
        if views.version_id(call.organization, flow, version) == value
    )
    if not found:
        raise not_found(f"No version has the id '{value}'.", code="not.found")
    return found


def _moment(body: Mapping[str, object], name: str) -> datetime:
    value = body.get(name)
    if not isinstance(value, str):
        raise bad_request(f"A [{name}] is required.")
    return parse_moment(value)


def _ranges(value: object) -> Ranges:
    ranges = []
    for one in records(value, "variable_snapshot_ranges") if value is not None else []:
        first, last = one.get("start_step_index"), one.get("end_step_index")
        if not isinstance(first, int) or not isinstance(last, int) or not 0 <= first <= last:
            raise bad_request("A range of steps needs a [start_step_index] and an [end_step_index] that follows it.")
        ranges.append((first, last))
    return tuple(ranges)


def get_trace(call: ServedCall) -> Response:
    """`GET …/{traceId}`: 404 for an unknown or expired trace."""
    return answer(_header(call, *_trace(call)))


def list_steps(call: ServedCall) -> Response:
    """`GET …/{traceId}/steps?pageSize=100&nextPageToken=`, in order of time."""
    execution, ranges = _trace(call)
    size, first = call.number("pageSize", PAGE, maximum=PAGE), _offset(call.text("nextPageToken"))
    shown = _steps(call, execution, ranges)
    token = _token(first + size) if first + size < len(shown) else None
    return answer({"entities": shown[first : first + size], "nextPageToken": token})


def _trace(call: ServedCall) -> tuple[Execution, Ranges]:
    match = _TRACE.match(call.path["traceId"])
    execution = call.organization.state.executions.get(match["execution"]) if match else None
    oldest = call.now - timedelta(days=call.simulator.settings.trace_retention_days)
    if match is None or execution is None or not oldest <= execution.started_at <= call.now:
        raise not_found("The trace is unknown, archived or expired.", code="flow.trace.not.found")
    pairs = (part.split("-") for part in (match["ranges"] or "").split("_") if part)
    return execution, tuple((int(first), int(last)) for first, last in pairs)


def _header(call: ServedCall, execution: Execution, ranges: Ranges) -> JSON:
    flow = call.organization.state.flows[execution.flow_id]
    suffix = "~" + "_".join(f"{first}-{last}" for first, last in ranges) if ranges else ""
    trace_id = f"{execution.id}{suffix}"
    if call.organization.settings.bare_traces:
        return {"id": trace_id}
    a_version = call.organization.version(flow, execution.version)
    running = call.now < execution.ended_at
    shown: JSON = {
        "id": trace_id,
        "flowId": flow.id,
        "flowName": flow.name,
        "flowType": flow.type,
        "flowVersion": execution.version,
        "flowVersionId": views.version_id(call.organization, flow, a_version),
        "conversationId": execution.conversation_id,
        "sessionToken": execution.conversation_id,
        "status": "running" if running else failure_status(execution.error) if execution.error else "completed",
        "startTime": iso(execution.started_at),
        "secure": flow.type == "securecall",
        "selfUri": f"{_URI}/{trace_id}",
    }
    if not running:
        shown["endTime"] = iso(execution.ended_at)
        shown |= {"errorMessage": execution.error} if execution.error else {}
    return shown


def _steps(call: ServedCall, execution: Execution, ranges: Ranges) -> list[JSON]:
    """The steps taken so far, spread evenly over the time of the execution."""
    flow = call.organization.state.flows[execution.flow_id]
    taken = steps(call.organization, call.organization.version(flow, execution.version), execution)
    pace = (execution.ended_at - execution.started_at) / max(1, len(taken))
    moments = [execution.started_at + place * pace for place in range(len(taken) + 1)]
    following = [step.id for step in taken[1:]] + [None]
    return [
        _step(step, begin, end, next_id, shown=not ranges or any(first <= place <= last for first, last in ranges))
        for place, (step, (begin, end), next_id) in enumerate(zip(taken, pairwise(moments), following, strict=True))
        if begin <= call.now
    ]


def _step(step: SimulatedStep, begin: datetime, end: datetime, next_id: str | None, *, shown: bool) -> JSON:
    row: JSON = {
        "id": step.id,
        "nodeId": step.node,
        "type": step.type,
        "name": step.name,
        "status": step.status,
        "variables": step.variables if shown else {},
        "nextStepId": next_id,
        "startTime": iso(begin),
        "endTime": iso(end),
    }
    optional = {"branch": step.branch, "parentId": step.parent, "errorMessage": step.error}
    return row | {name: value for name, value in optional.items() if value is not None}


def _token(offset: int) -> str:
    return base64.urlsafe_b64encode(f"after:{offset}".encode()).decode()


def _offset(token: object) -> int:
    """The start of a page. Raises 400 for an unknown token."""
    if token is None or token == "":
        return 0
    try:
        word, _, number = base64.urlsafe_b64decode(str(token).encode()).decode().partition(":")
    except (binascii.Error, ValueError) as error:
        raise bad_request("The page token is not valid.", code="invalid.page.token") from error
    if word != "after" or not number.isascii() or not number.isdigit():
        raise bad_request("The page token is not valid.", code="invalid.page.token")
    return int(number)


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


_READ = ("flow:debug:read",)
ENDPOINTS = (
    ServedEndpoint("POST", f"{_URI}/query", query, _READ),
    ServedEndpoint("GET", f"{_URI}/{{traceId}}", get_trace, _READ),
    ServedEndpoint("GET", f"{_URI}/{{traceId}}/steps", list_steps, _READ),
    ServedEndpoint("POST", "/api/v2/flows/{flowId}/debug", start, ("flow:debug",)),
    ServedEndpoint("GET", f"{_JOBS}/{{jobId}}", get_job, ("job:read",)),
)
