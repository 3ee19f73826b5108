"""What is shown while a delivery runs: a live table on a terminal, plain lines elsewhere; both on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.cli.bars import progress_bar
from controller.delivery import DeliveryEvent
from controller.planning import Plan, plan_text
from controller.planning.rendering.visible import visible
from controller.reconcile import Listener, Unwatched


class PlainLines:
    """One line for each change that moves on, or that something holds up."""

    def __init__(self) -> None:
        self._told: dict[str, str] = {}

    def looked(self, done: int, total: int) -> None:
        pass

    def planned(self, plan: Plan) -> None:
        print(plan_text([plan]), end="", file=sys.stderr, flush=True)

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None:
            return
        words = _moved_on(event) if event.name.startswith("change.") else _held_up(event)
        if words and self._told.get(event.flow) != words:
            self._told[event.flow] = words
            print(f"  {event.flow}: {visible(words)}", file=sys.stderr, flush=True)


def _moved_on(event: DeliveryEvent) -> str:
    version = event.fields.get("version")
    return event.name.removeprefix("change.") + (f" {version}" if version else "")


def _held_up(event: DeliveryEvent) -> str:
    """What keeps a change from moving on; empty for what does not."""
    if event.name == "lock.waiting":
        return f"waits: locked by {event.fields.get('holder') or 'another operation'}"
    if event.name == "rollback.attempt-failed":
        return f"not back yet, tried again: {event.fields.get('message')}"
    return ""


@dataclass(slots=True)
class _Row:
    """One change as it is shown."""

    since: float
    step: str = "pending"
    progress: str = ""
    left: str = ""

    def update(self, event: DeliveryEvent) -> None:
        fields = event.fields
        if event.name.startswith("change."):
            self.step, self.progress, self.left = event.name.removeprefix("change."), "", ""
        elif event.name == "publish.progress":
            percent, eta_s = fields.get("percent"), fields.get("eta_s")
            self.progress = f"{percent:.0f} %" if isinstance(percent, int | float) else str(fields.get("stage") or "")
            self.left = f"{eta_s:.0f} s" if isinstance(eta_s, int | float) else ""
        else:
            self.progress = visible(_held_up(event)) or self.progress


class LiveTable:
    """A row for each change: step, percentage, estimated time left, elapsed."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._rows: dict[str, _Row] = {}

    def looked(self, done: int, total: int) -> None:
        self._live.update(Text(f"reading what is live: {done} of {total} versions"))

    def planned(self, plan: Plan) -> None:
        self._live.update(Text())
        self._live.console.print(Text.from_ansi(plan_text([plan], color=True)))

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None:
            return
        self._rows.setdefault(event.flow, _Row(time.monotonic())).update(event)
        self._live.update(self._table())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("FLOW", "STEP", "PROGRESS", "LEFT", "ELAPSED"):
            table.add_column(heading)
        now = time.monotonic()
        for flow, row in self._rows.items():
            cells = (flow, row.step, row.progress, row.left, f"{now - row.since:.0f} s")
            table.add_row(*(Text(cell) for cell in cells))
        return table


class LookBar(Unwatched):
    """A bar while versions are read, for commands that only look."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show

    def looked(self, done: int, total: int) -> None:
        self._show(done, total)


@contextlib.contextmanager
def look_bar() -> Iterator[Listener]:
    """A bar over the versions that a look reads, on a terminal."""
    with progress_bar("reading what is live") as show:
        yield LookBar(show)


@contextlib.contextmanager
def watcher(*, quiet: bool) -> Iterator[Listener]:
    """Who shows the progress of this command."""
    if quiet:
        yield Unwatched()
    elif sys.stderr.isatty():
        with Live(console=Console(stderr=True, highlight=False), refresh_per_second=4, transient=True) as live:
            yield LiveTable(live)
    else:
        yield PlainLines()
