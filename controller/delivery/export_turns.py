"""When healthy changes are exported: behind the publishes, and many together, so that they share export jobs.

Nothing depends on an export but the record, which is committed after the sync. So an export waits until enough others
wait with it, and never longer than a set time.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Final

from controller.delivery.signals import Signals

HELD_S: Final = 60.0
"""Most seconds for which an export waits for others: changes may bake for hours."""
FEWEST: Final = 10
"""Exports that are worth a job of their own while publishes are under way."""


@dataclass(slots=True, eq=False)
class _Group:
    """Exports that begin together."""

    waiting: int = 0
    begun: asyncio.Event = field(default_factory=asyncio.Event)


class ExportTurns:
    """Lets the exports of a sync begin in groups.

    A group begins when it fills an export job, or when fewer changes are still under way than wait in it: so the last
    groups of a sync become smaller and smaller, and little is left to export after the last publish.
    """

    def __init__(self, signals: Signals, changes: int, most: int) -> None:
        """`changes` is how many changes are under way, `most` how many exports share a job."""
        self._signals = signals
        self._under_way = changes
        self._most = most
        self._group = _Group()

    async def wait(self) -> None:
        """Return when the export may begin; at once when no change is under way, or after a shutdown signal."""
        group = self._group
        group.waiting += 1
        try:
            self._look()
            await self._signals.hold(HELD_S, group.begun)
        finally:
            group.waiting -= 1
        self._begin(group)

    def ended(self) -> None:
        """One change is not under way any more, however it ended."""
        self._under_way -= 1
        self._look()

    def _look(self) -> None:
        enough = min(max(self._under_way, FEWEST), self._most) if self._under_way else 0
        if self._group.waiting >= enough:
            self._begin(self._group)

    def _begin(self, group: _Group) -> None:
        group.begun.set()
        if self._group is group:
            self._group = _Group()
