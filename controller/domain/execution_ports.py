"""The parts of the port (`domain.ports`) that are about executions: finding them, their traces, launching, recording.

As everywhere in the port, a part that a dialect lacks is None, and every operation may raise the errors of
`domain.errors` and no others.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, BinaryIO, Protocol

from controller.domain.identity import FlowKey
from controller.domain.platform import ExecutionSummary, Launch
from controller.domain.recording import LogLevel, Recording
from controller.domain.traces import ActionTraceJob, ActionTraceRequest, StartedTrace, TraceRequest


class Executions(Protocol):
    """Finding executions of flows."""

    def of_version(
        self, flow_id: str, version: str, *, since: datetime, until: datetime
    ) -> AsyncIterator[ExecutionSummary]:
        """Executions of that version which started in the range, in no order."""

    def found(self, request: TraceRequest) -> AsyncIterator[ExecutionSummary]:
        """The executions that a request asks for, in no order."""


class ExecutionFile(Protocol):
    """An execution file that can be fetched."""

    @property
    def id(self) -> str: ...

    async def save(self, file: BinaryIO) -> None:
        """Write the file (JSON) to `file`, piece by piece."""


class ExecutionFiles(Protocol):
    """Execution data as files that the organisation renders."""

    async def rendered(self, ids: Sequence[str]) -> Sequence[ExecutionFile]:
        """At most 200 files that can be saved one by one; those that cannot be rendered are missing."""


class Traces(Protocol):
    """Execution data as traces, which know sessions."""

    async def header(self, trace_id: str) -> Mapping[str, Any]:
        """One trace's header as it was answered. Raises NotFound."""

    def steps(self, trace_id: str) -> AsyncIterator[Sequence[Mapping[str, Any]]]:
        """The steps of one trace in order, page by page."""


class ActionTraces(Protocol):
    """Asynchronous traces of single actions."""

    async def start(self, request: ActionTraceRequest) -> StartedTrace:
        """Start tracing an action's invocation; the job to poll, or its result where that is ready."""

    async def finished(self, job_id: str, *, timeout_s: float = 300.0, just_started: bool = False) -> ActionTraceJob:
        """The job when it has ended; one that was just started may not be found yet.

        Raises ServerFault when it does not end in time; every error names the job.
        """


class Launches(Protocol):
    """Executions that Penstock starts itself, for a gate."""

    async def start(self, flow_id: str, version: str, inputs: Mapping[str, object]) -> Launch: ...

    async def state(self, launch_id: str) -> Launch: ...


class ExecutionRecording(Protocol):
    """What the organisation records of executions. The writes are for a person's explicit command only."""

    async def of(self, flow_id: str) -> Recording:
        """The recording of one flow's executions from now on; it says nothing about the past."""

    async def enabled(self) -> bool: ...

    async def default_level(self) -> LogLevel: ...

    async def levels_by_key(self) -> Mapping[FlowKey, LogLevel]: ...

    async def flow_level(self, flow_id: str) -> LogLevel: ...

    async def switch(self, *, on: bool) -> bool: ...

    async def set_default(self, level: str) -> LogLevel: ...

    async def set_level(self, flow_id: str, level: str) -> LogLevel: ...

    async def drop(self, flow_id: str) -> None: ...
