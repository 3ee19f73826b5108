"""The error rate of the new version's executions, optionally held against the old version's."""

from __future__ import annotations

from datetime import datetime, timedelta

from controller.delivery.context import Context
from controller.delivery.gates.execution import run_once
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.diagnosis import error_rate as diagnosis
from controller.domain.desired import ErrorRateGate, ExecutionGate, OnNoData
from controller.domain.errors import PenstockError
from controller.domain.platform import Capability

NAME = "errorRate"


async def look(context: Context, gate: ErrorRateGate, subject: Subject) -> GateReport:
    """One look: FAIL and PASS are final, INCONCLUSIVE means too few samples so far."""
    if not context.can(Capability.EXECUTION_DATA):
        dialect = context.platform.dialect
        return GateReport(NAME, Verdict.ERROR, f"the {dialect} dialect gives no execution data")
    now = context.clock.now()
    since = max(subject.live_since, now - timedelta(seconds=gate.window_s))
    try:
        measured = await _measure(context, subject.flow_id, subject.version, since, now)
        baseline = await _baseline(context, gate, subject)
    except PenstockError as error:
        return GateReport(NAME, Verdict.ERROR, f"executions could not be read: {error.message}")
    judged = diagnosis.judge_error_rate(gate, measured, baseline=baseline)
    verdict = {
        diagnosis.Verdict.PASS: Verdict.PASS,
        diagnosis.Verdict.FAIL: Verdict.FAIL,
        diagnosis.Verdict.NO_DATA: Verdict.INCONCLUSIVE,
    }[judged.verdict]
    return GateReport(NAME, verdict, judged.message)


async def conclude(context: Context, work: Work, gate: ErrorRateGate, subject: Subject) -> GateReport:
    """Look until it is clear, or until `onNoData` has the word.

    Under `wait` the gate waits for one more window of traffic; without enough of it, it does not pass.
    Raises Parked when the process has to go.
    """
    give_up = context.clock.now() + timedelta(seconds=gate.window_s)
    errors = 0
    while True:
        report = await look(context, gate, subject)
        if report.verdict in (Verdict.PASS, Verdict.FAIL):
            return report
        errors = errors + 1 if report.verdict is Verdict.ERROR else 0
        if errors >= context.settings.gate_attempts:
            return report
        if report.verdict is Verdict.INCONCLUSIVE and gate.on_no_data is not OnNoData.WAIT:
            return await _without_data(context, work, gate, subject, report)
        left_s = (give_up - context.clock.now()).total_seconds()
        if left_s <= 0:
            return GateReport(NAME, Verdict.INCONCLUSIVE, f"{report.message}; waited {gate.window_s:.0f} s for more")
        await context.signals.rest(min(context.settings.gate_interval_s, left_s))


async def _without_data(
    context: Context, work: Work, gate: ErrorRateGate, subject: Subject, report: GateReport
) -> GateReport:
    if gate.on_no_data is OnNoData.PASS:
        return GateReport(NAME, Verdict.PASS, f"{report.message}; passed by onNoData: pass")
    if gate.on_no_data is OnNoData.FAIL:
        return GateReport(NAME, Verdict.FAIL, f"{report.message}; failed by onNoData: fail")
    probed = await run_once(context, work, ExecutionGate(), subject)
    return GateReport(NAME, probed.verdict, f"{report.message}; probed: {probed.message}")


async def _measure(
    context: Context, flow_id: str, version: str, since: datetime, until: datetime
) -> diagnosis.ErrorRate:
    found = context.platform.executions(flow_id, version, since=since, until=until)
    executions = [execution async for execution in found]
    return diagnosis.measure_error_rate(executions, since=since, until=until, version=version)


async def _baseline(context: Context, gate: ErrorRateGate, subject: Subject) -> diagnosis.ErrorRate | None:
    """The old version's rate over the window that ended when the new one went live."""
    if not gate.baseline or subject.previous_version is None:
        return None
    since = subject.live_since - timedelta(seconds=gate.window_s)
    return await _measure(context, subject.flow_id, subject.previous_version, since, subject.live_since)
