"""Traces of executions: found by a query for one version, read page by page, counted for error rates (T1, T4).

Where the query gives an id alone, the trace itself says how the execution ended.
"""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import structlog
from pydantic import ValidationError

from controller.domain.errors.organization import BadAnswer, NotFound, PermissionMissing
from controller.domain.platform import ExecutionSummary, Priority, Standing
from controller.domain.traces import TraceRequest
from controller.domain.versions import VersionInfo, is_number
from controller.genesys.call import ApiCall, iso_utc
from controller.genesys.narrowing import all_rows
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.versioned.versions import VersionDirectory
from controller.genesys.wire.versioned import TracePage, TraceRow

log = structlog.get_logger()

TRACES = "/api/v2/flows/debug/traces"
FAILED = frozenset({"error", "failed", "failure", "timeout", "validation_error", "service_unavailable", "fault"})
_RUNNING = frozenset({"running", "in_progress", "active", "started", "pending", "queued"})
_PAGE_SIZE = 100


@dataclass(frozen=True, slots=True)
class _Asked:
    """The flow and version of a query, as far as they are known."""

    flow_id: str | None = None
    version_id: str | None = None
    number: str | None = None

    def fits(self, row: TraceRow) -> bool:
        """Whether the row may belong to this flow and version."""
        other_flow = None not in (self.flow_id, row.flow_id) and row.flow_id != self.flow_id
        known = {None, self.version_id, self.number}
        return not other_flow and (self.version_id is None or row.flow_version in known)

    def summary(self, row: TraceRow) -> ExecutionSummary:
        return summary_of(row, row.flow_id or self.flow_id or "", self.number or row.flow_version or "")


def _may_have_run(info: VersionInfo, request: TraceRequest) -> bool:
    """Whether the version may have been live in the range."""
    later = info.published_at is not None and info.published_at >= request.end
    return not later and (info.published_until is None or info.published_until >= request.start)


async def _pages(transport: Transport, call: Callable[[str | None], ApiCall]) -> AsyncIterator[TracePage]:
    """The pages of a list; `call` makes the call for a page token. Raises BadAnswer for a repeated token."""
    token: str | None = None
    seen: set[str | None] = set()
    while token not in seen:
        seen.add(token)
        page = await transport.fetch(call(token), TracePage)
        yield page
        token = page.cursor
        if not token:
            return
    name = call(token).name
    raise BadAnswer(f"{name}: the organisation gave the same page token twice; the listing would never end")


def query_body(request: TraceRequest, version_id: str | None) -> dict[str, object]:
    """The body of the query: snake case, the version by its id from the list of versions (T1)."""
    body: dict[str, object] = {
        "session_token": request.session_token or request.conversation_id or str(uuid.uuid4()),
        "start_date_time": iso_utc(request.start),
        "end_date_time": iso_utc(request.end),
        "page_size": request.page_size,
    }
    if version_id is not None:
        body["flow_version_id"] = version_id
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
        raise BadAnswer(f"POST {TRACES}/query: a trace in the answer has no usable id") from None


def summary_of(row: TraceRow, flow_id: str, version: str) -> ExecutionSummary:
    """The row as a summary; missing fields stay unknown."""
    status = (row.status or "").lower()
    ended_at = row.end_time or row.end_date_time
    stated = Standing.ENDED if status else Standing.UNKNOWN
    if status in _RUNNING:
        stated = Standing.RUNNING
    return ExecutionSummary(
        id=row.id,
        flow_id=flow_id,
        version=version,
        started_at=row.start_time or row.start_date_time,
        ended_at=ended_at,
        failed=status in FAILED,
        reason=row.error_message or (status if status in FAILED else None),
        stated=Standing.ENDED if ended_at is not None and not status else stated,
    )


MOST_READ = 100
"""Traces read for one count; the others stay unknown until the next count."""
_REMEMBERED = 10_000


