"""Launching workflows: `/api/v2/flows/executions`."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.call import ServedCall, answer
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.execution import Execution
from controller.simulator.problem import bad_request, not_found
from controller.simulator.time import iso
from controller.simulator.traffic import error_rate, fraction

_URI = "/api/v2/flows/executions"
LAUNCHABLE = ("workflow",)


def launch(call: ServedCall) -> Response:
    """`POST /api/v2/flows/executions`: of a published workflow. Whether it fails follows its version's error rate."""
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
        "flowVersion": {
            "id": version.id,
            "name": version.id,
            "selfUri": f"/api/v2/flows/{flow.id}/versions/{version.id}",
        },
        "selfUri": f"{_URI}/{execution.id}",
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
        "selfUri": f"{_URI}/{execution.id}",
    }
    if not running:
        shown |= {"dateCompleted": iso(execution.ended_at), "outputData": {}}
        shown["completionReason"] = "ERROR" if execution.error else "COMPLETED"
        if execution.error:
            message = f"The execution failed: {execution.error}"
            shown["flowErrorInfo"] = {"message": message, "code": execution.error, "status": 500}
    return answer(shown)


ENDPOINTS = (
    ServedEndpoint("POST", _URI, launch, ("architect:flow:launch",)),
    ServedEndpoint("GET", f"{_URI}/{{flowExecutionId}}", get_launch, ("architect:flowExecution:view",)),
)
