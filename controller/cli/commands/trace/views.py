"""Shows the executions that were found: as text, JSON (`penstock.executions/v1`), or pages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Protocol

from controller.cli.commands.trace.style import PageFolder, TraceStyle, Write, json_text
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.error_rate import ErrorRate
from controller.diagnosis.modules import StaleCaller
from controller.domain.platform import ExecutionSummary, Standing
from controller.domain.visible import visible
from controller.domain.wording import counted
from controller.questions.executions import FetchedTrace

EXECUTIONS_SCHEMA = "penstock.executions/v1"


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


class View(Protocol):
    """One way to show them. Every view reports the executions that could not be read."""

    def begin(self, found: ExecutionsFound) -> None: ...
    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None: ...
    def end(self, ending: Ending) -> None: ...


class SingleView:
    """Nothing but one trace in the asked form."""

    def __init__(self, style: TraceStyle, write: Write) -> None:
        self._style, self._write = style, write

    def begin(self, found: ExecutionsFound) -> None:
        """A search has more than one answer: this is not shown for one."""

    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None:
        for piece in self._style.pieces(analysis, fetched.latency_ms):
            self._write(piece)

    def end(self, ending: Ending) -> None:
        """What could not be read is an error, told by the caller; a stale caller is an anomaly of the trace."""


class TextView(SingleView):
    """A headline and the timelines."""

    def __init__(self, style: TraceStyle, write: Write) -> None:
        super().__init__(style, write)
        self._left_out = 0

    def begin(self, found: ExecutionsFound) -> None:
        self._write(f"{visible(found.headline())}\n")
        if not found.chosen:
            for each in found.executions:
                started = each.started_at.isoformat() if each.started_at else "start unknown"
                words = f"{started} {each.id} {each.version} {_STANDING[_stands(each)]} {each.reason or ''}"
                self._write(f"  {visible(words).rstrip()}\n")
        self._left_out = len(found.executions) - len(found.chosen) if found.chosen else 0

    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None:
        self._write("\n")
        super().show(fetched, analysis)

    def end(self, ending: Ending) -> None:
        if ending.unread or ending.clean or ending.stale or self._left_out:
            self._write("\n")
        for line in ending.stale_lines():
            self._write(f"stale caller: {visible(line)}\n")
        for each in ending.unread:
            self._write(f"could not be read: {visible(each.id)}: {visible(each.reason)}\n")
        if ending.clean:
            self._write(f"without an anomaly and left out: {ending.clean}\n")
        if self._left_out:
            self._write(f"not read: {self._left_out} more executions (--limit)\n")


class JsonView(SingleView):
    """One document, written as the traces come."""

    def __init__(self, style: TraceStyle, write: Write) -> None:
        super().__init__(style, write)
        self._count = 0

    def begin(self, found: ExecutionsFound) -> None:
        rate = found.rate
        head = {
            "schema": EXECUTIONS_SCHEMA,
            "organization": found.organization,
            "since": found.since.isoformat(),
            "until": found.until.isoformat(),
            "error_rate": {
                "failed": rate.failed,
                "total": rate.total,
                "running": rate.running,
                "unknown": rate.unknown,
                "rate": rate.rate,
                "reasons": [{"reason": reason, "count": count} for reason, count in rate.reasons],
            },
            "executions": [_execution(each) for each in found.executions],
        }
        self._write(f'{json_text(head)[:-1]}, "traces": [')

    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None:
        self._write(",\n" if self._count else "\n")
        self._count += 1
        super().show(fetched, analysis)

    def end(self, ending: Ending) -> None:
        tail = {
            "unread": [{"id": each.id, "reason": each.reason} for each in ending.unread],
            "without_anomalies": ending.clean,
            "stale_callers": [{**asdict(each), "executions": count} for each, count in ending.stale],
        }
        self._write(f"], {json_text(tail)[1:]}\n")


class PagesView:
    """A folder of pages with an index."""

    def __init__(self, pages: PageFolder) -> None:
        self._pages = pages
        self._headline = ""

    def begin(self, found: ExecutionsFound) -> None:
        self._headline = found.headline()

    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None:
        self._pages.add(fetched.id, analysis)

    def end(self, ending: Ending) -> None:
        told = [f"stale caller: {line}" for line in ending.stale_lines()]
        told += [f"{each.id} could not be read: {each.reason}" for each in ending.unread]
        told += [f"without an anomaly and left out: {ending.clean}"] if ending.clean else []
        self._pages.finish(". ".join([self._headline, *told]))


_STANDING = {"failed": "failed", "ended": "ended", "running": "runs", "unknown": "unknown"}


def _stands(each: ExecutionSummary) -> str:
    """failed, ended, running or unknown."""
    return "failed" if each.failed else each.standing.value


def _execution(each: ExecutionSummary) -> dict[str, object]:
    return {
        "id": each.id,
        "flow_id": each.flow_id,
        "version": each.version,
        "started_at": each.started_at.isoformat() if each.started_at else None,
        "ended_at": each.ended_at.isoformat() if each.ended_at else None,
        "status": _stands(each),
        "failed": None if each.standing is Standing.UNKNOWN else each.failed,
        "reason": each.reason,
    }
