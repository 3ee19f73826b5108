"""What the controller and a worker tell each other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from controller.reconcile.pass_ import Listener
from controller.reconcile.report import PassReport


@dataclass(frozen=True, slots=True)
class Telling:
    """The receivers of news about passes."""

    report: Callable[[PassReport], None]
    """Called with the report of each pass."""
    fault: Callable[[str, Exception], None]
    """Called with the organisation and the error of a pass that ended without a report."""
    listener: Listener
    """Told of progress while a pass runs."""


@dataclass(frozen=True, slots=True)
class Orders:
    """When a worker works; asked again and again."""

    stopping: Callable[[], bool]
    """Whether the service stops: no pass begins, and the running one ends soon."""
    assigned: Callable[[], bool]
    """Whether this process looks after the organisation: only then a pass begins, and only then its views are kept."""
