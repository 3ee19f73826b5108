"""Progress bars for long reads: on stderr, and only where that is a terminal."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from controller.reconcile.pass_ import Listener, Unwatched

if TYPE_CHECKING:
    from rich.progress import Progress


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
    """Shows how many versions were read."""

    def __init__(self, show: Callable[[int, int], None]) -> None:
        self._show = show

    def looked(self, done: int, total: int) -> None:
        self._show(done, total)


@contextlib.contextmanager
def plan_bar() -> Iterator[Listener]:
    """A bar over the versions that a pass reads before it plans."""
    with progress_bar("reading live versions") as show:
        yield _PlanBar(show)


def new_progress() -> Progress:
    """A bar that disappears when it is done."""
    # rich takes long to import, and is needed on terminals only.
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=Console(stderr=True, highlight=False), transient=True)
