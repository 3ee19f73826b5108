"""Jobs of the organisation: register, look again every two seconds, read the messages."""

from __future__ import annotations

from controller.domain.errors import ServerFault
from controller.domain.platform import Priority
from controller.domain.redaction import Redactor
from controller.genesys.call import Call
from controller.genesys.excerpt import excerpt
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import Job, JobMessage

ENDED = frozenset({"Success", "Failure"})


async def finished_job(transport: Transport, route: str, job_id: str, priority: Priority) -> Job:
    """The job when it has ended, well or not. Raises ServerFault when it does not end in time."""
    deadline = transport.clock.monotonic() + transport.settings.job_timeout_s
    call = Call("GET", f"{route}/{{jobId}}", {"jobId": job_id}, {"expand": "messages"}, priority=priority)
    while True:
        job = await transport.fetch(call, Job)
        if job.status in ENDED:
            return job
        if transport.clock.monotonic() >= deadline:
            raise ServerFault(
                f"{call.name}: the job {job_id} is still {job.status} after {transport.settings.job_timeout_s:g} s"
            )
        await transport.clock.sleep(transport.settings.poll_s)


def job_words(job: Job, redactor: Redactor) -> tuple[str, ...]:
    """The job's messages, errors first, shortened and redacted; nothing of request and answer bodies."""
    ordered = sorted(job.messages or [], key=lambda message: message.type != "Error")
    return tuple(excerpt(_line(message), redactor) for message in ordered)


def _line(message: JobMessage) -> str:
    """Details hold unredacted bodies and URLs of the organisation's own calls: only code and message are shown."""
    details = [
        " ".join(str(part) for part in (detail.status_code, detail.error_code, detail.error_message) if part)
        for detail in message.details or []
    ]
    shown = "; ".join(detail for detail in details if detail)
    text = message.text or "no text"
    return f"{text} ({shown})" if shown else text
