"""Progress of long reads, on stderr: a bar where that is a terminal, and lines for many exports elsewhere."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from controller.domain.export_estimate import ExportEstimate
from controller.reconcile.pass_ import Listener, Unwatched

if TYPE_CHECKING:
    from rich.progress import Progress

_INTERVAL_S: Final = 30.0
"""Seconds between two lines."""
_MANY: Final = 50
"""Exports up to this number are not worth a line."""


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is told how many of how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with new_progress() as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class _PlanBar(Unwatched):
    """Shows how many versions were read, and what their exports take."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def looked(self, done: int, total: int) -> None:
        self._progress.update(self._task, completed=done, total=total)

    def exporting(self, estimate: ExportEstimate) -> None:
        self._progress.update(self._task, description=f"exporting {estimate}", completed=0, total=estimate.flows)


class ExportLines(Unwatched):
    """A line with the estimate when many exports begin, and one at intervals while they are made."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        """`now` gives seconds that only grow."""
        self._now = now
        self._due: float | None = None

    def exporting(self, estimate: ExportEstimate) -> None:
        self._due = None
        if estimate.flows > _MANY:
            self._due = self._now() + _INTERVAL_S
            print(f"exporting {estimate}", file=sys.stderr, flush=True)

    def looked(self, done: int, total: int) -> None:
        if self._due is not None and (self._now() >= self._due or done == total):
            self._due = self._now() + _INTERVAL_S
            print(f"exported {done} of {total} flows", file=sys.stderr, flush=True)


@contextlib.contextmanager
def plan_bar(title: str = "reading live versions") -> Iterator[Listener]:
    """A bar over the versions that are read before a plan or an import."""
    if not sys.stderr.isatty():
        yield ExportLines()
        return
    with new_progress() as progress:
        yield _PlanBar(progress, title)


def new_progress() -> Progress:
    """A bar that disappears when it is done."""
    # rich takes long to import, and is needed on terminals only.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
