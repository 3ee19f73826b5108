"""What is shown while a delivery runs: a live table on a terminal, plain lines elsewhere; both on stderr."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from controller.delivery import DeliveryEvent
from controller.planning import Plan, plan_text
from controller.reconcile import Listener, Unwatched


class PlainLines:
    """One line for each change that moves on."""

    def planned(self, plan: Plan) -> None:
        print(plan_text([plan]), end="", file=sys.stderr, flush=True)

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None or not event.name.startswith("change."):
            return
        version = event.fields.get("version")
        tail = f" {version}" if version else ""
        print(f"  {event.flow}: {event.name.removeprefix('change.')}{tail}", file=sys.stderr, flush=True)


class LiveTable:
    """A row for each change: step, percentage, elapsed."""

    def __init__(self, live: Live) -> None:
        self._live = live
        self._rows: dict[str, tuple[str, str, float]] = {}

    def planned(self, plan: Plan) -> None:
        self._live.console.print(Text(plan_text([plan])), end="")

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None:
            return
        step, percent, since = self._rows.get(event.flow, ("pending", "", time.monotonic()))
        if event.name.startswith("change."):
            step, percent = event.name.removeprefix("change."), ""
        elif event.name == "publish.progress" and event.fields.get("percent") is not None:
            percent = f"{event.fields['percent']:.0f} %"
        elif event.name == "lock.waiting":
            percent = f"locked by {event.fields.get('holder') or 'another operation'}"
        self._rows[event.flow] = (step, percent, since)
        self._live.update(self._table())

    def _table(self) -> Table:
        table = Table(box=None, pad_edge=False)
        for heading in ("FLOW", "STEP", "PROGRESS", "ELAPSED"):
            table.add_column(heading)
        now = time.monotonic()
        for flow, (step, percent, since) in self._rows.items():
            table.add_row(Text(flow), Text(step), Text(percent), Text(f"{now - since:.0f} s"))
        return table


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
