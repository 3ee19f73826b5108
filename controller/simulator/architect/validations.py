"""Validate jobs (`/api/v2/flows/validate/jobs`): what they find follows from the flows as they are."""

from __future__ import annotations

from datetime import timedelta

from starlette.responses import Response

from controller.simulator.architect import views
from controller.simulator.architect.exports import referenced
from controller.simulator.call import ServedCall, answer, records
from controller.simulator.endpoint import ServedEndpoint
from controller.simulator.job import JobItem, JobKind, SimulatedJob, SimulatedMessage
from controller.simulator.mishaps import job_mishap
from controller.simulator.problem import bad_request
from controller.simulator.resolution import problems

_URI = "/api/v2/flows/validate/jobs"


def register(call: ServedCall) -> Response:
    """`POST /api/v2/flows/validate/jobs`: of existing flows only; a file cannot be validated here."""
    details = records(call.json().get("flows"), "flows")
    if not details:
        raise bad_request("At least one flow must be given.")
    found = [referenced(call, detail.get("flow")) for detail in details]
    settings = call.simulator.settings
    ends_at = call.now + timedelta(seconds=settings.duration_s(settings.validate_s) * len(found))
    job = SimulatedJob(call.organization.next_id("job"), JobKind.VALIDATE, call.actor, call.now, started_at=call.now)
    job.ends_at = ends_at
    job.items = [JobItem(flow.id, version) for flow, version in found]
    for flow, version in found:
        text = call.organization.version(flow, version).text
        for problem in problems(call.organization, flow.key, text):
            job.messages.append(SimulatedMessage(ends_at, f"{flow.name} ({version}): {problem.message}"))
    job.failed = bool(job.messages)
    call.organization.state.jobs[job.id] = job
    job_mishap(call, job, [flow for flow, _ in found])
    shown = {"id": job.id, "status": "Registered", "totalFlows": len(found), "selfUri": f"{_URI}/{job.id}"}
    return answer(shown)


def get_job(call: ServedCall) -> Response:
    """`GET /api/v2/flows/validate/jobs/{jobId}?expand=messages`."""
    job = call.organization.job(call.path["jobId"], JobKind.VALIDATE)
    return answer(views.job(call, job, uri=_URI, command="Validate"))


ENDPOINTS = (
    ServedEndpoint("POST", _URI, register, ("architect:jobValidate:create",)),
    ServedEndpoint("GET", f"{_URI}/{{jobId}}", get_job, ("architect:jobValidate:view",)),
)
