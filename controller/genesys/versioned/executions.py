"""Executions of flows, by their traces; where the query gives an id alone, the trace says the rest (T1, T4)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from controller.domain.errors import NotFound
from controller.domain.platform import ExecutionSummary, Priority, Standing
from controller.domain.traces import TraceRequest
from controller.genesys.part import Part
from controller.genesys.transport import Transport
from controller.genesys.versioned.traces import FAILED, executions, found, summary_of, trace, trace_steps
from controller.genesys.versioned.versions import VersionReader
from controller.genesys.wire.versioned import TraceRow

MOST_READ = 100
"""Traces that one count reads; the others stay unknown, and the next count goes on."""
_REMEMBERED = 10_000


class VersionedExecutions(Part):
    """Implements `Executions`."""

    def __init__(self, transport: Transport, versions: VersionReader) -> None:
        super().__init__(transport)
        self._versions = versions
        self._untold = Untold(transport)

    def of_version(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        request = TraceRequest(since, until, flow_id, version)
        return self._untold.resolved(executions(self._transport, self._versions, request))

    def found(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that a request asks for, in no order; their ids are those of their traces."""
        return found(self._transport, self._versions, request)


class VersionedTraces(Part):
    """Implements `Traces`."""

    async def header(self, trace_id: str) -> Mapping[str, Any]:
        return await trace(self._transport, trace_id)

    def steps(self, trace_id: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        return trace_steps(self._transport, trace_id)


class Untold:
    """Reads headers and, where those tell nothing either, steps; what has ended is remembered."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._ended: dict[str, ExecutionSummary] = {}

    async def resolved(self, summaries: AsyncIterator[ExecutionSummary]) -> AsyncIterator[ExecutionSummary]:
        """The same executions, with those that nothing is told of read: up to `MOST_READ` of them."""
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
            header = await trace(self._transport, summary.id, Priority.GATE)
            told = summary_of(TraceRow.model_validate(header), summary.flow_id, summary.version)
            return told if told.standing is not Standing.UNKNOWN else await self._walked(told)
        except (NotFound, ValidationError):
            return summary

    async def _walked(self, summary: ExecutionSummary) -> ExecutionSummary:
        """Failed where a step failed; ended where the last step names no next one."""
        ended = False
        async for page in trace_steps(self._transport, summary.id, Priority.GATE):
            for step in page:
                status, ended = str(step.get("status") or "").lower(), not step.get("nextStepId")
                if status in FAILED:
                    return replace(summary, failed=True, reason=status, told=Standing.ENDED)
        return replace(summary, told=Standing.ENDED) if ended else summary
