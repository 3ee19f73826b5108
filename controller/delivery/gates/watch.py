"""Watching a new version while it bakes, or while its traffic rises: whatever can be looked at again and again.

An execution is launched once, at the end, and is no part of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from controller.delivery.context import Context
from controller.delivery.gates import http
from controller.delivery.gates.error_rate import ErrorRateWatch
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.domain.desired import ErrorRateGate, Gate, HttpGate


class Watch:
    """The gates of one version that can be looked at any time."""

    def __init__(self, context: Context, work: Work, subject: Subject) -> None:
        self._looks = [look for gate in gates_of(work) if (look := _look(context, gate, subject)) is not None]

    def __bool__(self) -> bool:
        return bool(self._looks)

    async def failure(self) -> GateReport | None:
        """One look at each; the first that fails. What cannot be told yet is no failure. Raises Parked."""
        for look in self._looks:
            report = await look()
            if report.verdict is Verdict.FAIL:
                return report
        return None


def gates_of(work: Work) -> tuple[Gate, ...]:
    """The gates in the manifest's order; none where the manifest asks for something else by now."""
    return work.desired.gates if work.desired is not None else ()


def _look(context: Context, gate: Gate, subject: Subject) -> Callable[[], Awaitable[GateReport]] | None:
    if isinstance(gate, ErrorRateGate):
        return ErrorRateWatch(context, gate, subject).look
    return partial(http.conclude, context, gate) if isinstance(gate, HttpGate) else None
