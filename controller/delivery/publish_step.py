"""Publishing a flow file, which the organisation makes a new version of."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

from controller.delivery.change_run import ChangeRun
from controller.delivery.follow import follow
from controller.delivery.live_state import (
    as_planned,
    is_newer,
    outlasted,
    require_newer,
    require_there,
)
from controller.delivery.live_watch import Shown
from controller.delivery.locks import may_owe_draft, through_conflicts, wait_for_lock
from controller.delivery.out_of_band import is_from_upload, tell_replaced
from controller.delivery.publish_writes import (
    arrived,
    failed_without_effect,
    require_success,
    send_source,
)
from controller.delivery.validation import tell_validated_by_upload
from controller.domain.desired import SourceFile
from controller.domain.errors.change import PublishFailed, PublishTimedOut
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import NotFound
from controller.domain.live import LiveFlow
from controller.domain.platform import Progress
from controller.domain.status import StepState

_UPLOADS = 2
"""Tries of a file after job failures outside its content: a request limit, a lock, or no reason."""
_UPLOAD_RETRY_S = 15.0


class PublishStep:
    """`create`, `publish`, `republish` and `rename` of flows that have a source file."""

    bakes = True

    def __init__(self, run: ChangeRun) -> None:
        self._run = run

    async def prepare(self) -> bool:
        """The organisation cannot validate a file that it does not have: it does so while it publishes.

        The flow is read right before its file is sent, and only there. Raises as `keep_draft` does.
        """
        run = self._run
        if run.sync.platform.uploads is None:
            raise CapabilityMissing(
                f"{run.label}: the {run.sync.platform.dialect} dialect cannot publish a file",
                hint="pin a version that exists in the organisation (spec.source.version)",
            )
        if may_owe_draft(run):
            await wait_for_lock(run, await as_planned(run))
        run.tell("validation.deferred", until="publish")
        return True

    async def publish(self) -> None:
        run = self._run
        source = _source(run)
        text = await asyncio.to_thread(source.text.read)
        await through_conflicts(run, lambda: send_source(run, text, state=StepState.PUBLISHING))

    async def settle(self) -> LiveFlow | None:
        """Raises PublishFailed, OutOfBandChange, and PublishTimedOut where the result is not known yet."""
        run = self._run
        before, live = run.record.previous_version, None
        if run.record.ticket is not None:
            try:
                progress = await self._ended()
            except PublishTimedOut:
                live = await run.live()
                require_there(run, live)
                if not is_newer(live, before):
                    raise
                run.note("the job did not end in time, but a newer version is live")
                return live
            tell_validated_by_upload(run, progress)
            require_success(run, progress)
            _same_flow(run, progress.flow_id)
            if run.flow_id is None and progress.flow_id is not None:
                run.advance(run.state, flow_id=progress.flow_id)
            live = progress.live
        if live is None:
            live = await require_newer(run, before)
        await tell_replaced(run, live)
        return live

    async def _ended(self) -> Progress:
        """The job at its end. A file is sent once more where its job failed for no reason in the content."""
        run = self._run
        progress = await self._follow()
        if not await failed_without_effect(run, progress):
            return progress
        if sum(write.action == "upload" for write in run.record.writes) < _UPLOADS:
            run.tell("upload.again", message="; ".join(progress.messages[:1]) or "no reason given")
            await run.sync.signals.rest(_UPLOAD_RETRY_S)
            await self.publish()
            progress = await self._follow()
            await failed_without_effect(run, progress)
        return progress

    def _follow(self) -> Awaitable[Progress]:
        ticket = self._run.record.ticket
        assert ticket is not None  # noqa: S101 - the journal has it since the file was sent
        return follow(self._run, ticket, judge=self._judge)

    def _judge(self, listed: LiveFlow) -> Shown:
        if not is_newer(listed, self._run.record.previous_version):
            return Shown.NOTHING
        return Shown.PROVEN if is_from_upload(self._run, listed) else Shown.PERHAPS

    async def took_effect(self) -> bool:
        """A job that is not found may only not be visible yet: it had no effect once its time is over."""
        run = self._run
        if run.last_write("upload") is None:
            return False
        if is_newer(await run.live(), run.record.previous_version):
            return True
        ticket = run.record.ticket
        if ticket is None:
            return False
        try:
            return await arrived(run, ticket)
        except NotFound:
            return not outlasted(run)


def _source(run: ChangeRun) -> SourceFile:
    if run.source is None:
        raise CapabilityMissing(
            f"{run.label}: there is no source to publish", hint="give the manifest a spec.source.file"
        )
    return run.source


def _same_flow(run: ChangeRun, flow_id: str | None) -> None:
    if run.flow_id is not None and flow_id is not None and flow_id != run.flow_id:
        raise PublishFailed(
            f"{run.label}: the source went to flow {flow_id} instead of {run.flow_id}; "
            "the file names its target by type and name",
            hint="make spec.name, spec.type and the flow file agree",
        )
