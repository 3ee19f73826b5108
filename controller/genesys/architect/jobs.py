"""Jobs of the organisation: polls them at growing intervals and reads their messages."""

from __future__ import annotations

import re
from collections.abc import Callable

from controller.domain.errors.organization import ServerFault
from controller.domain.excerpt import excerpt
from controller.domain.platform import FailureCause, Priority
from controller.genesys.bodies import Model
from controller.genesys.call import ApiCall
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import JobMessage, WireJob

ENDED = frozenset({"Success", "Failure"})
_GROWTH = 1.25
_LONGEST_WAIT_S = 15.0
_NO_TEXT = "no text"
_LOCKED = re.compile(r"is locked by ", re.IGNORECASE)
_LIMITED = re.compile(r"too many requests|rate limit|(?:status|code|error|http)\W{0,4}429\b|\(429 ", re.IGNORECASE)
_EMPTY_WORDS = re.compile(
    r"no text|architect scripting session ended in error|flow publish failed|no tracing messages|code: [0-9]+",
    re.IGNORECASE,
)
"""Messages of a failed job that give no reason: its session ended, with a code."""


async def ready(transport: Transport, call: ApiCall, answer: Model, waits: Callable[[Model], bool], late: str) -> Model:
    """The answer, read again while it waits. Raises ServerFault with `late` when it is not ready in time."""
    deadline = transport.clock.monotonic() + transport.settings.job_timeout_s
    while waits(answer):
        if transport.clock.monotonic() >= deadline:
            raise ServerFault(f"{call.name}: {late}")
        await transport.clock.sleep(transport.settings.poll_s)
        answer = await transport.fetch(call, type(answer))
    return answer


async def finished_job(transport: Transport, route: str, job_id: str, priority: Priority) -> WireJob:
    """Wait until the job has ended. Raises ServerFault when it does not end in time."""
    timeout_s = transport.settings.job_timeout_s
    deadline = transport.clock.monotonic() + timeout_s
    wait_s = transport.settings.poll_s
    call = ApiCall("GET", f"{route}/{{jobId}}", {"jobId": job_id}, {"expand": "messages"}, priority=priority)
    while True:
        job = await transport.fetch(call, WireJob)
        if job.status in ENDED:
            return job
        left_s = deadline - transport.clock.monotonic()
        if left_s <= 0:
            raise ServerFault(f"{call.name}: the job {job_id} is still {job.status} after {timeout_s:g} s")
        await transport.clock.sleep(min(wait_s, left_s))
        wait_s = min(wait_s * _GROWTH, _LONGEST_WAIT_S)


def job_words(job: WireJob) -> tuple[str, ...]:
    """The job's messages, errors first, shortened and redacted, without bodies of requests and responses."""
    ordered = sorted(job.messages or [], key=lambda message: message.type != "Error")
    return tuple(excerpt(_line(message)) for message in ordered)


def failure_cause(job: WireJob) -> FailureCause:
    """Why a job failed. Its messages may hold only the end of its session, or a request limit that the job met."""
    texts = [text for message in job.messages or [] if message.type != "Warning" and (text := _line(message))]
    if any(_LOCKED.search(text) for text in texts):
        return FailureCause.LOCK
    reasons = [text for text in texts if any(map(str.isalnum, _EMPTY_WORDS.sub("", text)))]
    if not reasons or any(_LIMITED.search(text) for text in reasons):
        return FailureCause.UNKNOWN
    return FailureCause.CONTENT


def _line(message: JobMessage) -> str:
    """One message as a line. Its details hold unredacted bodies and URLs, so only code and text are shown."""
    details = [
        " ".join(str(part) for part in (detail.status_code, detail.error_code, detail.error_message) if part)
        for detail in message.details or []
    ]
    shown = "; ".join(detail for detail in details if detail)
    text = message.text or _NO_TEXT
    return f"{text} ({shown})" if shown else text
