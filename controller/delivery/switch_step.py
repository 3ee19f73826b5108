"""Making an existing version live: by one atomic switch, or by publishing it again."""

from __future__ import annotations

from collections.abc import Sequence

from controller.delivery.change_run import ChangeRun
from controller.delivery.follow import follow
from controller.delivery.gates.watch import StageWatch
from controller.delivery.live_state import (
    as_planned,
    is_version,
    require_there,
    require_version,
    wait_until,
)
from controller.delivery.live_watch import Shown
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.out_of_band import noted_of_versions, require_not_overtaken, tell_replaced
from controller.delivery.publish_proof import find_publish_in_flight, publish_vanished, was_published_after
from controller.delivery.publish_step import PublishStep
from controller.delivery.publish_writes import (
    failed_without_effect,
    publish_version,
    require_success,
    switch_version,
)
from controller.delivery.validation import validate
from controller.domain.desired import Stage
from controller.domain.errors.change import NoSuchVersion, PublishFailed, PublishTimedOut
from controller.domain.errors.delivery import PlanStale, SafetyLimit
from controller.domain.errors.organization import RequestRejected
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Ticket, TicketKind
from controller.domain.status import StepState
from controller.domain.versions import VersionInfo
from controller.planning.limits import ROOM, one_too_many
from controller.planning.model import ChangeKind
from controller.planning.targets import unusable


class SwitchStep:
    """`switch`, `restore`, and `republish` of a pinned version."""

    bakes = True

    def __init__(self, run: ChangeRun) -> None:
        self._run = run
        self._upload = PublishStep(run)
        """For a ticket that is a job: its source was published instead."""
        self._was_published = False
        """Whether the target was live before, as `prepare` found."""

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
        self._was_published = any(info.version == target and info.active for info in versions)
        run.noted = noted_of_versions(versions)
        await validate(run, flow_id, target)
        return True

    async def publish(self) -> None:
        run = self._run
        target = _target(run)
        stages = self._stages()
        if run.sync.can(Capability.ATOMIC_SWITCH) and not stages and self._was_published:
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
        if live is not None and live.published_version == target != run.record.previous_version:
            await tell_replaced(run, live)
            return live
        await require_not_overtaken(run, live, target)
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
        await self._upload.publish()
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