class VersionedTraces(PlatformPart):
    """Implements `Traces`."""

    async def header(self, trace_id: str) -> Mapping[str, Any]:
        """The header of one trace as received. Raises NotFound when it is unknown, archived or expired."""
        path, priority = {"traceId": trace_id}, self._usually(Priority.OBSERVE)
        return await self._transport.fetch_object(ApiCall("GET", f"{TRACES}/{{traceId}}", path, priority=priority))

    async def steps(self, trace_id: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The steps of one trace in order, in pages of up to 100. Raises BadAnswer for a repeated cursor."""
        path, priority = {"traceId": trace_id}, self._usually(Priority.OBSERVE)

        def call(token: str | None) -> ApiCall:
            query = {"pageSize": _PAGE_SIZE, "nextPageToken": token}
            return ApiCall("GET", f"{TRACES}/{{traceId}}/steps", path, query, priority=priority)

        async for page in _pages(self._transport, call):
            yield page.entities


class VersionedExecutions(PlatformPart):
    """Implements `Executions`."""

    def __init__(self, transport: Transport, versions: VersionDirectory) -> None:
        super().__init__(transport)
        self._versions = versions
        self._standings = StandingReader(VersionedTraces(transport).at(Priority.GATE))

    async def of_version(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        """Executions of that version which started in the range, unordered.

        The query's answer names no next page, so a full one may have been cut.
        """
        asked = _Asked(flow_id, await self._versions.id_of(flow_id, version, Priority.GATE), version)
        found = self._found(TraceRequest(since, until, flow_id, version), asked)
        within = (summary async for summary in found if summary.within(since, until))
        async for summary in self._standings.resolved(within):
            yield summary

    async def found(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that a request asks for, by flow, version, session and time, in no order.

        Their ids are those of their traces. A query is for one version: a flow without one costs a query for each
        version that may have run in the range. Raises NoSuchVersion, and PermissionMissing where only the client's
        rights keep the versions' ids from us.
        """
        for asked in await self._asked(request):
            async for summary in self._found(request, asked):
                yield summary

    async def _asked(self, request: TraceRequest) -> Sequence[_Asked]:
        flow_id, version = request.flow_id, request.flow_version
        if flow_id is None:
            return [_Asked(version_id=version)]
        try:
            if version is not None:
                return [_Asked(flow_id, await self._versions.id_of(flow_id, version), version)]
            infos = await self._versions.read(flow_id)
        except PermissionMissing as error:
            if version is None or is_number(version):
                hint = f"name a version by its id (--version ID), or {error.hint or 'ask for the permission'}"
                raise error.with_hint(hint) from error
            log.warning("trace.version-taken-for-an-id", version=version, hint="the client may not list versions")
            return [_Asked(flow_id, version)]
        return [_Asked(flow_id, info.id, info.version) for info in infos if _may_have_run(info, request)]

    async def _found(self, request: TraceRequest, asked: _Asked) -> AsyncIterator[ExecutionSummary]:
        async def fetch(start: datetime, end: datetime) -> Sequence[ExecutionSummary]:
            body = query_body(replace(request, start=start, end=end), asked.version_id)

            def call(token: str | None) -> ApiCall:
                sent = body | ({"next_page_token": token} if token else {})
                return ApiCall("POST", f"{TRACES}/query", body=sent, priority=Priority.GATE, repeatable=True)

            rows = [_row(raw) async for page in _pages(self._transport, call) for raw in page.entities]
            return [asked.summary(row) for row in rows if asked.fits(row)]

        async for summary in all_rows(fetch, request.start, request.end, full=_PAGE_SIZE):
            yield summary


class StandingReader:
    """Reads headers and, if those give nothing either, steps. Ended executions are cached."""

    def __init__(self, traces: VersionedTraces) -> None:
        self._traces = traces
        self._ended: dict[str, ExecutionSummary] = {}

    async def resolved(self, summaries: AsyncIterator[ExecutionSummary]) -> AsyncIterator[ExecutionSummary]:
        """The same executions, with up to `MOST_READ` unknown ones resolved by reading their traces."""
        left = MOST_READ
        async for summary in summaries:
            if summary.standing is not Standing.UNKNOWN:
                yield summary
            elif summary.id in self._ended:
                yield self._ended[summary.id]
            elif left:
                left -= 1
                yield self._keep(await self._read(summary))
            else:
                yield summary

    def _keep(self, summary: ExecutionSummary) -> ExecutionSummary:
        if summary.standing is Standing.ENDED:
            if len(self._ended) >= _REMEMBERED:
                self._ended.clear()
            self._ended[summary.id] = summary
        return summary

    async def _read(self, summary: ExecutionSummary) -> ExecutionSummary:
        try:
            header = await self._traces.header(summary.id)
            stated = summary_of(TraceRow.model_validate(header), summary.flow_id, summary.version)
            return stated if stated.standing is not Standing.UNKNOWN else await self._walked(stated)
        except (NotFound, ValidationError):
            return summary

    async def _walked(self, summary: ExecutionSummary) -> ExecutionSummary:
        """The execution after reading its steps: failed if a step failed, ended if the last step names no next one."""
        ended = False
        async for page in self._traces.steps(summary.id):
            for step in page:
                status, ended = str(step.get("status") or "").lower(), not step.get("nextStepId")
                if status in FAILED:
                    return replace(summary, failed=True, reason=status, stated=Standing.ENDED)
        return replace(summary, stated=Standing.ENDED) if ended else summary
