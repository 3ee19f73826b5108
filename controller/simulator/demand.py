"""`/_simulator/executions` and `/_simulator/index`: which executions there are, and how the dependency index stands."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from controller.simulator import tracking
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import INTERNAL, ServedEndpoint
from controller.simulator.execution import ERROR_REASON, Execution, Traffic
from controller.simulator.flow import SimulatedFlow
from controller.simulator.problem import bad_request
from controller.simulator.resolution import needed_flow
from controller.simulator.time import iso


def streams(call: ServedCall) -> Response:
    """`GET /_simulator/executions`: the streams that are set."""
    shown = [
        {
            "flow": traffic.flow_id,
            "version": traffic.version,
            "per_minute": traffic.per_minute,
            "error_rate": traffic.error_rate,
            "reason": traffic.reason,
            "since": iso(traffic.since),
        }
        for traffic in call.organization.state.traffic
    ]
    return answer({"streams": shown, "stored": len(call.organization.state.executions)})


def demand(call: ServedCall) -> Response:
    """`POST /_simulator/executions`: a stream with `per_minute`, or with `count` so many that have just ended.

    Body: `{"flow": id or type/name, "version"?, "error_rate"?, "reason"?, "per_minute" | "count"}`. A stream replaces
    the one of the same flow and version.
    """
    body, flow, wanted = call.json(), _flow(call), call.string("version")
    said = call.string("reason") or ERROR_REASON
    if ("count" in body) == ("per_minute" in body):
        raise bad_request("A stream needs [per_minute], so many executions at once need [count].")
    rate = _number(call, "error_rate", 0.0, maximum=1.0)
    if "count" in body:
        _add(call, flow, wanted, int(_number(call, "count", 0.0, maximum=100_000)), rate, said)
    else:
        per_minute = _number(call, "per_minute", 0.0, maximum=60_000)
        kept = [one for one in call.organization.state.traffic if (one.flow_id, one.version) != (flow.id, wanted)]
        new = [Traffic(flow.id, call.now, per_minute, rate, wanted, said)] if per_minute else []
        call.organization.state.traffic = kept + new
    return streams(call)


def _add(call: ServedCall, flow: SimulatedFlow, wanted: str | None, count: int, rate: float, reason: str) -> None:
    """So many executions that end now, of which exactly the share fails."""
    version = call.organization.version(flow, wanted or "published")
    failures = round(count * rate)
    for number in range(count):
        execution_id = call.organization.next_id("execution")
        execution = Execution(
            execution_id,
            flow.id,
            version.id,
            call.now - timedelta(milliseconds=100),
            call.now,
            reason if number < failures else None,
            call.organization.identifier("conversation", execution_id),
        )
        call.organization.state.executions[execution_id] = execution
        call.organization.finished(execution)


def clear(call: ServedCall) -> Response:
    """`DELETE /_simulator/executions`: no streams, nothing stored."""
    call.organization.state.traffic.clear()
    call.organization.state.executions.clear()
    return streams(call)


def index(call: ServedCall) -> Response:
    """`POST /_simulator/index`, body `{"status": "OPERATIONALNEEDSREBUILD"}`; null lets builds decide again."""
    status = call.json().get("status")
    if status is not None and status not in tracking.STATUSES:
        raise bad_request(f"[status] is none of {', '.join(tracking.STATUSES)}.")
    call.organization.state.index.status = str(status) if status else None
    return answer({"status": tracking.status(call.organization, call.now)})


def _flow(call: ServedCall) -> SimulatedFlow:
    name = call.string("flow")
    if name is None:
        raise bad_request("[flow] must be the id, or type/name, of a flow.")
    return needed_flow(call.organization, name)


def _number(call: ServedCall, name: str, default: float, *, maximum: float) -> float:
    value = call.json().get(name, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= maximum:
        raise bad_request(f"[{name}] must be a number from 0 to {maximum:g}.")
    return float(value)


_DEMAND = ("flow", "version", "per_minute", "count", "error_rate", "reason")
ENDPOINTS = (
    ServedEndpoint("GET", f"{INTERNAL}/executions", streams),
    ServedEndpoint("POST", f"{INTERNAL}/executions", demand, fields=_DEMAND),
    ServedEndpoint("DELETE", f"{INTERNAL}/executions", clear),
    ServedEndpoint("POST", f"{INTERNAL}/index", index, fields=("status",)),
)
