"""Applies faults to operations, jobs and answers, which are dropped, slow or far too large."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from email.utils import format_datetime

import httpx
from starlette.responses import HTMLResponse, Response
from starlette.types import Receive, Scope, Send

from controller.domain.clock import Clock
from controller.domain.identity import FlowKey
from controller.simulator.call import ServedCall
from controller.simulator.faults import Fault, FaultKind, Point
from controller.simulator.flow import OperationProblem, SimulatedFlow
from controller.simulator.problem import ApiError, too_many_requests
from controller.simulator.publishing import Mishap
from controller.simulator.state import SimulatedJob, SimulatedMessage

DROP = "simulator.drop"
"""The scope extension of the server that closes the connection; absent without a connection."""
_CHUNK = 65_536


class DroppedResponse(Response):
    """A connection that breaks, either before the answer or in the middle of the given one."""

    def __init__(self, partial: Response | None = None) -> None:
        super().__init__(status_code=partial.status_code if partial else 500)
        self._partial = partial

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if self._partial:
            body = bytes(self._partial.body)
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self._partial.raw_headers}
            )
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
        drop = scope.get("extensions", {}).get(DROP)
        if drop is None:
            # Within one process there is no connection to close: make the caller's transport fail like a broken one.
            raise httpx.ReadError("the simulated connection was reset")
        drop()
        while (await receive())["type"] != "http.disconnect":
            pass


class SlowResponse(Response):
    """An answer with a delay between headers and body."""

    def __init__(self, whole: Response, delay_s: float, clock: Clock) -> None:
        super().__init__(bytes(whole.body), whole.status_code)
        self.raw_headers = whole.raw_headers
        self._delay_s, self._clock = delay_s, clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await self._clock.sleep(self._delay_s)
        await send({"type": "http.response.body", "body": self.body})


class HugeResponse(Response):
    """A JSON object with one enormous field, sent in pieces."""

    def __init__(self, whole: Response, size: int) -> None:
        super().__init__(status_code=whole.status_code)
        self.raw_headers = [header for header in whole.raw_headers if header[0] != b"content-length"]
        self._size = size

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002 - ASGI's signature
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": b'{"padding": "', "more_body": True})
        for start in range(0, self._size, _CHUNK):
            piece = b"x" * min(_CHUNK, self._size - start)
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b'"}'})


_PUBLISH = frozenset({FaultKind.PUBLISH_SILENT_NOOP, FaultKind.PUBLISH_FAILS, FaultKind.WRONG_VERSION})
DISGUISED_429 = ("setting the Archy exit code to 107", "could not find the flow with id")
"""The outward appearance of a 429 inside an export job."""


def publish_mishap(call: ServedCall, flow: SimulatedFlow) -> Mishap | None:
    """The fault of this publish, if any."""
    fault = call.fault(_PUBLISH, flow)
    if fault is None:
        return None
    if fault.kind is FaultKind.PUBLISH_SILENT_NOOP:
        return Mishap(silent=True)
    if fault.kind is FaultKind.WRONG_VERSION:
        return Mishap(version=fault.version or (flow.published.id if flow.published else None))
    message = "The publish failed." if fault.message is None else fault.message
    return Mishap(problem=OperationProblem("flow.publish.failed", message))


def upload_mishap(call: ServedCall, job: SimulatedJob, key: FlowKey | None) -> None:
    """Let an upload fail, or leave its version unpublished, if a fault demands it."""
    fault = call.fault({FaultKind.JOB_FAILS, FaultKind.PUBLISH_SILENT_NOOP}, key)
    if fault is None:
        return
    if fault.kind is FaultKind.PUBLISH_SILENT_NOOP:
        job.leave_unpublished = True
    else:
        job.force_failure = "the flow has validation errors" if fault.message is None else fault.message


def job_mishap(call: ServedCall, job: SimulatedJob, flows: list[SimulatedFlow]) -> None:
    """Let an export or validate job fail, with or without messages, if a fault demands it."""
    fault = call.fault({FaultKind.JOB_FAILS, FaultKind.DISGUISED_429}, *flows)
    if fault is None or job.ends_at is None:
        return
    job.failed = True
    if fault.kind is FaultKind.DISGUISED_429:
        first, second = DISGUISED_429
        job.messages = [
            SimulatedMessage(job.ends_at, f"{second} '{flows[0].id}'"),
            SimulatedMessage(job.ends_at, first),
        ]
    elif fault.message != "":
        job.messages = [SimulatedMessage(job.ends_at, fault.message or "The job failed.")]


_SERVER_ERRORS: Mapping[int, tuple[str, str]] = {
    500: ("internal.server.error", "The server encountered an unexpected condition."),
    502: ("bad.gateway", "Bad Gateway"),
    503: ("service.unavailable", "Service Unavailable - The server is currently unavailable."),
    504: ("request.timeout", "The request timed out."),
}
_PAGE = "<html><head><title>We'll be right back</title></head><body><h1>Scheduled maintenance</h1></body></html>"


def before(fault: Fault, now: datetime) -> Response | None:
    """The answer that replaces the handling of the request; None if the request is handled first."""
    if fault.kind is FaultKind.HTTP_429:
        seconds = 1 if fault.retry_after_s is None else fault.retry_after_s
        raise too_many_requests(seconds, {"Retry-After": _retry_after(fault, seconds, now)})
    if fault.kind is FaultKind.REDIRECT:
        return Response(status_code=fault.status or 307, headers={"Location": fault.location})
    if fault.kind is FaultKind.HTML_ERROR:
        return HTMLResponse(_PAGE, fault.status or 200)
    if fault.point is not Point.BEFORE:
        return None
    if fault.kind is FaultKind.HTTP_5XX:
        raise _server_error(fault, now)
    if fault.kind is FaultKind.RESET:
        return DroppedResponse()
    return None


def after(fault: Fault, response: Response, clock: Clock) -> Response:
    """The answer of a handled request after the fault."""
    if fault.kind is FaultKind.HTTP_5XX:
        raise _server_error(fault, clock.now())
    if fault.kind is FaultKind.RESET:
        return DroppedResponse(response if fault.point is Point.MIDDLE else None)
    if fault.kind is FaultKind.SLOW_BODY:
        return SlowResponse(response, fault.delay_s, clock)
    if fault.kind is FaultKind.HUGE_BODY:
        return HugeResponse(response, fault.size)
    content = bytes(response.body)
    if fault.kind is FaultKind.TRUNCATED_JSON:
        return _with_body(response, content[: len(content) // 2])
    if fault.kind is FaultKind.WRONG_TYPE:
        return _edited(response, lambda value: _wrong_type(value, fault.field))
    if fault.kind is FaultKind.MISSING_FIELD:
        return _edited(response, lambda value: _without(value, fault.field or "id"))
    return response


def _server_error(fault: Fault, now: datetime) -> ApiError:
    status = fault.status or 503
    code, message = _SERVER_ERRORS.get(status, _SERVER_ERRORS[500])
    seconds = fault.retry_after_s
    headers = {} if seconds is None else {"Retry-After": _retry_after(fault, seconds, now)}
    return ApiError(status, code, message, headers=headers)


def _retry_after(fault: Fault, seconds: int, now: datetime) -> str:
    return format_datetime(now + timedelta(seconds=seconds), usegmt=True) if fault.retry_after_date else str(seconds)


def _with_body(response: Response, content: bytes) -> Response:
    copy = Response(content, response.status_code)
    kept = [header for header in response.raw_headers if header[0] != b"content-length"]
    copy.raw_headers = [*kept, (b"content-length", str(len(content)).encode())]
    return copy


def _edited(response: Response, edit: Callable[[object], object]) -> Response:
    try:
        value = json.loads(bytes(response.body))
    except ValueError:
        return response
    return _with_body(response, json.dumps(edit(value)).encode())


def _wrong_type(value: object, field: str | None) -> object:
    """Change the type of a field at any depth; without a field, of the whole answer."""
    if field is None:
        return [value]
    if isinstance(value, dict):
        return {
            key: (["unexpected"] if not isinstance(item, list) else "unexpected")
            if key == field
            else _wrong_type(item, field)
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_wrong_type(item, field) for item in value]
    return value


def _without(value: object, field: str) -> object:
    if isinstance(value, dict):
        return {key: _without(item, field) for key, item in value.items() if key != field}
    if isinstance(value, list):
        return [_without(item, field) for item in value]
    return value
