"""Asynchronous traces of actions: starts a job and polls it until it ends, also through outages (J1, J3, J7)."""

from __future__ import annotations

import random
from urllib.parse import unquote, urlsplit

from controller.domain.errors.branches import PenstockError, Transient, Waiting
from controller.domain.errors.organization import AnswerLost, BadAnswer, NotFound, ServerFault
from controller.domain.traces import ActionTraceRequest, StartedTrace
from controller.domain.waiting import retry_after_s
from controller.genesys.bodies import read_json
from controller.genesys.call import Answer, ApiCall
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.versioned import TraceJob

_JOB = "/api/v2/jobs/{jobId}"
_BASE_S = 2.0
_LONGEST_S = 30.0
_UNSEEN_S = 30.0
"""Seconds for which a job that was just started may not be found."""
_NOTHING_CHANGED = "start the trace again: it changes nothing, and one that may run already will end"


class VersionedActionTraces(PlatformPart):
    """Implements `ActionTraces`."""

    async def start(self, request: ActionTraceRequest) -> StartedTrace:
        """Start a trace of an action's invocation (J1). Raises AnswerLost, BadAnswer for an answer without a job."""
        body: dict[str, object] = {
            "flowId": request.flow_id,
            "actionInvocationId": request.action_invocation_id,
            "traceDepth": request.trace_depth,
            "contextDirectives": {"captureContext": request.capture_context, "captureData": request.capture_data},
            "enableAsync": True,
        }
        if request.simulated_inputs is not None:
            body["simulatedInputs"] = dict(request.simulated_inputs)
        call = ApiCall("POST", "/api/v2/flows/{flowId}/debug", {"flowId": request.flow_id}, body=body)
        try:
            answer = await self._transport.send(call)
        except AnswerLost as error:
            raise error.with_hint(_NOTHING_CHANGED) from error
        location = answer.headers.get("location", "")
        if location:
            return StartedTrace(job_id_of(call, location))
        return _in_the_answer(self._transport, call, answer)

    async def finished(self, job_id: str, *, timeout_s: float = 300.0, just_started: bool = False) -> TraceJob:
        """Wait until the job has ended, successful or not. It is read at once, after 2 s, then at growing intervals.

        An outage that is shorter than the circuit breaker's does not end the wait, and its time does not count. Every
        error names the job, which continues. Raises ServerFault when the job does not end in time.
        """
        try:
            return await _Polling(self._transport, job_id, timeout_s, just_started=just_started).finished()
        except PenstockError as error:
            raise error.with_hint(f"the job may still run; wait for it with --job {job_id}") from error


def _in_the_answer(transport: Transport, call: ApiCall, answer: Answer) -> StartedTrace:
    """The content of an answer without a `Location`: the trace itself, or the id of its job."""
    found = read_json(call, answer) if answer.content.strip() else None
    if isinstance(found, dict):
        named = found.get("id") or found.get("jobId")
        job_id = named if isinstance(named, str) else ""
        job = transport.read(call, answer, TraceJob) if "status" in found or "result" in found else None
        if job is not None and job.ended:
            return StartedTrace(job_id, job)
        if job_id:
            return StartedTrace(job_id)
    raise BadAnswer(f"{call.name}: the answer names no job, neither in Location nor in its body", hint=_NOTHING_CHANGED)


def job_id_of(call: ApiCall, location: str) -> str:
    """The last path segment of an absolute or relative `Location`. Its host is never called."""
    try:
        job_id = unquote(urlsplit(location).path.rstrip("/").rpartition("/")[2])
    except ValueError:
        job_id = ""
    if not job_id:
        raise BadAnswer(f"{call.name}: the answer's Location header names no job", hint=_NOTHING_CHANGED)
    return job_id


class _Polling:
    def __init__(self, transport: Transport, job_id: str, timeout_s: float, *, just_started: bool) -> None:
        self._transport = transport
        self._clock = transport.clock
        self._job_id = job_id
        self._timeout_s = timeout_s
        self._began = self._clock.monotonic()
        self._deadline = self._began + timeout_s
        self._unseen_until = self._began + (_UNSEEN_S if just_started else 0.0)
        self._away_since: float | None = None
        """Start of the period in which no read has succeeded."""

    async def finished(self) -> TraceJob:
        backoff_s = _BASE_S
        while True:
            asked_at = self._clock.monotonic()
            try:
                job, asked_s = await self._poll()
            except (Transient, Waiting, NotFound) as error:
                asked_s = self._outlast(error, asked_at)
            else:
                if job.ended:
                    return job
                self._back(job)
            jittered_s = backoff_s * random.uniform(0.5, 1.0)  # noqa: S311 - it spreads calls, it hides nothing
            await self._clock.sleep(min(self._left_s(), asked_s or jittered_s))
            backoff_s = min(_LONGEST_S, backoff_s * 2)

    async def _poll(self) -> tuple[TraceJob, float | None]:
        """The job, and the wait that its answer asks for."""
        call = ApiCall("GET", _JOB, {"jobId": self._job_id})
        answer = await self._transport.send(call)
        asked_s = retry_after_s(answer.headers, self._clock.now())
        return self._transport.read(call, answer, TraceJob), asked_s

    def _outlast(self, error: PenstockError, asked_at: float) -> float | None:
        """Continue despite an error, within the length of a tolerated outage. Returns the wait that it asks for."""
        now = self._clock.monotonic()
        if isinstance(error, NotFound):
            if now >= self._unseen_until:
                raise error
            return None
        self._away_since = asked_at if self._away_since is None else self._away_since
        away_s = now - self._away_since
        if away_s >= self._transport.settings.outage_s:
            message = f"GET {_JOB}: job {self._job_id} could not be read for {away_s:.0f} s: {error.message}"
            raise ServerFault(message) from error
        return error.retry_after_s if isinstance(error, Waiting) else None

    def _back(self, job: TraceJob) -> None:
        """Handle a successful read after an outage. Raises ServerFault when the job's time is over."""
        if self._away_since is not None:
            self._deadline += self._clock.monotonic() - self._away_since
            self._away_since = None
        if self._clock.monotonic() >= self._deadline:
            reason_text = f": {job.reason_text}" if job.reason_text else ""
            message = f"GET {_JOB}: job {self._job_id} is still {job.status} after {self._timeout_s:g} s{reason_text}"
            raise ServerFault(message)

    def _left_s(self) -> float:
        """Longest time until the next read."""
        now = self._clock.monotonic()
        if self._away_since is not None:
            return max(self._away_since + self._transport.settings.outage_s - now, 1.0)
        return max(self._deadline - now, 0.0)
