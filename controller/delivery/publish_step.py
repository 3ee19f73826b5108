"""Making a version live: of a flow file, which the organisation makes a new version of, or one that exists already.

An existing version is made live by one atomic switch, or by publishing it again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence

from controller.delivery.change_run import ChangeRun
from controller.delivery.follow import follow
from controller.delivery.gates.watch import StageWatch
from controller.delivery.live_state import (
    as_planned,
    is_newer,
    is_version,
    outlasted,
    require_newer,
    require_there,
    require_version,
    wait_until,
)
from controller.delivery.live_watch import Shown
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.out_of_band import is_from_upload, noted_of_versions, require_not_overtaken, tell_replaced
from controller.delivery.publish_proof import find_publish_in_flight, publish_vanished, was_published_after
from controller.delivery.publish_writes import (
    arrived,
    failed_without_effect,
    publish_version,
    require_success,
    send_source,
    switch_version,
)
from controller.delivery.validation import tell_validated_by_upload, validate
from controller.domain.desired import SourceFile, Stage
from controller.domain.errors.change import NoSuchVersion, PublishFailed, PublishTimedOut
from controller.domain.errors.delivery import PlanStale, SafetyLimit
from controller.domain.errors.manifest import CapabilityMissing
from controller.domain.errors.organization import NotFound, RequestRejected
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, FailureCause, Progress, Ticket, TicketKind
from controller.domain.status import StepState
from controller.domain.versions import VersionInfo
from controller.planning.limits import ROOM, one_too_many
from controller.planning.model import ChangeKind
from controller.planning.targets import unusable

_UPLOADS = 2
"""Tries of a file after job failures outside its content: a request limit, a lock, or no reason."""
_UPLOAD_RETRY_S = 15.0


class PublishStep:
    """`create`, `publish`, `republish` and `rename` of flows that have a source file."""

    bakes = True

    def __init__(self, run: ChangeRun) -> None:
        self._run = run

    async def prepare(self) -> bool:
        """The organisation cannot validate a file that it does not have: it does so while it publishes."""
        run = self._run
        if run.sync.platform.uploads is None:
            raise CapabilityMissing(
                f"{run.label}: the {run.sync.platform.dialect} dialect cannot publish a file",
                hint="pin a version that exists in the organisation (spec.source.version)",
            )
        live = await as_planned(run)
        if await wait_for_lock(run, live) is not live:
            await as_planned(run)
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
            if progress.cause is FailureCause.LOCK:
                await wait_for_lock(run, await run.live())
            await as_planned(run)
            await send_source(run, await asyncio.to_thread(_source(run).text.read))
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


class SwitchStep:
    """`switch`, `restore`, and `republish` of a pinned version."""

    bakes = True

    def __init__(self, run: ChangeRun) -> None:
        self._run = run
        self._upload = PublishStep(run)
        """For a ticket that is a job: its source was published instead."""

    async def prepare(self) -> bool:
        """Raises PlanStale, FlowLocked, NoSuchVersion, SafetyLimit and FlowRejected."""
        run = self._run
        target = _target(run)
        live = await as_planned(run, or_version=target)
        if is_version(live, target) and run.change.kind is not ChangeKind.REPUBLISH:
            run.note(f"{target} is live already; nothing was written")
            return False
        if await wait_for_lock(run, live) is not live:
            await as_planned(run)
        flow_id = _flow_id(run)
        versions = await run.sync.platform.versions.of(flow_id)
        self._check_version(versions)
        run.noted = noted_of_versions(versions)
        await validate(run, flow_id, target)
        return True

    async def publish(self) -> None:
        run = self._run
        target = _target(run)
        stages = self._stages()
        if run.sync.can(Capability.ATOMIC_SWITCH) and not stages and await self._was_published():
            await through_conflicts(run, lambda: switch_version(run, target, state=StepState.PUBLISHING))
            return
        await through_conflicts(run, lambda: publish_version(run, target, stages=stages, state=StepState.PUBLISHING))

    async def settle(self) -> LiveFlow | None:
        """Raises PublishFailed, PublishTimedOut, OutOfBandChange, and GateFailed while a rollout is under way."""
        run = self._run
        target, ticket = _target(run), run.record.ticket
        if ticket is not None and ticket.kind is TicketKind.JOB:
            return await self._upload.settle()
        listed = None if ticket is None else await self._follow(ticket)
        if listed is not None:
            await tell_replaced(run, listed)
            return listed
        _, live = await wait_until(run, lambda _: True)
        await require_not_overtaken(run, target)
        if not run.sync.can(Capability.ATOMIC_SWITCH):
            return await self._on_architect(target)
        if is_version(live, run.record.previous_version or ""):
            await self._switch_after_publish(target)
        live = await require_version(run, target)
        await tell_replaced(run, live)
        return live

    async def took_effect(self) -> bool:
        run = self._run
        if run.record.ticket is not None and run.record.ticket.kind is TicketKind.JOB:
            return await self._upload.took_effect()
        if run.record.ticket is not None:
            return not await publish_vanished(run)
        target = _target(run)
        made = run.last_write("publish", "switch")
        intent = {} if made is None else made.details
        ticket = await find_publish_in_flight(run, target, lambda live: was_published_after(live, target, intent))
        if ticket is None:
            return False
        run.advance(run.state, ticket=ticket)
        return True

    async def _on_architect(self, target: str) -> LiveFlow | None:
        """An old version that the organisation does not make live again is restored from its source instead."""
        run = self._run
        try:
            live = await require_version(run, target)
        except PublishFailed:
            if run.change.kind is not ChangeKind.RESTORE or run.source is None:
                raise
            if not is_version(await run.live(), run.record.previous_version or ""):
                raise
        else:
            await tell_replaced(run, live)
            return live
        run.note(f"the organisation did not make {target} live again; its source was published anew")
        await send_source(run, await asyncio.to_thread(run.source.text.read))
        return await self._upload.settle()

    async def _switch_after_publish(self, target: str) -> None:
        """Traffic may need a switch of its own after the publish; where that is refused, the live version decides."""
        run = self._run
        try:
            moved = await through_conflicts(run, lambda: switch_version(run, target))
        except (RequestRejected, PlanStale) as error:
            run.note(f"{target} was published, but could not be switched to: {error.message}")
            return
        require_success(run, await follow(run, moved, timeout_s=run.sync.settings.publish_timeout_s))

    async def _follow(self, ticket: Ticket) -> LiveFlow | None:
        """The flow, if a listing proves that the target is live. Raises as `settle` does."""
        run = self._run
        stages = self._stages()
        watch = StageWatch(run, ticket.version or _target(run)) if stages else None
        # A version that was live before proves nothing.
        judge = None if stages or _target(run) == run.record.previous_version else self._judge
        try:
            progress = await follow(run, ticket, on_poll=watch, judge=judge)
        except PublishTimedOut:
            live = await run.live()
            require_there(run, live)
            if not is_version(live, _target(run)):
                raise
            run.note("the publish did not end in time, but its version is live")
            return None
        if not stages:
            await failed_without_effect(run, progress)
        require_success(run, progress)
        return progress.live

    def _judge(self, listed: LiveFlow) -> Shown:
        return Shown.PROVEN if is_version(listed, _target(self._run)) else Shown.NOTHING

    def _stages(self) -> Sequence[Stage]:
        run = self._run
        desired = run.desired
        if desired is None or not run.sync.can(Capability.PERCENTAGE_ROLLOUT):
            return ()
        return desired.rollout.stages

    async def _was_published(self) -> bool:
        run = self._run
        versions = await run.sync.platform.versions.of(_flow_id(run))
        return any(info.version == _target(run) and info.active for info in versions)

    def _check_version(self, versions: Sequence[VersionInfo]) -> None:
        """Raises unless the target exists, its status allows it, and one more version may be active (S1)."""
        run = self._run
        target = _target(run)
        why_not = unusable(run.key, target, versions)
        if why_not is not None:
            raise why_not
        limit = run.sync.organization.safety.max_active_versions
        active = [found.version for found in versions if found.active]
        full = one_too_many(run.key, target, active, limit)
        if full and run.sync.can(Capability.ATOMIC_SWITCH):
            raise SafetyLimit(f"{run.change.flow}: {full}", hint=ROOM)


def _target(run: ChangeRun) -> str:
    """The version to make live: the planned one, or for a republish the one that is live."""
    target = run.record.target_version or run.record.previous_version
    if target is None:
        raise NoSuchVersion(f"{run.label}: the plan names no version", hint="make a new plan")
    return target


def _flow_id(run: ChangeRun) -> str:
    if run.flow_id is None:
        raise NoSuchVersion(f"{run.label}: the flow does not exist", hint="make a new plan")
    return run.flow_id
