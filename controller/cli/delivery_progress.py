"""Progress of a running delivery, on stderr: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from controller.cli.progress_bars import ExportLines
from controller.cli.screen import screen_of
from controller.delivery.sync_run import DeliveryEvent
from controller.domain.export_estimate import ExportEstimate
from controller.domain.status import StepState
from controller.domain.visible import visible
from controller.domain.wording import span
from controller.planning.model import Plan
from controller.planning.rendering.text import plan_text
from controller.reconcile.pass_ import Listener, Unwatched

_ENDED: Final = frozenset(
    {*(state.value for state in StepState if state.final), StepState.EXPORTED.value, "failed", "parked", "paused"}
)
_PENDING: Final = StepState.PENDING.value
_BAR: Final = 40
"""Columns of the bar over the versions that are read."""
_AROUND: Final = 3
"""Lines around the rows: headings, the count of hidden rows, and the cursor."""


@dataclass(slots=True)
class _Row:
    """One change as it is shown. Moments are seconds of the table's clock."""

    step: str = _PENDING
    said: str = ""
    percent: float | None = None
    began: float | None = None
    ended: float | None = None
    due: float | None = None
    """When the current step is expected to end."""
    whole_s: float | None = None
    """How long the step takes in all, if known: the percentage follows the clock."""

    def update(self, event: DeliveryEvent, now: float) -> None:
        self.began = now if self.began is None else self.began
        fields = event.fields
        if event.name.startswith("change."):
            self._move(shown_step(event.name.removeprefix("change.")), now)
        elif event.name == "publish.progress":
            self.percent, self.said = _number(fields.get("percent")), _stage(fields.get("stage"))
            eta_s = _number(fields.get("eta_s"))
            self.due = None if eta_s is None else now + eta_s
        elif event.name == "bake.begun":
            left_s, self.whole_s = _number(fields.get("left_s")) or 0.0, _number(fields.get("of_s"))
            self.step, self.due = StepState.BAKING.value, now + left_s
        else:
            self.said = visible(waiting_reason(event)) or self.said

    def _move(self, step: str, now: float) -> None:
        self.ended = now if step in _ENDED else None
        if step != self.step:
            self.step, self.said, self.percent, self.due, self.whole_s = step, "", None, None, None

    def cells(self, now: float) -> tuple[str, str, str, str]:
        """Step, progress, time left, time elapsed."""
        left_s = 0.0 if self.due is None else max(self.due - now, 0.0)
        percent = 100 * (1 - min(left_s / self.whole_s, 1.0)) if self.whole_s else self.percent
        progress_text = self.said if percent is None else f"{percent:.0f} %" + (f", {self.said}" if self.said else "")
        elapsed_s = None if self.began is None else (now if self.ended is None else self.ended) - self.began
        # A step that takes longer than expected has no estimate any more.
        left = span(left_s) if left_s else ""
        return self.step, progress_text, left, "" if elapsed_s is None else span(elapsed_s)


