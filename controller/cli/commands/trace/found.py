"""The executions that a search found, as values and as a document: `penstock.executions/v1`.

The document is written in three parts as the traces come, so that no two traces are in memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Literal

from controller.diagnosis.artifact import TraceDocument
from controller.diagnosis.error_rate import ErrorRate
from controller.diagnosis.modules import StaleCaller
from controller.domain.documents import filled
from controller.domain.platform import ExecutionSummary, Standing
from controller.domain.wording import counted
from controller.questions.executions import FetchedTrace


@dataclass(frozen=True, slots=True)
class ExecutionsFound:
    """The answer to a search."""

    organization: str
    since: datetime
    until: datetime
    executions: Sequence[ExecutionSummary]
    rate: ErrorRate
    chosen: Sequence[str]
    """Ids of the executions to show with their steps."""

    def headline(self) -> str:
        """`120 executions from … to …; 3 of 118 that ended failed (2.54 %): ACTION_ERROR x3; 2 still run`."""
        rate = self.rate
        text = f"{counted(len(self.executions), 'execution')} from {self.since.isoformat()} to {self.until.isoformat()}"
        if rate.rate is not None:
            text += f"; {rate.failed} of {rate.total} that ended failed ({rate.rate * 100:.4g} %)"
        reasons = ", ".join(f"{reason} x{count}" for reason, count in rate.reasons[:5])
        text += f": {reasons}" if reasons else ""
        text += f"; {rate.running} still run" if rate.running else ""
        return text + (f"; of {rate.unknown} the organisation does not report the state" if rate.unknown else "")


@dataclass(frozen=True, slots=True)
class Ending:
    """The summary after the executions."""

    unread: Sequence[FetchedTrace]
    clean: int
    """How many were left out because they have no anomaly."""
    stale: Sequence[tuple[StaleCaller, int]]
    """The callers of an older module than the live one, each with the number of executions."""

    def stale_lines(self) -> list[str]:
        """`Front ran Hours 1.0, but 2.0 is live: republish Front (3 executions)`."""
        return [f"{each} ({counted(count, 'execution')})" for each, count in self.stale]


class ExecutionStatus(StrEnum):
    FAILED = "failed"
    ENDED = "ended"
    RUNNING = "running"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReasonDocument:
    """A reason of failures."""

    reason: str
    """The organisation's word."""
    count: int
    """How many executions failed for it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ErrorRateDocument:
    """How many executions failed."""

    failed: int
    """Executions that failed."""
    total: int
    """Executions that ended; the failed ones are among them."""
    running: int
    """Executions that still run."""
    unknown: int
    """Executions that the organisation does not tell the state of."""
    rate: float | None
    """Failed of those that ended, from 0 to 1; null when none ended."""
    reasons: Sequence[ReasonDocument]
    """The reasons, most frequent first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExecutionSummaryDocument:
    """An execution that was found.

    The fields that the organisation does not tell are null.
    """

    id: str
    """The execution's id."""
    flow_id: str
    """The flow's id."""
    version: str
    """The version that ran."""
    started_at: datetime | None
    """When it started, ISO 8601."""
    ended_at: datetime | None
    """When it ended, ISO 8601."""
    status: ExecutionStatus
    """How it is."""
    failed: bool | None
    """Whether it failed."""
    reason: str | None
    """Why it failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadDocument:
    """An execution that could not be read."""

    id: str
    """The execution's id."""
    reason: str
    """Why it could not be read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleCallerDocument:
    """A caller that ran an older module than the live one."""

    caller: str
    """The flow or module that has to be published again."""
    module: str
    """The module that it called."""
    version: str
    """The module's version that ran."""
    live_version: str
    """The module's version that is live."""
    executions: int
    """In how many of the executions that were read."""


# Without slots: Python joins no two bases that have them.
@dataclass(frozen=True, kw_only=True)
class FoundDocument:
    """The part of the document before the traces."""

    schema: Literal["penstock.executions/v1"] = "penstock.executions/v1"
    organization: str
    """The organisation in which they ran."""
    since: datetime
    """The start of the range, ISO 8601."""
    until: datetime
    """The end of the range, ISO 8601."""
    error_rate: ErrorRateDocument
    """How many of them failed."""
    executions: Sequence[ExecutionSummaryDocument]
    """All that were found, in order of their start."""


@dataclass(frozen=True, kw_only=True)
class TracesDocument:
    """The part that is written trace by trace."""

    traces: Sequence[TraceDocument]
    """Those that were read."""


@dataclass(frozen=True, kw_only=True)
class EndingDocument:
    """The part after the traces."""

    unread: Sequence[UnreadDocument]
    """Those that could not be read."""
    without_anomalies: int
    """How many `--anomalies-only` left out."""
    stale_callers: Sequence[StaleCallerDocument]
    """The callers that ran an older module than the live one."""


@dataclass(frozen=True, kw_only=True)
class ExecutionsDocument(EndingDocument, TracesDocument, FoundDocument):
    """`penstock trace executions --format json`: the executions that were found, and the traces that were read.

    With `--execution ID` it is one `penstock.trace/v1`. The document is written while executions are read: when that
    ends with an error, the document is cut and a `penstock.error/v1` follows.
    """


def found_document(found: ExecutionsFound) -> FoundDocument:
    """The part of the document that is known before a trace is read."""
    reasons = [ReasonDocument(reason=reason, count=count) for reason, count in found.rate.reasons]
    return filled(
        FoundDocument,
        found,
        error_rate=filled(ErrorRateDocument, found.rate, reasons=reasons),
        executions=[_execution(each) for each in found.executions],
    )


def ending_document(ending: Ending) -> EndingDocument:
    """The part of the document that is known when all traces are read."""
    return EndingDocument(
        unread=[filled(UnreadDocument, each) for each in ending.unread],
        without_anomalies=ending.clean,
        stale_callers=[filled(StaleCallerDocument, each, executions=count) for each, count in ending.stale],
    )


def status_word(each: ExecutionSummary) -> ExecutionStatus:
    """How the execution is; one that failed while it runs has failed."""
    return ExecutionStatus.FAILED if each.failed else ExecutionStatus(each.standing.value)


def _execution(each: ExecutionSummary) -> ExecutionSummaryDocument:
    failed = None if each.standing is Standing.UNKNOWN else each.failed
    return filled(ExecutionSummaryDocument, each, status=status_word(each), failed=failed)
