"""A staged rollout runs in the organisation by itself; each of its stages is watched before the next begins."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates import error_rate
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
        self._subject = Subject(
            work.flow_id or "", version, work.record.previous_version, live_since=context.clock.now()
        )

    async def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._context.tell("rollout.stage", self._work, stage=progress.stage, percent=progress.percent)
        desired = self._work.desired
        for gate in desired.gates if desired is not None else ():
            if not isinstance(gate, ErrorRateGate):
                continue
            report = await error_rate.look(self._context, gate, self._subject)
            if report.verdict is Verdict.FAIL:
                raise GateFailed(
                    f"{self._work.change.flow} ({self._work.key}): {report.gate} failed in stage {progress.stage}: "
                    f"{report.message}",
                    hint="the rollout is taken back",
                )
