"""Asynchronous traces of actions: start a job, look until it has ended (J1, J3)."""

from __future__ import annotations

import random
from urllib.parse import unquote, urlsplit

from controller.domain.errors import BadAnswer, ServerFault
from controller.domain.traces import ActionTraceRequest
from controller.genesys.call import Call
from controller.genesys.errors import retry_after_s
from controller.genesys.transport import Transport
from controller.genesys.wire.versioned import TraceJob

_JOB = "/api/v2/jobs/{jobId}"
_BASE_S = 2.0
_LONGEST_S = 30.0
_ENDED = frozenset({"completed", "failed"})


async def start_debug(transport: Transport, request: ActionTraceRequest) -> str:
    """Start tracing an action's invocation; the id of the job to ask for. Raises AnswerLost (J1)."""
    body: dict[str, object] = {
        "flowId": request.flow_id,
        "actionInvocationId": request.action_invocation_id,
        "traceDepth": request.trace_depth,
        "contextDirectives": {"captureContext": request.capture_context, "captureData": request.capture_data},
        "enableAsync": True,
    }
    if request.simulated_inputs is not None:
        body["simulatedInputs"] = dict(request.simulated_inputs)
    call = Call("POST", "/api/v2/flows/{flowId}/debug", {"flowId": request.flow_id}, body=body)
    answer = await transport.send(call)
    return job_id_of(call, answer.headers.get("location", ""))


def job_id_of(call: Call, location: str) -> str:
    """The last segment of a `Location`'s path, absolute or relative. The host in it is never asked."""
    try:
        job_id = unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        job_id = ""
    if not job_id:
        raise BadAnswer(f"{call.name}: the answer's Location header names no job")
    return job_id


async def finished_debug_job(transport: Transport, job_id: str, timeout_s: float) -> TraceJob:
    """The job when it has ended, well or not: looked at at once and after 2 s, then ever more rarely, or when it says.

    Raises ServerFault when it does not end in time.
    """
    clock = transport.clock
    deadline, backoff_s = clock.monotonic() + timeout_s, _BASE_S
    while True:
        job, told_s = await _look(transport, job_id)
        if job.status.lower() in _ENDED:
            return job
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            raise ServerFault(
                f"GET {_JOB}: job {job_id} is still {job.status} after {timeout_s:g} s",
                hint=f"wait for the same job again: --job {job_id}",
            )
        jittered_s = backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads calls, it hides nothing
        await clock.sleep(min(left_s, told_s or jittered_s))
        backoff_s = min(_LONGEST_S, backoff_s * 2)


async def _look(transport: Transport, job_id: str) -> tuple[TraceJob, float | None]:
    """The job, and how long its answer asks to wait."""
    call = Call("GET", _JOB, {"jobId": job_id})
    answer = await transport.send(call)
    return transport.read(call, answer, TraceJob), retry_after_s(answer.headers, transport.clock.now())
