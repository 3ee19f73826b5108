"""Traces of executions: found by a query, read page by page, counted for error rates."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from pydantic import ValidationError

from controller.domain.errors import BadAnswer
from controller.domain.platform import ExecutionSummary, Priority
from controller.domain.traces import TraceRequest
from controller.genesys.call import Call
from controller.genesys.narrowing import all_rows
from controller.genesys.transport import Transport
from controller.genesys.wire.versioned import TracePage, TraceRow

_TRACES = "/api/v2/flows/debug/traces"
_PAGE_SIZE = 100
_FAILED = frozenset({"error", "failed", "failure", "timeout", "validation_error", "service_unavailable", "fault"})


async def trace(transport: Transport, trace_id: str) -> Mapping[str, Any]:
    """One trace's header as it was answered. Raises NotFound when it is unknown, archived or expired."""
    call = Call("GET", f"{_TRACES}/{{traceId}}", {"traceId": trace_id})
    return await transport.fetch_object(call)


async def trace_steps(transport: Transport, trace_id: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
    """The steps of one trace in order, a page of up to 100 at a time. Raises BadAnswer for a cursor that repeats."""
    token: str | None = None
    seen: set[str] = set()
    while True:
        call = Call(
            "GET",
            f"{_TRACES}/{{traceId}}/steps",
            {"traceId": trace_id},
            {"pageSize": _PAGE_SIZE, "nextPageToken": token},
        )
        page = await transport.fetch(call, TracePage)
        yield page.entities
        token = page.next_page_token
        if not token:
            return
        _remember(call, seen, token)


async def executions(
    transport: Transport, flow_id: str, version: str, since: datetime, until: datetime
) -> AsyncIterator[ExecutionSummary]:
    """Executions of that version which started from `since` up to, not including, `until`, in no order.

    The query's answer names no next page: one that is full may have been cut.
    """

    async def fetch(start: datetime, end: datetime) -> Sequence[ExecutionSummary]:
        request = TraceRequest(start=start, end=end, flow_id=flow_id, flow_version=version, page_size=_PAGE_SIZE)
        rows = [_row(raw) async for page in _pages(transport, request, Priority.GATE) for raw in page.entities]
        return [_summary(row, flow_id, version, start) for row in rows]

    async for summary in all_rows(fetch, since, until, full=_PAGE_SIZE):
        if summary.version == version and since <= summary.started_at < until:
            yield summary


async def found(transport: Transport, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
    """The executions that a request asks for, by flow, version, session and time, in no order."""

    async def fetch(start: datetime, end: datetime) -> Sequence[ExecutionSummary]:
        asked = replace(request, start=start, end=end)
        rows = [_row(raw) async for page in _pages(transport, asked, Priority.GATE) for raw in page.entities]
        return [_summary(row, row.flow_id or request.flow_id or "", request.flow_version or "", start) for row in rows]

    async for summary in all_rows(fetch, request.start, request.end, full=_PAGE_SIZE):
        if request.flow_version in (None, summary.version):
            yield summary


async def _pages(transport: Transport, request: TraceRequest, priority: Priority) -> AsyncIterator[TracePage]:
    token: str | None = None
    seen: set[str] = set()
    while True:
        body = query_body(request) | ({"next_page_token": token} if token else {})
        call = Call("POST", f"{_TRACES}/query", body=body, priority=priority, repeatable=True)
        page = await transport.fetch(call, TracePage)
        yield page
        token = page.next_page_token
        if not token:
            return
        _remember(call, seen, token)


def query_body(request: TraceRequest) -> dict[str, object]:
    """The query as the table writes it: snake case, flow and version joined by a colon (T1)."""
    body: dict[str, object] = {
        "session_token": request.session_token or request.conversation_id or str(uuid.uuid4()),
        "start_date_time": _iso(request.start),
        "end_date_time": _iso(request.end),
        "page_size": request.page_size,
    }
    if request.flow_id:
        version = f":{request.flow_version}" if request.flow_version else ""
        body["flow_version_id"] = f"{request.flow_id}{version}"
    if request.snapshot_ranges:
        body["variable_snapshot_ranges"] = [
            {"start_step_index": one.start_step_index, "end_step_index": one.end_step_index}
            for one in request.snapshot_ranges
        ]
    return body


def _row(raw: Mapping[str, Any]) -> TraceRow:
    try:
        return TraceRow.model_validate(raw)
    except ValidationError:
        raise BadAnswer(f"POST {_TRACES}/query: a trace in the answer has no usable id") from None


def _summary(row: TraceRow, flow_id: str, version: str, since: datetime) -> ExecutionSummary:
    """A row without a start counts as started at the range's begin: the query has already chosen it."""
    status = (row.status or "").lower()
    return ExecutionSummary(
        id=row.id,
        flow_id=flow_id,
        version=row.flow_version or version,
        started_at=row.start_time or row.start_date_time or since,
        ended_at=row.end_time or row.end_date_time,
        failed=status in _FAILED,
        reason=row.error_message or (status if status in _FAILED else None),
    )


def _remember(call: Call, seen: set[str], token: str) -> None:
    if token in seen:
        raise BadAnswer(f"{call.name}: the organisation gave the same page token twice; the listing would never end")
    seen.add(token)


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
