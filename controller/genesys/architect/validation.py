"""Validating a version that the organisation has. The API is a preview: not every organisation answers it."""

from __future__ import annotations

from controller.domain.errors import NotFound, PermissionMissing, RequestRejected
from controller.domain.platform import Priority, Severity, ValidationFinding, ValidationReport
from controller.genesys.architect.jobs import finished_job, job_words
from controller.genesys.call import ApiCall
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import RegisteredJob, WireJob

_JOBS = "/api/v2/flows/validate/jobs"
_NOT_OFFERED = frozenset({404, 405, 501})


async def validate(transport: Transport, flow_id: str, version: str, priority: Priority) -> ValidationReport:
    """What the organisation finds; where it does not offer validation, a successful report that says so.

    Raises NotFound when the flow does not exist, PermissionMissing when the role lacks the permission.
    """
    body = {"flows": [{"flow": {"id": flow_id, "version": version}}]}
    call = ApiCall("POST", _JOBS, body=body, priority=priority, repeatable=True)
    try:
        registered = await transport.fetch(call, RegisteredJob)
    except RequestRejected as error:
        if _not_offered(error):
            return _unavailable(error)
        raise
    job = await finished_job(transport, _JOBS, registered.id, priority)
    return _report(job)


def _not_offered(error: RequestRejected) -> bool:
    if isinstance(error, PermissionMissing):
        told = error.message.lower()
        return "not enabled" in told or "feature" in told
    if isinstance(error, NotFound) and (error.api_code or "").startswith("architect.flow"):
        return False
    return error.status in _NOT_OFFERED


def _unavailable(error: RequestRejected) -> ValidationReport:
    message = f"the organisation does not offer validation ({error.status}); the version was not checked"
    return ValidationReport((ValidationFinding(Severity.WARNING, message, "validation-unavailable"),))


def _report(job: WireJob) -> ValidationReport:
    successful = job.status == "Success"
    errors = sum(message.type == "Error" for message in job.messages or [])
    words = job_words(job)
    findings = [
        ValidationFinding(Severity.ERROR if index < errors else Severity.WARNING, text)
        for index, text in enumerate(words)
    ]
    if not successful and not errors:
        findings.insert(0, ValidationFinding(Severity.ERROR, "validation failed and the job gave no reason"))
    return ValidationReport(tuple(findings), successful=successful and not errors)
