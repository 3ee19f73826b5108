"""How executions went of which the query tells the id alone: their traces tell it (T1, T4)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace

from pydantic import ValidationError

from controller.domain.errors import NotFound
from controller.domain.platform import ExecutionSummary, Priority, Standing
from controller.genesys.transport import Transport
from controller.genesys.versioned.traces import FAILED, summary_of, trace, trace_steps
from controller.genesys.wire.versioned import TraceRow

MOST_READ = 100
"""Traces that one count reads; the others stay unknown, and the next count goes on."""
_REMEMBERED = 10_000


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
