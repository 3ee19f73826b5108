"""Letting a version that exists be the live one: by one atomic switch, or by publishing it again."""

from __future__ import annotations

from collections.abc import Sequence

from controller.delivery.anew import went_live
from controller.delivery.context import Context
from controller.delivery.gates.stages import StageWatch
from controller.delivery.locks import through_conflicts, wait_for_lock
from controller.delivery.meanwhile import noted_of_versions, require_not_overtaken, tell_replaced
from controller.delivery.poll import follow, patience_of
from controller.delivery.publish_step import PublishStep
from controller.delivery.reading import as_planned, current, seen
from controller.delivery.rollout import came_to_nothing
from controller.delivery.unanswered import came_of
from controller.delivery.upload import failed_of_nothing, require_success, send_source
from controller.delivery.validation import validate
from controller.delivery.verify import exactly, is_version, require_there
from controller.delivery.version_writes import publish_version, switch_version
from controller.delivery.work import Work
from controller.domain.desired import Stage
from controller.domain.errors import (
    NoSuchVersion,
    PlanStale,
    PublishFailed,
    PublishTimedOut,
    RequestRejected,
    SafetyLimit,
)
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Ticket, TicketKind
from controller.domain.status import StepState
from controller.domain.versions import VersionInfo
from controller.planning.limits import ROOM, one_too_many
from controller.planning.model import ChangeKind
from controller.planning.targets import unusable

_WRITES = frozenset({"publish", "switch"})


class SwitchStep:
    """`switch`, `restore`, and `republish` of a pinned version."""

    bakes = True

    def __init__(self, context: Context) -> None:
        self._context = context

    async def prepare(self, work: Work) -> bool:
        """Raises PlanStale, FlowLocked, NoSuchVersion, SafetyLimit and FlowRejected."""
        context, target = self._context, _target(work)
        live = await as_planned(context, work, or_version=target)
        if is_version(live, target) and work.change.kind is not ChangeKind.REPUBLISH:
            context.note(work, f"{target} is live already; nothing was written")
            return False
        if await wait_for_lock(context, work, live) is not live:
            await as_planned(context, work)
        flow_id = _flow_id(work)
        versions = await context.platform.versions.of(flow_id)
        self._check_version(work, versions)
        work.noted = noted_of_versions(versions)
        await validate(context, work, flow_id, target)
        return True

    async def publish(self, work: Work) -> None:
        context, target = self._context, _target(work)
        stages = self._stages(work)
        if context.can(Capability.ATOMIC_SWITCH) and not stages and await self._was_published(work):
            await through_conflicts(
                context, work, lambda: switch_version(context, work, target, state=StepState.PUBLISHING)
            )
            return
        await through_conflicts(
            context,
            work,
            lambda: publish_version(context, work, target, stages=stages, state=StepState.PUBLISHING),
        )

    async def settle(self, work: Work) -> LiveFlow | None:
        """Raises PublishFailed, PublishTimedOut, OutOfBandChange, and GateFailed while a rollout is under way."""
        context, target, ticket = self._context, _target(work), work.record.ticket
        if ticket is not None and ticket.kind is TicketKind.JOB:
            return await PublishStep(context).settle(work)
        if ticket is not None:
            await self._follow(work, ticket)
        _, live = await seen(context, work, lambda _: True)
        await require_not_overtaken(context, work, target)
        if not context.can(Capability.ATOMIC_SWITCH):
            return await self._on_architect(work, target)
        if is_version(live, work.record.previous_version or ""):
            await self._switch_after_publish(work, target)
        live = await exactly(context, work, target)
        await tell_replaced(context, work, live)
        return live

    async def took_effect(self, work: Work) -> bool:
        if work.record.ticket is not None and work.record.ticket.kind is TicketKind.JOB:
            return await PublishStep(self._context).took_effect(work)
        if work.record.ticket is not None:
            return not await came_to_nothing(self._context, work)
        target = _target(work)
        intent = next((write.details for write in reversed(work.record.writes) if write.action in _WRITES), {})
        ticket = await came_of(self._context, work, target, lambda live: went_live(live, target, intent))
        if ticket is None:
            return False
        self._context.advance(work, work.state, ticket=ticket)
        return True

    async def _on_architect(self, work: Work, target: str) -> LiveFlow | None:
        """An older version that the organisation does not make live again is restored from its source instead."""
        context = self._context
        try:
            live = await exactly(context, work, target)
        except PublishFailed:
            if work.change.kind is not ChangeKind.RESTORE or work.source is None:
                raise
            if not is_version(await current(context, work), work.record.previous_version or ""):
                raise
        else:
            await tell_replaced(context, work, live)
            return live
        context.note(work, f"the organisation did not make {target} live again; its source was published anew")
        await send_source(context, work, work.source.text)
        return await PublishStep(context).settle(work)

    async def _switch_after_publish(self, work: Work, target: str) -> None:
        """Traffic may need a switch of its own after the publish; where that is refused, what is live tells why."""
        context = self._context
        try:
            moved = await through_conflicts(context, work, lambda: switch_version(context, work, target))
        except (RequestRejected, PlanStale) as error:
            context.note(work, f"{target} was published, but could not be switched to: {error.message}")
            return
        require_success(context, work, await follow(context, work, moved, timeout_s=context.settings.publish_timeout_s))

    async def _follow(self, work: Work, ticket: Ticket) -> None:
        context = self._context
        stages = self._stages(work)
        watch = StageWatch(context, work, ticket.version or _target(work)) if stages else None
        try:
            progress = await follow(context, work, ticket, timeout_s=patience_of(context, work), on_look=watch)
        except PublishTimedOut:
            live = await current(context, work)
            require_there(work, live)
            if not is_version(live, _target(work)):
                raise
            context.note(work, "the publish did not end in time, but its version is live")
            return
        if not stages:
            await failed_of_nothing(context, work, progress)
        require_success(context, work, progress)

    def _stages(self, work: Work) -> Sequence[Stage]:
        desired = work.desired
        if desired is None or not self._context.can(Capability.PERCENTAGE_ROLLOUT):
            return ()
        return desired.rollout.stages

    async def _was_published(self, work: Work) -> bool:
        versions = await self._context.platform.versions.of(_flow_id(work))
        return any(info.version == _target(work) and info.active for info in versions)

    def _check_version(self, work: Work, versions: Sequence[VersionInfo]) -> None:
        """S1: the target exists, its status allows it, and there is room for one more active version."""
        target = _target(work)
        why_not = unusable(work.key, target, versions)
        if why_not is not None:
            raise why_not
        limit = self._context.organization.safety.max_active_versions
        active = [found.version for found in versions if found.active]
        full = one_too_many(work.key, target, active, limit)
        if full and self._context.can(Capability.ATOMIC_SWITCH):
            raise SafetyLimit(f"{work.change.flow}: {full}", hint=ROOM)


def _target(work: Work) -> str:
    """The version that is to be live: the plan's, or what is pinned, or for a republish what is live."""
    target = work.record.target_version or work.record.previous_version
    if target is None:
        raise NoSuchVersion(f"{work.change.flow} ({work.key}): the plan names no version", hint="make a new plan")
    return target


def _flow_id(work: Work) -> str:
    if work.flow_id is None:
        raise NoSuchVersion(f"{work.change.flow} ({work.key}): the flow does not exist", hint="make a new plan")
    return work.flow_id
