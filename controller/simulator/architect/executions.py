"""Execution data: querying executions, asking for their files, downloading them."""

from __future__ import annotations

import hmac
import json
import secrets
from datetime import timedelta

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer, texts
from controller.simulator.criteria import DATES, KEYS, OPERATORS, compile_query, facts_of
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.execution import ERROR_REASON, RETENTION_S, Execution
from controller.simulator.job import JobKind, SimulatedJob
from controller.simulator.problem import ApiError, bad_request, not_found
from controller.simulator.rendering import render
from controller.simulator.time import iso
from controller.simulator.tracking import FLOW_TYPES
from controller.simulator.traffic import executions, is_recorded

_URI = "/api/v2/flows/instances"
_STORAGE = "/_storage/executions"
MOST_ROWS = 200
RENDER_S = 1.0
"""How long it takes to render the files of one job."""


def query(call: ServedCall) -> Response:
    """`POST /api/v2/flows/instances/query`: at most 200 rows, and not the newest ones first.

    With `indexOnly=true` rows hold what the index does: ids, times, type, version and reason, but no names.
    """
    size = call.number("pageSize", 50, maximum=MOST_ROWS)
    fits, earliest = compile_query(call.json().get("query"))
    flows = call.organization.state.flows
    found = [
        execution
        for execution in executions(call.organization, earliest, call.now)
        if fits(facts_of(execution, flows[execution.flow_id].type))
    ]
    found.sort(key=lambda execution: execution.id)
    rows = found[:size]
    call.organization.state.executions.update({execution.id: execution for execution in rows})
    shown = views.page(call, rows, lambda execution: _row(call, execution), default=50, maximum=MOST_ROWS)
    return answer(shown)


def _row(call: ServedCall, execution: Execution) -> views.JSON:
    flow = call.organization.state.flows[execution.flow_id]
    names = {} if call.flag("indexOnly") else {"name": execution.name or flow.name, "flowName": flow.name}
    shown: views.JSON = {
        "id": execution.id,
        **names,
        "startDateTime": iso(execution.started_at),
        "endDateTime": iso(execution.ended_at),
        "flowId": flow.id,
        "flowType": flow.type,
        "flowVersion": execution.version,
        "selfUri": f"{_URI}/{execution.id}",
    }
    if execution.conversation_id:
        shown["conversationId"] = execution.conversation_id
    if execution.error:
        shown["flowErrorReason"] = execution.error
    return shown


def capabilities(call: ServedCall) -> Response:
    """`GET /api/v2/flows/instances/querycapabilities`."""
    criteria = [
        {
            "criteriaKey": key,
            "criteriaGroups": [],
            "description": key,
            "operators": list(OPERATORS),
            "dataType": "dateTime" if key in DATES else "guid" if key.endswith("Id") else "string",
        }
        for key in KEYS
    ]
    reasons = {ERROR_REASON, *(traffic.reason for traffic in call.organization.state.traffic)}
    return answer(
        {
            "criteria": criteria,
            "flowTypes": sorted(FLOW_TYPES.values()),
            "actionTypes": ["actionCallCommonModule", "actionDecision", "actionSwitch", "actionUpdateData"],
            "errorCodes": sorted(reasons),
            "warningCodes": [],
        }
    )


def register(call: ServedCall) -> Response:
    """`POST /api/v2/flows/instances/jobs`, body `{"ids": […]}`."""
    ids = texts(call.json().get("ids"), "ids")
    if not 0 < len(ids) <= MOST_ROWS:
        raise bad_request(f"Between 1 and {MOST_ROWS} [ids] must be given.")
    return answer(_shown(call, _job(call, ids)))


def one_instance(call: ServedCall) -> Response:
    """`GET /api/v2/flows/instances/{instanceId}`: a job for one execution."""
    if _execution(call, call.path["instanceId"]) is None:
        raise not_found()
    return answer(_shown(call, _job(call, [call.path["instanceId"]])))


def _job(call: ServedCall, ids: list[str]) -> SimulatedJob:
    job = SimulatedJob(
        call.organization.next_id("job"), JobKind.EXECUTIONS, call.actor, call.now, key=secrets.token_hex(32)
    )
    job.started_at, job.executions = call.now, ids
    job.ends_at = call.now + timedelta(seconds=call.simulator.settings.duration_s(RENDER_S))
    call.organization.state.jobs[job.id] = job
    return job


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/flows/instances/jobs/{jobId}`."""
    return answer(_shown(call, call.organization.job(call.path["jobId"], JobKind.EXECUTIONS)))


def _shown(call: ServedCall, job: SimulatedJob) -> views.JSON:
    state = "Running" if not job.finished(call.now) else "Success"
    shown: views.JSON = {"id": job.id, "jobState": state, "selfUri": f"{_URI}/jobs/{job.id}"}
    if job.finished(call.now):
        shown["entities"] = [_entity(call, job, execution_id) for execution_id in job.executions]
    return shown


def _entity(call: ServedCall, job: SimulatedJob, execution_id: str) -> views.JSON:
    if _execution(call, execution_id) is None:
        return {"id": execution_id, "failed": True, "statusCode": "404"}
    path = f"{_STORAGE}/{job.id}/{execution_id}/renderedData.json?Signature={job.key}"
    return {"id": execution_id, "downloadUri": call.url(path), "failed": False, "statusCode": "200"}


def _execution(call: ServedCall, execution_id: str) -> Execution | None:
    """The execution, where data of it was recorded and is kept."""
    found = call.organization.state.executions.get(execution_id)
    recent = found is not None and call.now - found.started_at <= timedelta(seconds=RETENTION_S)
    return found if found and recent and is_recorded(call.organization, found) else None


def download(call: ServedCall) -> Response:
    """The file of one execution. No token is needed: the URL is signed."""
    job = call.organization.job(call.path["jobId"], JobKind.EXECUTIONS)
    expired = job.ends_at and call.now > job.ends_at + timedelta(seconds=call.simulator.settings.download_valid_s)
    if expired or not hmac.compare_digest(call.text("Signature") or "", job.key):
        raise ApiError(403, "forbidden", "The download link is not valid or has expired.")
    execution = _execution(call, call.path["executionId"])
    if execution is None or execution.id not in job.executions:
        raise not_found()
    flow = call.organization.state.flows[execution.flow_id]
    return Response(json.dumps(render(call.organization, flow, execution)), media_type="application/json")


_VIEW, _SEARCH = ("architect:flowInstance:view",), ("architect:flowInstance:search",)
ENDPOINTS = (
    ServedEndpoint("POST", f"{_URI}/query", query, _SEARCH),
    ServedEndpoint("GET", f"{_URI}/querycapabilities", capabilities, _SEARCH),
    ServedEndpoint("POST", f"{_URI}/jobs", register, _VIEW),
    ServedEndpoint("GET", f"{_URI}/jobs/{{jobId}}", get_job, _VIEW),
    ServedEndpoint("GET", f"{_URI}/{{instanceId}}", one_instance, _VIEW),
    ServedEndpoint("GET", f"{_STORAGE}/{{jobId}}/{{executionId}}/renderedData.json", download, open=True),
)
