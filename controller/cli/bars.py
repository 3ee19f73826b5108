"""Progress bars for long reads: on stderr, and only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress

    from controller.questions.trace_reading import Watcher


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Callable[[int, int], None]]:
    """Gives a function that is told how many of how many are done."""
    if not sys.stderr.isatty():
        yield lambda _done, _total: None
        return
    with _progress() as progress:
        task = progress.add_task(title, total=None)
        yield lambda done, total: progress.update(task, completed=done, total=total)


class SilentWatcher:
    """Nobody looks on."""

    def done(self, count: int, total: int) -> None:
        pass

    def received(self, amount: int, unit: str) -> None:
        pass


class _BarWatcher:
    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("reading executions", total=None)

    def done(self, count: int, total: int) -> None:
        self._progress.update(self._task, completed=count, total=total, description="reading executions")

    def received(self, amount: int, unit: str) -> None:
        self._progress.update(self._task, description=f"reading executions ({amount:,} {unit} of this one)")


@contextlib.contextmanager
def trace_bar() -> Iterator[Watcher]:
    """A bar over executions that also tells how much of the one at hand has come."""
    if not sys.stderr.isatty():
        yield SilentWatcher()
        return
    with _progress() as progress:
        yield _BarWatcher(progress)


def _progress() -> Progress:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
