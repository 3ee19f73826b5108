"""Watching a new version while it bakes, or while its traffic rises: whatever can be looked at again and again.

An execution is launched once, at the end, and is no part of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from controller.delivery.context import Context
from controller.delivery.gates import http
from controller.delivery.gates.announced import rest_between_looks
from controller.delivery.gates.error_rate import ErrorRateWatch
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.domain.desired import ErrorRateGate, HttpGate


class Watch:
    """The gates of one version that can be looked at any time."""

    def __init__(self, context: Context, work: Work, subject: Subject) -> None:
        self._context = context
        self._rates: list[ErrorRateWatch] = []
        self._looks: list[Callable[[], Awaitable[GateReport]]] = []
        for gate in work.gates:
            if isinstance(gate, ErrorRateGate):
                self._rates.append(ErrorRateWatch(context, gate, subject))
                self._looks.append(self._rates[-1].look)
            elif isinstance(gate, HttpGate):
                self._looks.append(partial(http.conclude, context, gate))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Meanwhile, executions that are announced and would fail a gate end `rest`."""
        with ExitStack() as stack:
            for rate in self._rates:
                stack.enter_context(rate.announced.listening())
            yield

    async def rest(self, longest_s: float) -> None:
        """Until it is time for the next look, or for so long where there is nothing to look at. Raises Parked."""
        if self._looks:
            await rest_between_looks(self._context, longest_s, *(rate.announced for rate in self._rates))
        else:
            await self._context.signals.rest(longest_s)

    async def failure(self) -> GateReport | None:
        """One look at each; the first that fails. What cannot be told yet is no failure. Raises Parked."""
        for look in self._looks:
            report = await look()
            if report.verdict is Verdict.FAIL:
                return report
        return None
