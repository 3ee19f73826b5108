"""What is shown while a delivery runs: a live table on a terminal, plain lines elsewhere; both on stderr."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator

from rich.console import Console
from rich.live import Live

from controller.cli.live_table import LiveTable, shown_step, waiting_reason
from controller.delivery import DeliveryEvent
from controller.domain.visible import visible
from controller.planning import Plan, plan_text
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
        words = _moved_on(event) or waiting_reason(event)
        if words and self._told.get(event.flow) != words:
            self._told[event.flow] = words
            print(f"  {event.flow}: {visible(words)}", file=sys.stderr, flush=True)


def _moved_on(event: DeliveryEvent) -> str:
    if event.name == "rollout.stage" and event.fields.get("stage") is not None:
        return f"in stage {event.fields['stage']}"
    if event.name == "validation.done":
        return "validated" if event.fields.get("passed") else "not valid"
    if not event.name.startswith("change."):
        return ""
    version = event.fields.get("version")
    return shown_step(event.name.removeprefix("change.")) + (f" {version}" if version else "")


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
