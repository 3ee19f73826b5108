"""Shows the executions that were found: as text, JSON, or pages."""

from __future__ import annotations

from typing import Protocol

from controller.cli.commands.trace.found import (
    Ending,
    ExecutionsFound,
    ending_document,
    found_document,
    status_word,
)
from controller.cli.commands.trace.style import PageFolder, TraceStyle, Write
from controller.diagnosis.analysis import Analysis
from controller.diagnosis.nested import strict_json
from controller.domain.visible import visible
from controller.questions.executions import FetchedTrace

_STANDING = {"failed": "failed", "ended": "ended", "running": "runs", "unknown": "unknown"}


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
                words = f"{started} {each.id} {each.version} {_STANDING[status_word(each)]} {each.reason or ''}"
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
        self._write(f'{strict_json(found_document(found))[:-1]}, "traces": [')

    def show(self, fetched: FetchedTrace, analysis: Analysis) -> None:
        self._write(",\n" if self._count else "\n")
        self._count += 1
        super().show(fetched, analysis)

    def end(self, ending: Ending) -> None:
        self._write(f"], {strict_json(ending_document(ending))[1:]}\n")


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
        notes = [f"stale caller: {line}" for line in ending.stale_lines()]
        notes += [f"{each.id} could not be read: {each.reason}" for each in ending.unread]
        notes += [f"without an anomaly and left out: {ending.clean}"] if ending.clean else []
        self._pages.finish(". ".join([self._headline, *notes]))
