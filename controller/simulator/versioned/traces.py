"""Debug traces of executions, found by a query and read page by page."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from starlette.responses import Response

from controller.simulator.call import ServedCall, ServedEndpoint, answer, parse_moment, records
from controller.simulator.execution import Execution
from controller.simulator.problem import bad_request, not_found
from controller.simulator.time import iso
from controller.simulator.traffic import executions
from controller.simulator.versioned import views
from controller.simulator.versioned.steps import SimulatedStep, failure_status, steps

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


_READ = ("flow:debug:read",)
ENDPOINTS = (
    ServedEndpoint("POST", f"{_URI}/query", query, _READ),
    ServedEndpoint("GET", f"{_URI}/{{traceId}}", get_trace, _READ),
    ServedEndpoint("GET", f"{_URI}/{{traceId}}/steps", list_steps, _READ),
)
