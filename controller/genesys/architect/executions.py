"""Execution data: lists a version's executions with their results, and launches executions.

The data is off by default in an organisation and kept for ten days. A query returns at most 200 rows, not necessarily
the newest, so the range of time is halved until every part has fewer.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from controller.domain.errors.organization import BadAnswer, NotFound
from controller.domain.excerpt import excerpt
from controller.domain.platform import ExecutionSummary, Launch, Priority
from controller.domain.traces import TraceRequest
from controller.genesys.architect.jobs import ready
from controller.genesys.call import ApiCall, iso_utc
from controller.genesys.narrowing import all_rows
from controller.genesys.part import PlatformPart
from controller.genesys.transport import Transport
from controller.genesys.wire.architect import ExecutionDataJob, ExecutionRow, Registered, RuntimeExecution
from controller.genesys.wire.model import ListPage

MOST_ROWS = 200
_INSTANCES = "/api/v2/flows/instances"
_EXECUTIONS = "/api/v2/flows/executions"
_DOWNLOAD = "(presigned execution data)"


class ArchitectExecutions(PlatformPart):
    """Implements `Executions`."""

    async def of_version(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        """Executions of that version that started from `since` up to, not including, `until`, unordered."""

        async def fetch(start: datetime, end: datetime) -> Sequence[ExecutionRow]:
            return await self._query([("FlowId", "eq", flow_id), *_between(start, end)])

        async for row in all_rows(fetch, since, until, full=MOST_ROWS):
            summary = _summary(row, flow_id)
            if summary is not None and summary.version == version and summary.within(since, until):
                yield summary

    async def found(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that match a request by flow, version, conversation and time, unordered."""
        asked = {"FlowId": request.flow_id, "ConversationId": request.conversation_id}
        criteria = [(key, "eq", value) for key, value in asked.items() if value]

        async def fetch(start: datetime, end: datetime) -> Sequence[ExecutionRow]:
            return await self._query([*criteria, *_between(start, end)])

        async for row in all_rows(fetch, request.start, request.end, full=MOST_ROWS):
            summary = _summary(row, row.flow_id or request.flow_id or "")
            if summary is not None and request.flow_version in (None, summary.version):
                yield summary

    async def _query(self, criteria: Sequence[tuple[str, str, str]]) -> Sequence[ExecutionRow]:
        """At most 200 rows that match all criteria `(key, operator, value)`."""
        body = {"query": [{"criteria": {"key": key, "operator": op, "value": value}} for key, op, value in criteria]}
        query, priority = {"pageSize": MOST_ROWS}, self._usually(Priority.GATE)
        call = ApiCall("POST", f"{_INSTANCES}/query", query=query, body=body, priority=priority, repeatable=True)
        return (await self._transport.fetch(call, ListPage[ExecutionRow])).entities


@dataclass(frozen=True, slots=True)
class RenderedExecution:
    """An execution file that can be fetched."""

    id: str
    url: str = field(repr=False)
    """Presigned, so the URL alone permits reading the file. Never log or store it."""
    transport: Transport = field(repr=False)

    async def save(self, file: BinaryIO) -> None:
        """Write the file (JSON) to `file`, piece by piece."""
        call = ApiCall("GET", _DOWNLOAD, limit_bytes=self.transport.settings.execution_limit_bytes)
        await self.transport.save_presigned(self.url, file, call=call)


class ArchitectExecutionFiles(PlatformPart):
    """Implements `ExecutionFiles`."""

    async def rendered(self, ids: Sequence[str]) -> Sequence[RenderedExecution]:
        """At most 200 execution files, rendered by one job, without those that could not be rendered.

        Raises ServerFault when the organisation does not render them in time.
        """
        transport = self._transport
        try:
            job = await transport.fetch(_asking(ids), ExecutionDataJob)
        except NotFound:
            return []
        look = ApiCall("GET", f"{_INSTANCES}/jobs/{{jobId}}", {"jobId": job.id})
        late = "the execution data were not rendered in time"
        job = await ready(transport, look, job, lambda answer: answer.job_state in ("Registered", "Running"), late)
        if job.job_state != "Success":
            raise BadAnswer(f"{look.name}: rendering the execution data ended as {job.job_state}")
        return [
            RenderedExecution(entity.id, entity.download_uri, transport)
            for entity in job.entities or []
            if entity.id and entity.download_uri and not entity.failed
        ]


def _asking(ids: Sequence[str]) -> ApiCall:
    """The request for these executions. A single one is requested by its id, so that an unknown one fails at once."""
    if len(ids) == 1:
        return ApiCall("GET", f"{_INSTANCES}/{{instanceId}}", {"instanceId": ids[0]})
    return ApiCall("POST", f"{_INSTANCES}/jobs", body={"ids": list(ids)}, repeatable=True)


class ArchitectLaunches(PlatformPart):
    """Implements `Launches`."""

    async def start(self, flow_id: str, version: str, inputs: Mapping[str, object]) -> Launch:
        """Launch one execution of a flow type that allows it. Raises AnswerLost, after which it may be running."""
        body = {"flowId": flow_id, "flowVersion": version, "inputData": dict(inputs), "name": "penstock gate"}
        call = ApiCall("POST", _EXECUTIONS, body=body, priority=self._usually(Priority.GATE))
        return Launch((await self._transport.fetch(call, Registered)).id, "running")

    async def state(self, launch_id: str) -> Launch:
        """The state of the launched execution. Raises NotFound."""
        path = {"flowExecutionId": launch_id}
        call = ApiCall("GET", f"{_EXECUTIONS}/{{flowExecutionId}}", path, priority=self._usually(Priority.GATE))
        execution = await self._transport.fetch(call, RuntimeExecution)
        state = {"UNKNOWN": "running", "RUNNING": "running", "COMPLETED": "completed"}.get(execution.status, "failed")
        error = execution.flow_error_info
        given = " ".join(part for part in ((error.code, error.message) if error else ()) if part)
        message = excerpt(given or execution.completion_reason or "") or None
        return Launch(launch_id, state, message)


def _between(start: datetime, end: datetime) -> list[tuple[str, str, str]]:
    return [("FlowStartDateTime", "gte", iso_utc(start)), ("FlowStartDateTime", "lt", iso_utc(end))]


def _summary(row: ExecutionRow, flow_id: str) -> ExecutionSummary | None:
    """A row's summary. The query cannot filter by version, so callers do. A row without version or start is skipped."""
    if row.flow_version is None or row.start_date_time is None:
        return None
    return ExecutionSummary(
        id=row.id,
        flow_id=flow_id,
        version=row.flow_version,
        started_at=row.start_date_time,
        ended_at=row.end_date_time,
        failed=bool(row.flow_error_reason),
        reason=row.flow_error_reason,
    )
