"""Executions that the organisation announces: they say when a look would decide something, and nothing more."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from controller.delivery.context import Context
from controller.delivery.gates.subject import Subject
from controller.diagnosis import ErrorRate
from controller.domain.events import ExecutionEvent


class Announced:
    """What was announced of a version since the last look, on top of what that look saw.

    What is said is never believed: it rings when a look is worth its calls, and the look decides.
    """

    def __init__(self, context: Context, subject: Subject, is_worth_a_look: Callable[[ErrorRate], bool]) -> None:
        self._context = context
        self._subject = subject
        self._is_worth_a_look = is_worth_a_look
        self._seen = ErrorRate()
        self._failed = self._total = 0
        self.bell = asyncio.Event()

    def looked(self, seen: ErrorRate) -> None:
        """A look saw this; what was announced before is in it, or soon will be."""
        self._seen = seen
        self._failed = self._total = 0
        self.bell.clear()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Ring meanwhile, where anything is announced at all."""
        with self._context.hearing.executions(self._subject.flow_id, self._heard):
            yield

    def _heard(self, event: ExecutionEvent) -> None:
        if event.version != self._subject.version:
            return
        self._total += 1
        self._failed += event.failed
        if self._is_worth_a_look(ErrorRate(self._seen.failed + self._failed, self._seen.total + self._total)):
            self.bell.set()


async def rest_between_looks(context: Context, longest_s: float, *announced: Announced) -> None:
    """The usual pause between two looks, or a shorter one where a bell rings. Raises Parked."""
    settings = context.settings
    shortest_s = min(settings.gate_pause_s, settings.gate_interval_s, longest_s)
    await context.signals.rest(shortest_s)
    left_s = min(settings.gate_interval_s, longest_s) - shortest_s
    bells = [each.bell for each in announced]
    if left_s > 0 and not any(bell.is_set() for bell in bells):
        await context.signals.rest(left_s, *bells)
