"""Watching a new version: it bakes for a while, then every gate has to pass."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates import execution, http
from controller.delivery.gates.error_rate import ErrorRateWatch
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.domain.desired import ErrorRateGate, ExecutionGate, Gate, HttpGate
from controller.domain.errors import GateFailed


async def bake(context: Context, work: Work, subject: Subject) -> None:
    """Wait until the bake time is over; an error rate that is too high ends it early.

    The end is a moment in the journal, so that a crash does not lengthen it; within one process time is counted, so
    that a clock which is set neither shortens nor lengthens it.

    Raises GateFailed, and Parked when the process has to go.
    """
    clock = context.clock
    end_s = clock.monotonic() + _left_s(context, work)
    watches = [ErrorRateWatch(context, gate, subject) for gate in _gates(work) if isinstance(gate, ErrorRateGate)]
    while (left_s := end_s - clock.monotonic()) > 0:
        await context.signals.rest(min(left_s, context.settings.gate_interval_s) if watches else left_s)
        for watch in watches:
            report = await watch.look()
            if report.verdict is Verdict.FAIL:
                _require_pass(context, work, report)


def _left_s(context: Context, work: Work) -> float:
    """Never more than the manifest asks for, also where the clock was set back since."""
    if work.record.bake_until is None:
        return 0.0
    left_s = (work.record.bake_until - context.clock.now()).total_seconds()
    return left_s if work.desired is None else min(left_s, work.desired.rollout.bake_s)


async def pass_gates(context: Context, work: Work, subject: Subject) -> None:
    """Every gate in the manifest's order; the first that does not pass ends it. Raises GateFailed and Parked."""
    for gate in _gates(work):
        report = await _conclude(context, work, gate, subject)
        _require_pass(context, work, report)


def _gates(work: Work) -> tuple[Gate, ...]:
    return work.desired.gates if work.desired is not None else ()


async def _conclude(context: Context, work: Work, gate: Gate, subject: Subject) -> GateReport:
    match gate:
        case ErrorRateGate():
            return await ErrorRateWatch(context, gate, subject).conclude(work)
        case ExecutionGate():
            return await execution.run_once(context, work, gate, subject)
        case HttpGate():
            return await _http(context, gate)


async def _http(context: Context, gate: HttpGate) -> GateReport:
    """A check that fails is repeated: one lost packet must not roll production back."""
    report = await http.check(context, gate)
    for _ in range(context.settings.gate_attempts - 1):
        if report.verdict is Verdict.PASS:
            break
        await context.signals.rest(context.settings.gate_retry_s)
        report = await http.check(context, gate)
    return report


def _require_pass(context: Context, work: Work, report: GateReport) -> None:
    passed = report.verdict is Verdict.PASS
    message = context.redactor.text(report.message)
    context.tell("gate.judged", work, gate=report.gate, verdict=report.verdict.value, message=message)
    context.audit(
        work,
        "gate",
        "success" if passed else "failure",
        version=work.record.live_version,
        details={"gate": report.gate, "verdict": report.verdict.value, "message": message},
    )
    if not passed:
        raise GateFailed(
            f"{work.change.flow} ({work.key}): gate {report.gate}: {report.verdict.value}: {message}",
            hint="correct the flow and commit it, or change the gate",
        )
