"""Watching a new version while it bakes, or while its traffic rises stage by stage; then every gate has to pass.

Meanwhile the gates are asked that can be asked repeatedly. An execution is launched once, at the end.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from controller.delivery.change_run import ChangeRun
from controller.delivery.gates import execution, http
from controller.delivery.gates.error_rate import ErrorRateWatch, rest_between_looks
from controller.delivery.gates.model import CORRECT_IT, GateReport, GateSubject, GateVerdict, subject_of
from controller.delivery.signals import Paused
from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate
from controller.domain.errors.change import GateFailed
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
            figures = dict(report.figures)
            message = SECRETS.text(report.message)
            # Not yet a judgement: it is told so that people can follow it, and neither logged nor audited.
            self._run.tell(
                "watch.looked", gate=report.gate, verdict=report.verdict.value, message=message, figures=figures
            )
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


async def bake(run: ChangeRun, subject: GateSubject) -> None:
    """Wait until the bake time is over; a gate that fails meanwhile ends it early.

    The end is a moment in the journal, so that a crash does not lengthen it; within one process time is counted, so
    that a clock which is set neither shortens nor lengthens it.

    Raises GateFailed, and Parked on a shutdown signal.
    """
    clock = run.sync.clock
    left_s = _left_s(run)
    end_s = clock.monotonic() + left_s
    if left_s > 0:
        run.tell("bake.begun", left_s=left_s, of_s=max(_asked_s(run), left_s))
    watch = Watch(run, subject)
    with watch.listening():
        while (left_s := end_s - clock.monotonic()) > 0:
            await watch.rest(left_s)
            failure = await watch.failure()
            if failure is not None:
                _require_pass(run, failure)


def _left_s(run: ChangeRun) -> float:
    """Never more than the manifest asks for, even where the clock was set back."""
    if run.record.bake_until is None:
        return 0.0
    left_s = (run.record.bake_until - run.sync.clock.now()).total_seconds()
    return left_s if run.desired is None else min(left_s, _asked_s(run))


def _asked_s(run: ChangeRun) -> float:
    return run.desired.rollout.bake_s if run.desired is not None else 0.0


async def pass_gates(run: ChangeRun, subject: GateSubject) -> None:
    """Every gate in the manifest's order; the first that fails ends it.

    One that cannot decide, or cannot be evaluated, pauses the delivery, but only after all others were asked.
    Raises GateFailed, Paused when a gate cannot decide and no person did, and Parked on a shutdown signal.
    """
    undecided = []
    for gate in run.gates:
        report = await _conclude(run, gate, subject)
        if report.verdict in (GateVerdict.INCONCLUSIVE, GateVerdict.ERROR):
            undecided.append(report)
        else:
            _require_pass(run, report)
    for report in undecided:
        _require_decision(run, report)


async def _conclude(run: ChangeRun, gate: Gate, subject: GateSubject) -> GateReport:
    match gate:
        case ErrorRateGate():
            return await ErrorRateWatch(run.sync, gate, subject).conclude(run)
        case ExecutionGate():
            return await execution.run_once(run, gate, subject)
        case HttpGate():
            return await http.conclude(run.sync, gate)


def _require_decision(run: ChangeRun, report: GateReport) -> None:
    """A person may decide for a gate that cannot; no other gate is lifted by that. Raises Paused."""
    promotion = run.sync.store.approvals.promotion(run.sync.organization.name, run.record.id)
    if promotion is None:
        if not run.record.paused:
            _tell(run, report)
        raise Paused(SECRETS.text(f"gate {report.gate}: {report.message}"))
    run.note(f"gate {report.gate} could not decide; {promotion.by} promoted it")
    _tell(run, replace(report, verdict=GateVerdict.PASS, message=f"promoted by {promotion.by}; {report.message}"))


def _require_pass(run: ChangeRun, report: GateReport) -> None:
    message = _tell(run, report)
    if report.verdict is not GateVerdict.PASS:
        raise GateFailed(f"{run.label}: gate {report.gate}: {report.verdict.value}: {message}", hint=CORRECT_IT)


def _tell(run: ChangeRun, report: GateReport) -> str:
    """Announce and audit the report; return the gate's message without secrets."""
    message = SECRETS.text(report.message)
    figures = dict(report.figures)
    run.tell("gate.judged", gate=report.gate, verdict=report.verdict.value, message=message, figures=figures)
    run.audit(
        "gate",
        "success" if report.verdict is GateVerdict.PASS else "failure",
        version=run.record.live_version,
        error=None if report.verdict is GateVerdict.PASS else message,
        details={"gate": report.gate, "verdict": report.verdict.value, "message": message},
    )
    return message
