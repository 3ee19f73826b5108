"""Binding a caller again after the module that it keeps a version of was taken back.

Source: a common module's version is bound when its caller is published. In reverse order the caller comes back first,
while the failed module is still live, and would stay bound to it.
"""

from __future__ import annotations

from controller.delivery.anew import went_live
from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts
from controller.delivery.poll import follow
from controller.delivery.unanswered import came_of
from controller.delivery.upload import require_success
from controller.delivery.verify import exactly
from controller.delivery.version_writes import publish_version
from controller.delivery.work import Work
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Priority, Ticket
from controller.domain.status import StepState

PREFIX = "rebind."


async def rebind(context: Context, work: Work) -> None:
    """Publish the restored version once more where a module below it came back after it; parked on a stop.

    Raises PublishFailed, PublishTimedOut and what the organisation refuses with.
    """
    modules = _modules_taken_back(context, work)
    version = work.record.live_version
    if not modules or version is None or context.can(Capability.ATOMIC_SWITCH):
        return
    if context.signals.stopping:
        context.park(work)
        return
    ticket = await _asked_before(context, work, version)
    if ticket is None:
        ticket = await through_conflicts(
            context, work, lambda: publish_version(context, work, version, prefix=PREFIX), priority=Priority.ROLLBACK
        )
    await _finish(context, work, ticket, version)
    if any(work.record.consumed.get(key) != bound for key, bound in modules.items()):
        context.advance(work, StepState.ROLLED_BACK, consumed={**work.record.consumed, **modules}, ticket=None)


async def _finish(context: Context, work: Work, ticket: Ticket, version: str) -> None:
    timeout_s = context.settings.rollback_timeout_s
    progress = await follow(context, work, ticket, timeout_s=timeout_s, priority=Priority.ROLLBACK)
    require_success(context, work, progress)
    await exactly(context, work, version, priority=Priority.ROLLBACK)


def _modules_taken_back(context: Context, work: Work) -> dict[FlowKey, str]:
    return {
        other.key: other.record.live_version
        for other in context.works
        if other.state is StepState.ROLLED_BACK
        and other.record.live_version is not None
        and other.key in work.record.consumes
        and other.key.type in context.settings.binds_at_publish
    }


async def _asked_before(context: Context, work: Work, version: str) -> Ticket | None:
    """What an earlier process began, which is waited for."""
    made = [write for write in work.record.writes if write.action == f"{PREFIX}publish"]
    if not made:
        return None
    intent = made[-1].details
    return await came_of(
        context, work, version, lambda live: went_live(live, version, intent), priority=Priority.ROLLBACK
    )
