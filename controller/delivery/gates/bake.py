"""Watching a new version: it bakes for a while, then every gate has to pass."""

from __future__ import annotations

from dataclasses import replace

from controller.delivery.context import Context
from controller.delivery.gates import execution, http
from controller.delivery.gates.error_rate import ErrorRateWatch
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import CORRECT_IT, GateReport, Verdict
from controller.delivery.gates.watch import Watch
from controller.delivery.signals import Paused
from controller.delivery.work import Work
from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate
from controller.domain.errors import GateFailed
from controller.domain.redaction import SECRETS


async def bake(context: Context, work: Work, subject: Subject) -> None:
    """Wait until the bake time is over; a gate that fails meanwhile ends it early.

    The end is a moment in the journal, so that a crash does not lengthen it; within one process time is counted, so
    that a clock which is set neither shortens nor lengthens it.

    Raises GateFailed, and Parked when the process has to go.
    """
    clock = context.clock
    left_s = _left_s(context, work)
    end_s = clock.monotonic() + left_s
    if left_s > 0:
        context.tell("bake.begun", work, left_s=left_s, of_s=max(_asked_s(work), left_s))
    watch = Watch(context, work, subject)
    with watch.listening():
        while (left_s := end_s - clock.monotonic()) > 0:
            await watch.rest(left_s)
            failure = await watch.failure()
            if failure is not None:
                _require_pass(context, work, failure)


def _left_s(context: Context, work: Work) -> float:
    """Never more than the manifest asks for, also where the clock was set back since."""
    if work.record.bake_until is None:
        return 0.0
    left_s = (work.record.bake_until - context.clock.now()).total_seconds()
    return left_s if work.desired is None else min(left_s, _asked_s(work))


def _asked_s(work: Work) -> float:
    return work.desired.rollout.bake_s if work.desired is not None else 0.0


async def pass_gates(context: Context, work: Work, subject: Subject) -> None:
    """Every gate in the manifest's order; the first that fails ends it.

    One that cannot decide, or cannot be evaluated, pauses the delivery, but only after all others were asked.
    Raises GateFailed, Paused when a gate cannot decide and no person did, and Parked when the process has to go.
    """
    undecided = []
    for gate in work.gates:
        report = await _conclude(context, work, gate, subject)
        if report.verdict in (Verdict.INCONCLUSIVE, Verdict.ERROR):
            undecided.append(report)
        else:
            _require_pass(context, work, report)
    for report in undecided:
        _require_decision(context, work, report)


async def _conclude(context: Context, work: Work, gate: Gate, subject: Subject) -> GateReport:
    match gate:
        case ErrorRateGate():
            return await ErrorRateWatch(context, gate, subject).conclude(work)
        case ExecutionGate():
            return await execution.run_once(context, work, gate, subject)
        case HttpGate():
            return await http.conclude(context, gate)


def _require_decision(context: Context, work: Work, report: GateReport) -> None:
    """A person's word stands for the gate that cannot decide; no other gate is lifted by it. Raises Paused."""
    promotion = context.store.approvals.promotion(context.organization.name, work.record.id)
    if promotion is None:
        if not work.paused_before:
            _tell(context, work, report)
        raise Paused(SECRETS.text(f"gate {report.gate}: {report.message}"))
    context.note(work, f"gate {report.gate} could not decide; {promotion.by} promoted it")
    _tell(context, work, replace(report, verdict=Verdict.PASS, message=f"promoted by {promotion.by}; {report.message}"))


def _require_pass(context: Context, work: Work, report: GateReport) -> None:
    message = _tell(context, work, report)
    if report.verdict is not Verdict.PASS:
        raise GateFailed(
            f"{work.change.flow} ({work.key}): gate {report.gate}: {report.verdict.value}: {message}",
            hint=CORRECT_IT,
        )


def _tell(context: Context, work: Work, report: GateReport) -> str:
    """To whoever watches, and to the audit log; returns the gate's message without secrets."""
    message = SECRETS.text(report.message)
    context.tell("gate.judged", work, gate=report.gate, verdict=report.verdict.value, message=message)
    context.audit(
        work,
        "gate",
        "success" if report.verdict is Verdict.PASS else "failure",
        version=work.record.live_version,
        error=None if report.verdict is Verdict.PASS else message,
        details={"gate": report.gate, "verdict": report.verdict.value, "message": message},
    )
    return message
