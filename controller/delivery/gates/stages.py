"""A staged rollout runs in the organisation by itself; each of its stages is watched before the next begins."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.gates.subject import subject_of
from controller.delivery.gates.verdict import CORRECT_IT
from controller.delivery.gates.watch import Watch
from controller.delivery.work import Work
from controller.domain.errors import GateFailed
from controller.domain.platform import Progress
from controller.domain.redaction import SECRETS


class StageWatch:
    """Called at every look at a running rollout. Raises GateFailed as soon as a gate fails, and Parked."""

    def __init__(self, context: Context, work: Work, version: str) -> None:
        self._context = context
        self._work = work
        self._stage: str | None = None
        self._watch = Watch(context, work, subject_of(work, version, context.clock.now()))

    async def __call__(self, progress: Progress) -> None:
        if progress.stage != self._stage:
            self._stage = progress.stage
            self._context.tell("rollout.stage", self._work, stage=progress.stage, percent=progress.percent)
        report = await self._watch.failure()
        if report is not None:
            raise GateFailed(
                f"{self._work.change.flow} ({self._work.key}): {report.gate} failed in stage {progress.stage}: "
                f"{SECRETS.text(report.message)}",
                hint=CORRECT_IT,
            )
