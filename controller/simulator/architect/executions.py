"""Executions: launching a workflow, searching execution data, and downloading its files."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import partial

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.architect.execution_query import DATES, KEYS, OPERATORS, compile_query, facts_of
from controller.simulator.call import ServedCall, ServedEndpoint, answer, refuse_unsigned, texts
from controller.simulator.execution import ERROR_REASON, RETENTION_S, Execution
from controller.simulator.problem import bad_request, not_found
from controller.simulator.rendering import render
from controller.simulator.state import JobKind, SimulatedJob
from controller.simulator.time import iso
from controller.simulator.tracking import FLOW_TYPES
from controller.simulator.traffic import error_rate, executions, fraction, is_recorded

_LAUNCHES = "/api/v2/flows/executions"
LAUNCHABLE = ("workflow",)
_INSTANCES = "/api/v2/flows/instances"
_STORAGE = "/_storage/executions"
MOST_ROWS = 200
RENDER_S = 1.0
"""Seconds that it takes to render the files of one job."""


def query(call: ServedCall) -> Response:
    """`POST /api/v2/flows/instances/query`: at most 200 rows, not sorted by age.

    With `indexOnly=true`, rows hold only indexed fields: ids, times, type, version and reason, but no names.
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
    return answer(views.page(call, rows, partial(_row, call), default=50, maximum=MOST_ROWS))


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
        "selfUri": f"{_INSTANCES}/{execution.id}",
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
    job = call.organization.begin_job(JobKind.EXECUTIONS, call.actor, call.now, RENDER_S)
    job.executions = ids
    return job


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/flows/instances/jobs/{jobId}`."""
    return answer(_shown(call, call.organization.job(call.path["jobId"], JobKind.EXECUTIONS)))


def _shown(call: ServedCall, job: SimulatedJob) -> views.JSON:
    state = "Running" if not job.finished(call.now) else "Success"
    shown: views.JSON = {"id": job.id, "jobState": state, "selfUri": f"{_INSTANCES}/jobs/{job.id}"}
    if job.finished(call.now):
        shown["entities"] = [_entity(call, job, execution_id) for execution_id in job.executions]
    return shown


def _entity(call: ServedCall, job: SimulatedJob, execution_id: str) -> views.JSON:
    if _execution(call, execution_id) is None:
        return {"id": execution_id, "failed": True, "statusCode": "404"}
    path = f"{_STORAGE}/{job.id}/{execution_id}/renderedData.json?Signature={job.key}"
    return {"id": execution_id, "downloadUri": call.url(path), "failed": False, "statusCode": "200"}


def _execution(call: ServedCall, execution_id: str) -> Execution | None:
    """The execution, if its data was recorded and is still kept."""
    found = call.organization.state.executions.get(execution_id)
    recent = found is not None and call.now - found.started_at <= timedelta(seconds=RETENTION_S)
    return found if found and recent and is_recorded(call.organization, found) else None


def download(call: ServedCall) -> Response:
    """The file of one execution. No token is needed: the URL is signed."""
    job = call.organization.job(call.path["jobId"], JobKind.EXECUTIONS)
    refuse_unsigned(call, job, "Signature")
    execution = _execution(call, call.path["executionId"])
    if execution is None or execution.id not in job.executions:
        raise not_found()
    flow = call.organization.state.flows[execution.flow_id]
    return Response(json.dumps(render(call.organization, flow, execution)), media_type="application/json")


def launch(call: ServedCall) -> Response:
    """`POST /api/v2/flows/executions` of a published workflow. The version's error rate decides whether it fails."""
    flow_id, name, inputs = call.string("flowId"), call.string("name"), call.mapping("inputData")
    if flow_id is None:
        raise bad_request("A [flowId] is required.")
    flow = call.organization.flow(flow_id)
    if flow.type not in LAUNCHABLE:
        raise bad_request(f"A flow of type '{flow.type}' cannot be launched.")
    version = call.organization.version(flow, call.string("flowVersion") or "published")
    rate, reason = error_rate(call.organization, flow.id, version.id)
    execution_id = call.organization.next_id("launch")
    execution = Execution(
        execution_id,
        flow.id,
        version.id,
        call.now,
        call.now + timedelta(seconds=call.simulator.settings.duration_s(call.simulator.settings.launch_s)),
        reason if fraction(execution_id) < rate else None,
        name=name or flow.name,
        launched=True,
        inputs=dict(inputs),
    )
    call.organization.state.executions[execution.id] = execution
    call.organization.finished(execution)
    shown = {
        "id": execution.id,
        "name": execution.name,
        "flowVersion": {"id": version.id, "name": version.id, "selfUri": views.version_uri(flow, version.id)},
        "selfUri": f"{_LAUNCHES}/{execution.id}",
    }
    return answer(shown)


def get_launch(call: ServedCall) -> Response:
    """`GET /api/v2/flows/executions/{flowExecutionId}`: RUNNING, then COMPLETED or FAILED."""
    execution = call.organization.state.executions.get(call.path["flowExecutionId"])
    if execution is None or not execution.launched:
        raise not_found()
    flow = call.organization.state.flows[execution.flow_id]
    running = call.now < execution.ended_at
    shown: views.JSON = {
        "id": execution.id,
        "name": execution.name,
        "flowVersion": views.version(flow, call.organization.version(flow, execution.version)),
        "dateLaunched": iso(execution.started_at),
        "status": "RUNNING" if running else "FAILED" if execution.error else "COMPLETED",
        "selfUri": f"{_LAUNCHES}/{execution.id}",
    }
    if not running:
        shown |= {"dateCompleted": iso(execution.ended_at), "outputData": {}}
        shown["completionReason"] = "ERROR" if execution.error else "COMPLETED"
        if execution.error:
            message = f"The execution failed: {execution.error}"
            shown["flowErrorInfo"] = {"message": message, "code": execution.error, "status": 500}
    return answer(shown)


_VIEW, _SEARCH = ("architect:flowInstance:view",), ("architect:flowInstance:search",)
ENDPOINTS = (
    ServedEndpoint("POST", _LAUNCHES, launch, ("architect:flow:launch",)),
    ServedEndpoint("GET", f"{_LAUNCHES}/{{flowExecutionId}}", get_launch, ("architect:flowExecution:view",)),
    ServedEndpoint("POST", f"{_INSTANCES}/query", query, _SEARCH),
    ServedEndpoint("GET", f"{_INSTANCES}/querycapabilities", capabilities, _SEARCH),
    ServedEndpoint("POST", f"{_INSTANCES}/jobs", register, _VIEW),
    ServedEndpoint("GET", f"{_INSTANCES}/jobs/{{jobId}}", get_job, _VIEW),
    ServedEndpoint("GET", f"{_INSTANCES}/{{instanceId}}", one_instance, _VIEW),
    ServedEndpoint("GET", f"{_STORAGE}/{{jobId}}/{{executionId}}/renderedData.json", download, open=True),
)
