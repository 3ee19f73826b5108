"""Watching a new version while it bakes, or while its traffic rises stage by stage: gates that can be asked repeatedly.

An execution is launched once, at the end, and is no part of it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial

from controller.delivery.change_run import ChangeRun
from controller.delivery.gates import http
from controller.delivery.gates.error_rate import ErrorRateWatch, rest_between_looks
from controller.delivery.gates.model import CORRECT_IT, GateReport, GateSubject, GateVerdict, subject_of
from controller.domain.desired import ErrorRateGate, HttpGate
from controller.domain.errors import GateFailed
from controller.domain.platform import Progress
from controller.domain.redaction import SECRETS


class Watch:
    """The gates of one version that can be asked at any time."""

    def __init__(self, run: ChangeRun, subject: GateSubject) -> None:
        self._run = run
        self._rates: list[ErrorRateWatch] = []
        self._looks: list[Callable[[], Awaitable[GateReport]]] = []
        for gate in run.gates:
            if isinstance(gate, ErrorRateGate):
                self._rates.append(ErrorRateWatch(run.sync, gate, subject))
                self._looks.append(self._rates[-1].look)
            elif isinstance(gate, HttpGate):
                self._looks.append(partial(http.conclude, run.sync, gate))

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Within the block, an announced execution that would fail a gate ends `rest`."""
        with ExitStack() as stack:
            for rate in self._rates:
                stack.enter_context(rate.announced.listening())
            yield

    async def rest(self, longest_s: float) -> None:
        """Wait until the next poll is due, or for the whole time without such a gate. Raises Parked."""
        if self._looks:
            await rest_between_looks(self._run.sync, longest_s, *(rate.announced for rate in self._rates))
        else:
            await self._run.sync.signals.rest(longest_s)

    async def failure(self) -> GateReport | None:
        """Ask each gate once; the first that fails. An undecided gate is no failure. Raises Parked."""
        for look in self._looks:
            report = await look()
            if report.verdict is GateVerdict.FAIL:
                return report
        return None


class StageWatch:
    """Called at every poll of a staged rollout. Raises GateFailed as soon as a gate fails, and Parked."""

    def __init__(self, run: ChangeRun, version: str) -> None:
        self._run = run
        self._stage: str | None = None
        self._watch = Watch(run, subject_of(run, version, run.sync.clock.now()))

    async def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._run.tell("rollout.stage", stage=progress.stage, percent=progress.percent)
        report = await self._watch.failure()
        if report is not None:
            raise GateFailed(
                f"{self._run.label}: {report.gate} failed in stage {progress.stage}: {SECRETS.text(report.message)}",
                hint=CORRECT_IT,
            )
