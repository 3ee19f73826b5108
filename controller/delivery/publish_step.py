"""Publishing a source: the organisation makes a new version of it and publishes that."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.poll import follow
from controller.delivery.reading import as_planned, current
from controller.delivery.upload import arrived, require_success, send_source
from controller.delivery.verify import is_newer, newer
from controller.delivery.work import Work
from controller.domain.desired import SourceFile
from controller.domain.errors import CapabilityMissing, PublishFailed, PublishTimedOut
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability
from controller.domain.status import StepState


class PublishStep:
    """`create`, `publish`, `republish` and `rename` of flows that have a source."""

    bakes = True

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prepare(self, work: Work) -> bool:
        """The organisation cannot validate a file that it does not have: it does so while it publishes."""
        if not self._context.can(Capability.PUBLISH_SOURCE):
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
        """Raises PublishFailed and PublishTimedOut; after a timeout the live flow has the last word."""
        context, ticket = self._context, work.record.ticket
        before = work.record.previous_version
        if ticket is not None:
            try:
                progress = await follow(context, work, ticket, timeout_s=context.settings.publish_timeout_s)
            except PublishTimedOut:
                live = await current(context, work)
                if not is_newer(live, before):
                    raise
                context.note(work, "the job did not end in time, but a newer version is live")
                return live
            require_success(context, work, progress)
            _same_flow(work, progress.flow_id)
            if work.flow_id is None and progress.flow_id is not None:
                context.advance(work, work.state, flow_id=progress.flow_id)
        return await newer(context, work, before)

    async def took_effect(self, work: Work) -> bool:
        if is_newer(await current(self._context, work), work.record.previous_version):
            return True
        ticket = work.record.ticket
        return ticket is not None and await arrived(self._context, ticket)


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
