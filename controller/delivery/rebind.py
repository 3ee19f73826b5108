"""Binding a caller again after the module that it keeps a version of was taken back.

Source: a common module's version is bound when its caller is published. In reverse order the caller comes back first,
while the failed module is still live, and would stay bound to it.
"""

from __future__ import annotations

from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts
from controller.delivery.poll import follow
from controller.delivery.upload import require_success
from controller.delivery.verify import exactly
from controller.delivery.version_writes import publish_version
from controller.delivery.work import Work
from controller.domain.identity import FlowKey
from controller.domain.platform import Capability, Priority
from controller.domain.status import StepState
from controller.store import WriteOutcome

PREFIX = "rebind."


async def rebind(context: Context, work: Work) -> None:
    """Publish the restored version once more where a module below it came back after it.

    Raises PublishFailed, PublishTimedOut and what the organisation refuses with.
    """
    modules = _modules_taken_back(context, work)
    version = work.record.live_version
    if not modules or version is None or context.can(Capability.ATOMIC_SWITCH) or _done(work):
        return
    ticket = await through_conflicts(
        context, work, lambda: publish_version(context, work, version, prefix=PREFIX), priority=Priority.ROLLBACK
    )
    timeout_s = context.settings.rollback_timeout_s
    progress = await follow(context, work, ticket, timeout_s=timeout_s, priority=Priority.ROLLBACK)
    require_success(context, work, progress)
    await exactly(context, work, version, priority=Priority.ROLLBACK)
    context.advance(work, StepState.ROLLED_BACK, consumed={**work.record.consumed, **modules}, ticket=None)


def _modules_taken_back(context: Context, work: Work) -> dict[FlowKey, str]:
    return {
        other.key: other.record.live_version
        for other in context.works
        if other.state is StepState.ROLLED_BACK
        and other.record.live_version is not None
        and other.key in work.record.consumes
        and other.key.type in context.settings.binds_at_publish
    }


def _done(work: Work) -> bool:
    """Whether an earlier process already did it."""
    return any(
        write.action == f"{PREFIX}publish" and write.outcome is WriteOutcome.DONE for write in work.record.writes
    )
