"""Publishing a source: the organisation makes a new version of it and publishes that."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.meanwhile import tell_replaced
from controller.delivery.poll import follow, outlasted, patience_of
from controller.delivery.reading import as_planned, current
from controller.delivery.upload import arrived, failed_of_nothing, require_success, send_source
from controller.delivery.validation import tell_validated_by_upload
from controller.delivery.verify import is_newer, newer, require_there
from controller.delivery.work import Work
from controller.domain.desired import SourceFile
from controller.domain.errors import CapabilityMissing, NotFound, PublishFailed, PublishTimedOut
from controller.domain.live import LiveFlow
from controller.domain.platform import FailureCause, Progress
from controller.domain.status import StepState


class PublishStep:
    """`create`, `publish`, `republish` and `rename` of flows that have a source."""

    bakes = True

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prepare(self, work: Work) -> bool:
        """The organisation cannot validate a file that it does not have: it does so while it publishes."""
        if self._context.platform.uploads is None:
            raise CapabilityMissing(
                f"{work.change.flow} ({work.key}): the {self._context.platform.dialect} dialect cannot publish a file",
                hint="pin a version that exists in the organisation (spec.source.version)",
            )
        live = await as_planned(self._context, work)
        if await wait_for_lock(self._context, work, live) is not live:
            await as_planned(self._context, work)
        self._context.tell("validation.deferred", work, until="publish")
        return True

    async def publish(self, work: Work) -> None:
        source = _source(work)
        await through_conflicts(
            self._context,
            work,
            lambda: send_source(self._context, work, source.text, state=StepState.PUBLISHING),
        )

    async def settle(self, work: Work) -> LiveFlow | None:
        """Raises PublishFailed, OutOfBandChange, and PublishTimedOut where nothing tells yet what became of it."""
        context, before = self._context, work.record.previous_version
        if work.record.ticket is not None:
            try:
                progress = await self._ended(work)
            except PublishTimedOut:
                live = await current(context, work)
                require_there(work, live)
                if not is_newer(live, before):
                    raise
                context.note(work, "the job did not end in time, but a newer version is live")
                return live
            tell_validated_by_upload(context, work, progress)
            require_success(context, work, progress)
            _same_flow(work, progress.flow_id)
            if work.flow_id is None and progress.flow_id is not None:
                context.advance(work, work.state, flow_id=progress.flow_id)
        live = await newer(context, work, before)
        await tell_replaced(context, work, live)
        return live

    async def _ended(self, work: Work) -> Progress:
        """The job at its end. One that failed of nothing in the file is sent once more, when nothing is in its way."""
        context = self._context
        progress = await self._follow(work)
        if not await failed_of_nothing(context, work, progress):
            return progress
        if sum(write.action == "upload" for write in work.record.writes) < context.settings.upload_attempts:
            context.tell("upload.again", work, message="; ".join(progress.messages[:1]) or "no reason given")
            await context.signals.rest(context.settings.upload_retry_s)
            if progress.cause is FailureCause.LOCK:
                await wait_for_lock(context, work, await current(context, work))
            await as_planned(context, work)
            await send_source(context, work, _source(work).text)
            progress = await self._follow(work)
            await failed_of_nothing(context, work, progress)
        return progress

    async def _follow(self, work: Work) -> Progress:
        ticket = work.record.ticket
        assert ticket is not None  # noqa: S101 - the journal has it since the file was sent
        return await follow(self._context, work, ticket, timeout_s=patience_of(self._context, work))

    async def took_effect(self, work: Work) -> bool:
        """A job that is not found may only not be seen yet: it came to nothing when its time is over."""
        if work.last_write("upload") is None:
            return False
        if is_newer(await current(self._context, work), work.record.previous_version):
            return True
        ticket = work.record.ticket
        if ticket is None:
            return False
        try:
            return await arrived(self._context, ticket)
        except NotFound:
            return not outlasted(self._context, work)


def _source(work: Work) -> SourceFile:
    if work.source is None:
        raise CapabilityMissing(
            f"{work.change.flow} ({work.key}): there is no source to publish",
            hint="give the manifest a spec.source.file",
        )
    return work.source


def _same_flow(work: Work, flow_id: str | None) -> None:
    if work.flow_id is not None and flow_id is not None and flow_id != work.flow_id:
        raise PublishFailed(
            f"{work.change.flow} ({work.key}): the source went to flow {flow_id} instead of {work.flow_id}; "
            "the file names its target by type and name",
            hint="make spec.name, spec.type and the flow file agree",
        )