class LiveTable(Unwatched):
    """Step, percentage, estimated time left and elapsed time of each change; a rich renderable."""

    def __init__(
        self, live: Live, now: Callable[[], float] = time.monotonic, shown_before: Collection[str] = ()
    ) -> None:
        """`now` gives seconds that only grow; `shown_before` are the digests of plans that are not shown again."""
        self._live = live
        self._now = now
        self._shown_before = shown_before
        self._rows: dict[tuple[str, str], _Row] = {}
        self._reading = "reading live versions: "

    def looked(self, done: int, total: int) -> None:
        shown = Table.grid()
        shown.add_row(ProgressBar(total=total, completed=done, width=_BAR))
        shown.add_row(Text(f"{self._reading}{done} of {total} versions"))
        self._live.update(shown)

    def exporting(self, estimate: ExportEstimate) -> None:
        self._reading = f"exporting {estimate}\n"
        self.looked(0, estimate.flows)

    def planned(self, plan: Plan) -> None:
        """Show the planned changes; rows of earlier organisations go."""
        self._rows = {key: row for key, row in self._rows.items() if key[0] == plan.organization}
        self._rows |= {(plan.organization, change.flow): _Row() for change in plan.actions if not change.blocked}
        self._live.update(self)
        if plan.digest in self._shown_before:
            return
        text = plan_text([plan], screen=screen_of(sys.stderr)).removesuffix("\n")
        self._live.console.print(Text.from_ansi(text), soft_wrap=True)

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None:
            return
        self._rows.setdefault((event.organization, event.flow), _Row()).update(event, self._now())
        self._live.update(self)

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        # rich draws in its own thread while rows change: work on a copy.
        rows = [(flow, row) for (_, flow), row in list(self._rows.items())]
        shown = _fitting(rows, max(console.height - _AROUND, 1))
        if not shown:
            return
        table, now = Table(box=None, pad_edge=False), self._now()
        for heading in ("FLOW", "STEP", "PROGRESS", "LEFT", "ELAPSED"):
            table.add_column(heading)
        for flow, row in shown:
            table.add_row(*(Text(cell) for cell in (visible(flow), *row.cells(now))))
        yield table
        if len(shown) < len(rows):
            yield Text(_left_out(rows, shown))


_Rows = list[tuple[str, _Row]]


def _fitting(rows: _Rows, room: int) -> _Rows:
    """The rows that fit on the terminal, in order; running changes go first, then the next, then the latest ended."""
    ranked = sorted(rows, key=lambda each: _rank(each[1]))
    kept = {id(row) for _, row in ranked[:room]}
    return [each for each in rows if id(each[1]) in kept]


def _rank(row: _Row) -> tuple[int, float]:
    if row.ended is not None:
        return 2, -row.ended
    return (1 if row.step == _PENDING else 0), 0.0


def _left_out(rows: _Rows, shown: _Rows) -> str:
    hidden = {id(row) for _, row in rows} - {id(row) for _, row in shown}
    ended = sum(row.ended is not None for _, row in rows if id(row) in hidden)
    return f"... and {ended} that ended, {len(hidden) - ended} to come"


def waiting_reason(event: DeliveryEvent) -> str:
    """Why the change waits; empty for an event that does not delay it."""
    if event.name == "lock.waiting":
        return f"waits: locked by {event.fields.get('holder') or 'another operation'}"
    if event.name == "rollback.attempt-failed":
        return f"not back yet, tried again: {event.fields.get('message')}"
    if event.name == "verify.unread":
        return f"not known yet, read again later: {event.fields.get('message')}"
    return ""


def shown_step(state: str) -> str:
    """The word for a state of the journal: `validated` is shown as `ready`, since the file is not validated yet."""
    return "ready" if state == StepState.VALIDATED.value else state


def _stage(value: object) -> str:
    """The organisation's word, or the stage of a rollout."""
    progress_text = str(value or "")
    return f"stage {progress_text}" if progress_text.isdecimal() else visible(progress_text)


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) else None


class PlainLines(ExportLines):
    """One line each time a change moves on or begins to wait."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` gives seconds that only grow."""
        super().__init__(now)
        self._printed: dict[str, str] = {}

    def planned(self, plan: Plan) -> None:
        print(plan_text([plan], screen=screen_of(sys.stderr)), end="", file=sys.stderr, flush=True)

    def progressed(self, event: DeliveryEvent) -> None:
        if event.flow is None:
            return
        words = _moved_on(event) or waiting_reason(event)
        if words and self._printed.get(event.flow) != words:
            self._printed[event.flow] = words
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
def watcher(*, quiet: bool, shown_before: Collection[str] = ()) -> Iterator[Listener]:
    """The listener that shows progress; a silent one with `quiet`.

    A terminal does not show the plans with the digests `shown_before` again.
    """
    if quiet:
        yield Unwatched()
    elif sys.stderr.isatty():
        with Live(console=Console(stderr=True, highlight=False), refresh_per_second=4, transient=True) as live:
            yield LiveTable(live, shown_before=shown_before)
    else:
        yield PlainLines()
