"""The error rate of the new version's executions, optionally held against the old version's."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from controller.delivery.context import Context
from controller.delivery.gates.announced import Announced, rest_between_looks
from controller.delivery.gates.execution import run_once
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import GateReport, Verdict
from controller.delivery.work import Work
from controller.diagnosis import error_rate as diagnosis
from controller.domain.desired import ErrorRateGate, ExecutionGate, OnNoData
from controller.domain.errors import PenstockError
from controller.domain.ports import Executions

NAME = "errorRate"
_VERDICTS = {
    diagnosis.Verdict.PASS: Verdict.PASS,
    diagnosis.Verdict.FAIL: Verdict.FAIL,
    diagnosis.Verdict.NO_DATA: Verdict.INCONCLUSIVE,
}


class ErrorRateWatch:
    """One gate on one version; the baseline, which lies in the past, is read once."""

    def __init__(self, context: Context, gate: ErrorRateGate, subject: Subject) -> None:
        self._context = context
        self._gate = gate
        self._subject = subject
        self._baseline: diagnosis.ErrorRate | None = None
        self._visible = self._asked = False
        self._deciding = frozenset({diagnosis.Verdict.FAIL})
        self.announced = Announced(context, subject, self._would_decide)

    async def look(self) -> GateReport:
        """One look: FAIL and PASS are final, INCONCLUSIVE means too few samples so far."""
        context, subject = self._context, self._subject
        executions = context.platform.executions
        if executions is None:
            dialect = context.platform.dialect
            return GateReport(NAME, Verdict.ERROR, f"the {dialect} dialect gives no execution data")
        now = context.clock.now()
        since = max(subject.live_since, now - timedelta(seconds=self._gate.window_s))
        try:
            measured = await self._measure(executions, subject.version, since, now)
            baseline = await self._read_baseline(executions)
        except PenstockError as error:
            return GateReport(NAME, Verdict.ERROR, f"executions could not be read: {error.message}")
        self.announced.looked(measured)
        self._visible = self._visible or measured.total + measured.running > 0
        judged = diagnosis.judge_error_rate(self._gate, measured, baseline=baseline)
        return GateReport(NAME, _VERDICTS[judged.verdict], judged.message)

    async def conclude(self, work: Work) -> GateReport:
        """Look until it is clear, or until `onNoData` has the word.

        Under `wait` the gate waits for one more window of traffic; without enough of it, it cannot decide. Where it
        could not before, one look is enough: what has come since shows in it. Where nothing is recorded, waiting tells
        nothing either.
        Raises Parked when the process has to go.
        """
        self._deciding = frozenset({diagnosis.Verdict.FAIL, diagnosis.Verdict.PASS})
        with self.announced.listening():
            return await self._conclude(work)

    async def _conclude(self, work: Work) -> GateReport:
        context, gate = self._context, self._gate
        give_up_s = context.clock.monotonic() + self._patience_s(work)
        errors = 0
        while True:
            report = await self.look()
            if report.verdict in (Verdict.PASS, Verdict.FAIL):
                return report
            errors = errors + 1 if report.verdict is Verdict.ERROR else 0
            if errors >= context.settings.gate_attempts:
                return report
            hidden = await self._hidden() if report.verdict is Verdict.INCONCLUSIVE else None
            if hidden is not None:
                report = replace(report, message=f"{report.message}; {hidden}")
            if report.verdict is Verdict.INCONCLUSIVE and gate.on_no_data is not OnNoData.WAIT:
                return await self._without_data(work, report)
            if hidden is not None:
                return report
            left_s = give_up_s - context.clock.monotonic()
            if left_s <= 0 and report.verdict is Verdict.ERROR:
                return report
            if left_s <= 0:
                waited = f"{report.message}; waited {gate.window_s:.0f} s for more"
                return GateReport(NAME, Verdict.INCONCLUSIVE, waited)
            await rest_between_looks(context, left_s, self.announced)

    def _would_decide(self, announced: diagnosis.ErrorRate) -> bool:
        judged = diagnosis.judge_error_rate(self._gate, announced, baseline=self._baseline)
        return judged.verdict in self._deciding

    async def _hidden(self) -> str | None:
        """Why there is nothing to see, asked once; None where executions were seen, or where it cannot be told."""
        if self._visible or self._asked:
            return None
        self._asked = True
        recording = self._context.platform.recording
        if recording is None:
            return None
        try:
            fault = (await recording.of(self._subject.flow_id)).fault
        except PenstockError:
            return None
        return None if fault is None else f"{fault}, so there is nothing to see (penstock trace settings)"

    def _patience_s(self, work: Work) -> float:
        """What is left of the window after the bake; a process that ended meanwhile does not begin it again."""
        if work.paused_before:
            return 0.0
        window_s, now = self._gate.window_s, self._context.clock.now()
        since_s = (now - (work.record.bake_until or now)).total_seconds()
        return min(max(window_s - since_s, 0.0), window_s)

    async def _without_data(self, work: Work, report: GateReport) -> GateReport:
        if self._gate.on_no_data is OnNoData.PASS:
            return GateReport(NAME, Verdict.PASS, f"{report.message}; passed by onNoData: pass")
        if self._gate.on_no_data is OnNoData.FAIL:
            return GateReport(NAME, Verdict.FAIL, f"{report.message}; failed by onNoData: fail")
        probed = await run_once(self._context, work, ExecutionGate(), self._subject)
        return GateReport(NAME, probed.verdict, f"{report.message}; probed: {probed.message}")

    async def _measure(
        self, executions: Executions, version: str, since: datetime, until: datetime
    ) -> diagnosis.ErrorRate:
        """The range is of our clock, executions are of the organisation's."""
        ahead = self._context.platform.clock_ahead
        since, until = since + ahead, until + ahead
        found = executions.of_version(self._subject.flow_id, version, since=since, until=until)
        started = [execution async for execution in found]
        return diagnosis.measure_error_rate(started, since=since, until=until, version=version)

    async def _read_baseline(self, executions: Executions) -> diagnosis.ErrorRate | None:
        """The old version's rate over the window that ended when the new one went live."""
        subject = self._subject
        if not self._gate.baseline or subject.previous_version is None:
            return None
        if self._baseline is None:
            since = subject.live_since - timedelta(seconds=self._gate.window_s)
            self._baseline = await self._measure(executions, subject.previous_version, since, subject.live_since)
        return self._baseline
