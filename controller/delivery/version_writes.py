"""The two writes that make an existing version live, each with the way to find out when its answer was lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from controller.delivery.context import Context
from controller.delivery.unanswered import came_of
from controller.delivery.verify import is_version, was_published_since
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, write
from controller.domain.desired import Stage
from controller.domain.live import LiveFlow
from controller.domain.platform import Capability, Priority, PublishRequest, SwitchRequest, Ticket
from controller.domain.status import StepState


async def publish_version(
    context: Context,
    work: Work,
    version: str,
    *,
    prefix: str = "",
    stages: Sequence[Stage] = (),
    state: StepState | None = None,
) -> Ticket:
    """Ask for a version to be published, all at once or in stages; with a prefix it is a rollback's, and goes first."""
    request = PublishRequest(
        flow_id=work.flow_id or "",
        version=version,
        dependency_digest=work.record.dependency_digest,
        reason=work.change.reason if not prefix else f"rollback: {work.record.reason or 'a change failed'}",
        metadata={
            "releaseVersion": context.sync.revision,
            "deployedBy": context.sync.actor,
            "environment": context.organization.name,
            "timestamp": context.clock.now().isoformat(),
        },
        stages=tuple(stages),
    )
    back = SwitchRequest(request.flow_id, version, None, request.reason)

    def send() -> Awaitable[Ticket]:
        if prefix and not context.can(Capability.ATOMIC_SWITCH):
            return context.platform.switch(
                back, priority=Priority.ROLLBACK
            )  # there a switch is a publish with priority
        return context.platform.publish(request)

    call = Call(
        f"{prefix}publish",
        send,
        _reached(context, work, version),
        details={"version": version, "stages": len(stages)},
        version=version,
        state=state,
    )
    return await write(context, work, call)


async def switch_version(
    context: Context,
    work: Work,
    version: str,
    *,
    prefix: str = "",
    priority: Priority = Priority.PUBLISH,
    state: StepState | None = None,
) -> Ticket:
    """Ask for traffic to go to a version. The request carries what to go back to."""
    back_to = None if prefix else work.record.previous_version
    reason = work.change.reason if not prefix else f"rollback: {work.record.reason or 'a change failed'}"
    request = SwitchRequest(work.flow_id or "", version, back_to, reason)
    call = Call(
        f"{prefix}switch",
        lambda: context.platform.switch(request, priority=priority),
        _reached(context, work, version),
        details={"version": version, "rollback_to": back_to},
        version=version,
        state=state,
    )
    return await write(context, work, call)


def _reached(context: Context, work: Work, version: str) -> Callable[[], Awaitable[Took[Ticket] | None]]:
    """Reads until the version is live or on its way, or until it would have been.

    A version that was live before cannot show it by its number; the moment of its publish can.
    """
    was_live = version in (work.record.previous_version, work.record.live_version)
    asked_at = context.clock.now()

    def took(live: LiveFlow | None) -> bool:
        return is_version(live, version) and (not was_live or was_published_since(live, asked_at))

    async def look() -> Took[Ticket] | None:
        ticket = await came_of(context, work, version, took)
        return None if ticket is None else Took(ticket)

    return look
