"""The error rate of the new version's executions, optionally compared with the old version's.

Announced executions only make the next poll come sooner; the poll decides.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta

from controller.delivery.change_run import ChangeRun
from controller.delivery.gates.execution import run_once
from controller.delivery.gates.model import GateReport, GateSubject, GateVerdict
from controller.delivery.sync_run import SyncRun
from controller.diagnosis import error_rate as diagnosis
from controller.domain.desired import ErrorRateGate, ExecutionGate, OnNoData
from controller.domain.errors.branches import PenstockError
from controller.domain.events import ExecutionEvent
from controller.domain.execution_ports import Executions

NAME = "errorRate"
INTERVAL_S = 30.0
"""Between two polls, while a version bakes and while a gate waits for samples."""
PAUSE_S = 5.0
"""Between two polls at least, also when executions are announced."""
_VERDICTS = {
    diagnosis.Verdict.PASS: GateVerdict.PASS,
    diagnosis.Verdict.FAIL: GateVerdict.FAIL,
    diagnosis.Verdict.NO_DATA: GateVerdict.INCONCLUSIVE,
}


class ErrorRateWatch:
    """One gate on one version; the baseline is in the past, and read once."""

    def __init__(self, sync: SyncRun, gate: ErrorRateGate, subject: GateSubject) -> None:
        self._sync = sync
        self._gate = gate
        self._subject = subject
        self._baseline: diagnosis.ErrorRate | None = None
        self._visible = self._asked = False
        self._deciding = frozenset({diagnosis.Verdict.FAIL})
        self.announced = Announced(sync, subject, self._would_decide)

    async def look(self) -> GateReport:
        """Poll once: FAIL and PASS are final, INCONCLUSIVE means too few samples so far."""
        sync, subject = self._sync, self._subject
        executions = sync.platform.executions
        if executions is None:
            dialect = sync.platform.dialect
            return GateReport(NAME, GateVerdict.ERROR, f"the {dialect} dialect gives no execution data")
        now = sync.clock.now()
        since = max(subject.live_since, now - timedelta(seconds=self._gate.window_s))
        try:
            measured = await self._measure(executions, subject.version, since, now)
            baseline = await self._read_baseline(executions)
        except PenstockError as error:
            return GateReport(NAME, GateVerdict.ERROR, f"executions could not be read: {error.message}")
        self.announced.looked(measured)
        self._visible = self._visible or measured.total + measured.running > 0
        judged = diagnosis.judge_error_rate(self._gate, measured, baseline=baseline)
        return GateReport(NAME, _VERDICTS[judged.verdict], judged.message, self._figures(judged))

    def _figures(self, judged: diagnosis.ErrorRateVerdict) -> dict[str, float]:
        counted = {"failed": judged.current.failed, "total": judged.current.total}
        return {**counted, "minimum": self._gate.minimum_samples, "limit": judged.limit}

    async def conclude(self, run: ChangeRun) -> GateReport:
        """Poll until the gate can decide, or until `onNoData` decides.

        Under `wait` the gate waits for one more window of traffic; without enough of it, it cannot decide. A gate that
        could not decide in an earlier pass polls once: new traffic shows in it. Without recording, waiting is useless.
        Raises Parked on a shutdown signal.
        """
        self._deciding = frozenset({diagnosis.Verdict.FAIL, diagnosis.Verdict.PASS})
        with self.announced.listening():
            return await self._conclude(run)

    async def _conclude(self, run: ChangeRun) -> GateReport:
        sync, gate = self._sync, self._gate
        give_up_s = sync.clock.monotonic() + self._patience_s(run)
        errors = 0
        while True:
            report = await self.look()
            if report.verdict in (GateVerdict.PASS, GateVerdict.FAIL):
                return report
            errors = errors + 1 if report.verdict is GateVerdict.ERROR else 0
            if errors >= sync.settings.gate_attempts:
                return report
            hidden = await self._hidden() if report.verdict is GateVerdict.INCONCLUSIVE else None
            if hidden is not None:
                report = replace(report, message=f"{report.message}; {hidden}")
            if report.verdict is GateVerdict.INCONCLUSIVE and gate.on_no_data is not OnNoData.WAIT:
                return await self._without_data(run, report)
            if hidden is not None:
                return report
            left_s = give_up_s - sync.clock.monotonic()
            if left_s <= 0 and report.verdict is GateVerdict.ERROR:
                return report
            if left_s <= 0:
                waited = f"{report.message}; waited {gate.window_s:.0f} s for more"
                return replace(report, message=waited)
            await rest_between_looks(sync, left_s, self.announced)

    def _would_decide(self, announced: diagnosis.ErrorRate) -> bool:
        judged = diagnosis.judge_error_rate(self._gate, announced, baseline=self._baseline)
        return judged.verdict in self._deciding

    async def _hidden(self) -> str | None:
        """Why no executions are visible, asked once; None where some were, or where the reason is unknown."""
        if self._visible or self._asked:
            return None
        self._asked = True
        recording = self._sync.platform.recording
        if recording is None:
            return None
        try:
            fault = (await recording.of(self._subject.flow_id)).fault
        except PenstockError:
            return None
        return None if fault is None else f"{fault}, so there is nothing to see (penstock trace settings)"

    def _patience_s(self, run: ChangeRun) -> float:
        """The rest of the window after the bake; a new process does not begin it again."""
        if run.record.paused:
            return 0.0
        window_s, now = self._gate.window_s, self._sync.clock.now()
        since_s = (now - (run.record.bake_until or now)).total_seconds()
        return min(max(window_s - since_s, 0.0), window_s)

    async def _without_data(self, run: ChangeRun, report: GateReport) -> GateReport:
        if self._gate.on_no_data is OnNoData.PASS:
            return replace(report, verdict=GateVerdict.PASS, message=f"{report.message}; passed by onNoData: pass")
        if self._gate.on_no_data is OnNoData.FAIL:
            return replace(report, verdict=GateVerdict.FAIL, message=f"{report.message}; failed by onNoData: fail")
        probed = await run_once(run, ExecutionGate(), self._subject)
        return replace(report, verdict=probed.verdict, message=f"{report.message}; probed: {probed.message}")

    async def _measure(
        self, executions: Executions, version: str, since: datetime, until: datetime
    ) -> diagnosis.ErrorRate:
        """The range is in our clock's time, executions are in the organisation's."""
        ahead = self._sync.platform.clock_ahead
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


class Announced:
    """Announced executions of a version since the last poll, added to that poll's count.

    They are only hints: `due` is set when a poll is worth its calls, and the poll decides.
    """

    def __init__(
        self, sync: SyncRun, subject: GateSubject, is_worth_a_look: Callable[[diagnosis.ErrorRate], bool]
    ) -> None:
        self._sync = sync
        self._subject = subject
        self._is_worth_a_look = is_worth_a_look
        self._polled = diagnosis.ErrorRate()
        self._failed = self._total = 0
        self.due = asyncio.Event()

    def looked(self, polled: diagnosis.ErrorRate) -> None:
        """Note a poll's count; it contains the executions announced so far, or soon will."""
        self._polled = polled
        self._failed = self._total = 0
        self.due.clear()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Count announced executions within the block, and set `due`."""
        with self._sync.events.executions(self._subject.flow_id, self._count):
            yield

    def _count(self, event: ExecutionEvent) -> None:
        if event.version != self._subject.version:
            return
        self._total += 1
        self._failed += event.failed
        if self._is_worth_a_look(
            diagnosis.ErrorRate(self._polled.failed + self._failed, self._polled.total + self._total)
        ):
            self.due.set()


async def rest_between_looks(sync: SyncRun, longest_s: float, *announced: Announced) -> None:
    """The usual pause between two polls, cut short when a poll is due. Raises Parked."""
    shortest_s = min(PAUSE_S, INTERVAL_S, longest_s)
    await sync.signals.rest(shortest_s)
    left_s = min(INTERVAL_S, longest_s) - shortest_s
    dues = [each.due for each in announced]
    if left_s > 0 and not any(due.is_set() for due in dues):
        await sync.signals.rest(left_s, *dues)
