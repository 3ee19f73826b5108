"""A staged rollout runs in the organisation by itself; each of its stages is watched before the next begins."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates.error_rate import ErrorRateWatch
from controller.delivery.gates.subject import Subject
from controller.delivery.gates.verdict import Verdict
from controller.delivery.work import Work
from controller.domain.desired import ErrorRateGate
from controller.domain.errors import GateFailed
from controller.domain.platform import Progress


class StageWatch:
    """Called at every look at a running rollout. Raises GateFailed as soon as the error rate is too high."""

    def __init__(self, context: Context, work: Work, version: str) -> None:
        self._context = context
        self._work = work
        self._stage: str | None = None
        subject = Subject(work.flow_id or "", version, work.record.previous_version, live_since=context.clock.now())
        gates = work.desired.gates if work.desired is not None else ()
        self._watches = [ErrorRateWatch(context, gate, subject) for gate in gates if isinstance(gate, ErrorRateGate)]

    async def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._context.tell("rollout.stage", self._work, stage=progress.stage, percent=progress.percent)
        for watch in self._watches:
            report = await watch.look()
            if report.verdict is Verdict.FAIL:
                raise GateFailed(
                    f"{self._work.change.flow} ({self._work.key}): {report.gate} failed in stage {progress.stage}: "
                    f"{report.message}",
                    hint="the rollout is taken back",
                )
