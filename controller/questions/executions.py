"""Finds executions of flows and reads each as a trace, after a check of the question.

A trace is on disk during its analysis, which walks it more than once with little memory.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from io import BufferedRandom, FileIO
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from controller.diagnosis.architect_reader import open_execution
from controller.diagnosis.model import Trace, TraceStep
from controller.diagnosis.modules import LiveModule
from controller.diagnosis.query import check_trace_request, retention
from controller.diagnosis.versioned_reader import VersionedReader, versioned_header
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import NotFound, PermissionMissing, TraceUnreadable
from controller.domain.errors.process import SettingsInvalid
from controller.domain.execution_ports import ExecutionFiles, Traces
from controller.domain.platform import ExecutionSummary
from controller.domain.ports import Platform
from controller.domain.traces import SnapshotRange, TraceRequest
from controller.reconcile.flow_choice import flow_id
from controller.reconcile.services import Services


@dataclass(frozen=True, slots=True)
class ExecutionQuestion:
    """The question; its times have a zone."""

    since: datetime
    until: datetime
    asked_at: datetime
    """The time of the question. It keeps a range of the whole retention valid while the question is answered."""
    flow: str | None = None
    """Name as a person gives it."""
    version: str | None = None
    conversation: str | None = None
    session: str | None = None
    snapshots: tuple[SnapshotRange, ...] = ()
    tier: str = "standard"
    """Retention tier of the organisation (versioned dialect): `standard` or `enterprise`."""


async def find_executions(
    services: Services, organization: Organization, question: ExecutionQuestion
) -> Sequence[ExecutionSummary]:
    """The executions in order of their start, those without one first.

    Before any call, raises TraceRequestInvalid when the range is not kept or too long. Raises SettingsInvalid for an
    unknown flow, CapabilityMissing when the dialect has no sessions.
    """
    platform = services.platform(organization)
    executions = platform.executions
    if executions is None:
        raise CapabilityMissing(f"{organization.name}: the {platform.dialect} dialect does not tell of executions")
    request = _checked(organization, question)
    if question.session and platform.traces is None:
        raise CapabilityMissing(
            f"{organization.name}: the {platform.dialect} dialect knows no sessions",
            hint="ask for a conversation: --conversation ID",
        )
    if question.flow is not None:
        request = replace(request, flow_id=await flow_id(platform, organization.flows, question.flow))
    try:
        found = [summary async for summary in executions.found(request)]
    except PermissionMissing as error:
        if error.hint is not None:
            raise
        raise error.with_hint("check that execution data is enabled and that the client may search it") from error
    return sorted(found, key=lambda summary: (summary.started_at or question.since, summary.id))


def _checked(organization: Organization, question: ExecutionQuestion) -> TraceRequest:
    request = TraceRequest(
        start=question.since,
        end=question.until,
        flow_id=question.flow,
        flow_version=question.version,
        session_token=question.session,
        conversation_id=question.conversation,
        snapshot_ranges=question.snapshots,
    )
    rules = retention(organization.dialect, question.tier)
    check_trace_request(request, now=question.asked_at, rules=rules)
    return request


async def live_modules(services: Services, organization: Organization) -> dict[str, LiveModule]:
    """The published versions by flow id, without those with an unknown publish time.

    Costs one listing. Raises what the listing raises.
    """
    listing = await services.platform(organization).flows.listing()
    return {
        flow.id: LiveModule(flow.published_version, flow.published_at)
        for flow in listing.flows
        if flow.published_version is not None and flow.published_at is not None
    }


_KEPT = "traces are kept for 30 days, 90 on the enterprise tier, and those of an archived version may be gone"
BATCH = 20
"""Execution files in one job; links to them expire soon."""


@dataclass(frozen=True, slots=True)
class FetchedTrace:
    """One execution. Its trace is valid until the next execution is requested."""

    id: str
    trace: Trace | None
    latency_ms: float = 0.0
    """Total response time of the organisation."""
    reason: str = ""
    """The reason for a missing `trace`."""


class Watcher(Protocol):
    """Receives the progress of the reading."""

    def done(self, count: int, total: int) -> None:
        """`count` of `total` executions are read."""
        ...

    def received(self, amount: int, unit: str) -> None:
        """This many bytes or steps of the current execution have arrived."""
        ...


async def fetched_traces(
    services: Services,
    organization: Organization,
    ids: Sequence[str],
    watcher: Watcher,
    *,
    snapshots: Sequence[SnapshotRange] = (),
) -> AsyncGenerator[FetchedTrace, None]:
    """The traces of these executions in their order. Close the iterator or read it to its end.

    Raises SettingsInvalid when the temporary folder cannot hold them, and what the organisation's calls raise.
    """
    platform = services.platform(organization)
    with _space(), tempfile.TemporaryDirectory(prefix="penstock-trace-") as folder:
        spool = _Spool(Path(folder) / "trace", services.clock, watcher)
        watcher.done(0, len(ids))
        traces = _of_platform(platform, ids, spool, snapshots)
        count = 0
        async with aclosing(traces):
            async for fetched in traces:
                yield fetched
                count += 1
                watcher.done(count, len(ids))


@contextmanager
def _space() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SettingsInvalid(
            f"an execution cannot be kept in {tempfile.gettempdir()}: {error.strerror}",
            hint="make room there, or set TMPDIR",
        ) from error


@dataclass(frozen=True, slots=True)
class _Spool:
    path: Path
    clock: Clock
    watcher: Watcher

    def stopwatch(self) -> Callable[[], float]:
        """A stopwatch in milliseconds."""
        started = self.clock.monotonic()
        return lambda: (self.clock.monotonic() - started) * 1000


def _of_platform(
    platform: Platform, ids: Sequence[str], spool: _Spool, ranges: Sequence[SnapshotRange]
) -> AsyncGenerator[FetchedTrace, None]:
    if platform.execution_files is not None:
        return _from_files(platform.execution_files, ids, spool)
    if platform.traces is not None:
        return _from_traces(platform.traces, ids, spool, ranges)
    raise CapabilityMissing(f"the {platform.dialect} dialect does not tell of executions")


async def _from_files(files: ExecutionFiles, ids: Sequence[str], spool: _Spool) -> AsyncGenerator[FetchedTrace, None]:
    queue = iter(ids)
    while batch := list(islice(queue, BATCH)):
        passed = spool.stopwatch()
        rendered = {each.id: each for each in await files.rendered(batch)}
        share_ms = passed() / len(batch)
        for execution_id in batch:
            if execution_id not in rendered:
                reason = "the organisation has no data of it: is execution data recorded, and younger than ten days?"
                yield FetchedTrace(execution_id, None, share_ms, reason)
                continue
            passed = spool.stopwatch()
            with CountingFile(spool.path, lambda size: spool.watcher.received(size, "bytes")) as file:
                await rendered[execution_id].save(file)
            yield _opened(execution_id, spool.path, share_ms + passed())


def _opened(execution_id: str, path: Path, latency_ms: float) -> FetchedTrace:
    try:
        return FetchedTrace(execution_id, open_execution(partial(text_chunks, path)), latency_ms)
    except TraceUnreadable as error:
        return FetchedTrace(execution_id, None, latency_ms, error.message)


async def _from_traces(
    traces: Traces, ids: Sequence[str], spool: _Spool, ranges: Sequence[SnapshotRange]
) -> AsyncGenerator[FetchedTrace, None]:
    for trace_id in ids:
        passed = spool.stopwatch()
        try:
            header = versioned_header(await traces.header(trace_id))
            steps = StepPages(spool.path, ranges)
            count = 0
            async for page in traces.steps(trace_id):
                steps.add(page)
                count += len(page)
                spool.watcher.received(count, "steps")
        except NotFound as error:
            yield FetchedTrace(trace_id, None, passed(), f"{error.message}; {_KEPT}")
            continue
        yield FetchedTrace(trace_id, Trace(header, steps), passed())


if TYPE_CHECKING:
    from _typeshed import ReadableBuffer as Buffer

_CHUNK = 64 * 1024


class CountingFile(BufferedRandom):
    """A new file that reports its size whenever it grows."""

    def __init__(self, path: Path, on_bytes: Callable[[int], None]) -> None:
        super().__init__(FileIO(path, "w+"))
        self._on_bytes = on_bytes

    def write(self, content: Buffer, /) -> int:
        """Append the content and report the size."""
        written = super().write(content)
        self._on_bytes(self.tell())
        return written


def text_chunks(path: Path) -> Iterator[str]:
    """The text of a file, piece by piece. Invalid UTF-8 is replaced."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


class StepPages:
    """The pages of one trace of the versioned dialect, each a line of JSON; can be iterated repeatedly."""

    def __init__(self, path: Path, ranges: Sequence[SnapshotRange] = ()) -> None:
        self._path = path
        self._ranges = ranges
        self._path.write_text("", encoding="utf-8")

    def add(self, page: Sequence[Mapping[str, object]]) -> None:
        """Store the next page."""
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(list(page)) + "\n")

    def __iter__(self) -> Iterator[TraceStep]:
        reader = VersionedReader(self._ranges)
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                yield from reader.page(json.loads(line))
        yield from reader.finish()
