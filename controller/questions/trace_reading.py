"""Reads executions one after the other: fetched to disk, given out as a trace, and forgotten."""

from __future__ import annotations

import tempfile
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Protocol

from controller.diagnosis import Trace, open_execution, versioned_header
from controller.domain.clock import Clock
from controller.domain.desired import Organization
from controller.domain.errors import CapabilityMissing, NotFound, SettingsInvalid, TraceUnreadable
from controller.domain.ports import ExecutionFiles, Platform, Traces
from controller.domain.traces import SnapshotRange
from controller.questions.trace_spool import CountingFile, StepPages, text_chunks
from controller.reconcile.services import Services

_KEPT = "traces are kept for 30 days, 90 on the enterprise tier, and those of an archived version may be gone"
BATCH = 20
"""Execution files that one job renders: links to them do not live long."""


@dataclass(frozen=True, slots=True)
class FetchedTrace:
    """One execution. Its trace can be walked until the next one is asked for."""

    id: str
    trace: Trace | None
    latency_ms: float = 0.0
    """How long the organisation took for all that was asked."""
    reason: str = ""
    """Why it could not be read, where `trace` is None."""


class Watcher(Protocol):
    """Told how far the reading is."""

    def done(self, count: int, total: int) -> None:
        """So many of so many executions are read."""
        ...

    def received(self, amount: int, unit: str) -> None:
        """So many bytes or steps of the execution at hand have come."""
        ...


async def fetched_traces(
    services: Services,
    organization: Organization,
    ids: Sequence[str],
    watcher: Watcher,
    *,
    snapshots: Sequence[SnapshotRange] = (),
) -> AsyncGenerator[FetchedTrace, None]:
    """The traces of these executions in their order; close the iterator, or read it to its end.

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
        """Milliseconds from now on."""
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
