"""Publishes a flow file: registers a job, puts the YAML to its presigned URL, and follows the job."""

from __future__ import annotations

from controller.domain.errors.organization import BadAnswer
from controller.domain.platform import Priority, Progress, ProgressState, Ticket, TicketKind, UploadSlot
from controller.genesys.architect.jobs import failure_cause, job_words
from controller.genesys.call import ApiCall
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import RegisteredUpload, WireJob

JOBS = "/api/v2/flows/jobs"
_STATES = {
    "Registered": ProgressState.QUEUED,
    "Started": ProgressState.RUNNING,
    "Success": ProgressState.SUCCEEDED,
    "Failure": ProgressState.FAILED,
}


class ArchitectUploads(PlatformPart):
    """Implements `Uploads`."""

    async def register(self) -> UploadSlot:
        """Register an upload and return its slot. A repetition is harmless: a job without a file does nothing."""
        call = ApiCall("POST", JOBS, body={}, priority=self._usually(Priority.PUBLISH), repeatable=True)
        job = await self._transport.fetch(call, RegisteredUpload)
        return UploadSlot(Ticket(TicketKind.JOB, job.id, None), job.presigned_url, dict(job.headers or {}))

    async def send(self, slot: UploadSlot, text: str) -> None:
        """Send the YAML, which the organisation then publishes. Raises AnswerLost; then check the job's progress."""
        call = ApiCall("PUT", "(presigned upload)", priority=self._usually(Priority.PUBLISH))
        await self._transport.put_presigned(slot.url, slot.headers, text.encode(), call=call)


async def upload_progress(transport: Transport, ticket: Ticket, priority: Priority) -> Progress:
    """The state of an upload; `started` is False while the job waits for its file."""
    call = ApiCall("GET", f"{JOBS}/{{jobId}}", {"jobId": ticket.id}, {"expand": "messages"}, priority=priority)
    job = await transport.fetch(call, WireJob)
    state = _STATES.get(job.status)
    if state is None:
        raise BadAnswer(f"{call.name}: {job.status!r} is no status of a job")
    return Progress(
        state,
        stage=job.status,
        messages=job_words(job),
        cause=failure_cause(job),
        flow_id=job.flow.id if job.flow else None,
        started=job.status != "Registered",
    )
