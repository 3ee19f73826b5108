"""Binding a caller again after the module that it keeps a version of was taken back.

Source: a common module's version is bound when its caller is published. In reverse order the caller comes back first,
while the failed module is still live, and would stay bound to it.
"""

from __future__ import annotations

from controller.delivery.anew import went_live
from controller.delivery.bindings import came_back_bound_anew
from controller.delivery.context import Context
from controller.delivery.locks import through_conflicts
from controller.delivery.poll import follow
from controller.delivery.reading import current, seen
from controller.delivery.restore import finish_earlier_attempt
from controller.delivery.same_content import can_upload_back, made_by_another, upload_back
from controller.delivery.unanswered import came_of
from controller.delivery.upload import require_success
from controller.delivery.verify import is_version
from controller.delivery.version_writes import publish_version
from controller.delivery.work import Work
from controller.domain.errors import AnswerLost, PublishFailed, RequestRejected
from controller.domain.identity import FlowKey
from controller.domain.platform import Priority, Ticket
from controller.domain.status import StepState
from controller.store import WriteRecord

PREFIX = "rebind."


async def rebind(context: Context, work: Work) -> None:
    """Publish the restored version once more where a module below it came back after it; parked on a stop.

    Raises RollbackFailed, PublishFailed, PublishTimedOut and what the organisation refuses with.
    """
    modules = _modules_taken_back(context, work)
    version = work.record.live_version
    if not modules or version is None or not came_back_bound_anew(context, work):
        return
    if context.signals.stopping:
        context.park(work)
        return
    version = await _bound_again(context, work, version)
    moved = any(work.record.consumed.get(key) != bound for key, bound in modules.items())
    if moved or version != work.record.live_version:
        consumed = {**work.record.consumed, **modules}
        context.advance(work, StepState.ROLLED_BACK, live_version=version, consumed=consumed, ticket=None)


async def _bound_again(context: Context, work: Work, version: str) -> str:
    """The version that is live afterwards: the same one, or a new one with its content where it cannot be had again."""
    await finish_earlier_attempt(context, work)
    live = await current(context, work, priority=Priority.ROLLBACK)
    if live is not None and not is_version(live, version):
        return await made_by_another(context, work, live, version)
    try:
        await _publish_again(context, work, version)
    except (PublishFailed, RequestRejected, AnswerLost) as error:
        if not can_upload_back(context):
            raise
        context.note(work, f"{version} could not be bound again ({error.message}); its export is uploaded")
        return await upload_back(context, work, version, prefix=PREFIX)
    return version


async def _publish_again(context: Context, work: Work, version: str) -> None:
    """That it is live proves nothing: it was live before. When it was published does."""
    ticket = await _asked_before(context, work, version)
    if ticket is None:
        ticket = await through_conflicts(
            context, work, lambda: publish_version(context, work, version, prefix=PREFIX), priority=Priority.ROLLBACK
        )
    timeout_s = context.settings.rollback_timeout_s
    progress = await follow(context, work, ticket, timeout_s=timeout_s, priority=Priority.ROLLBACK)
    require_success(context, work, progress)
    intent = _intents(work)[-1].details
    anew, _ = await seen(context, work, lambda live: went_live(live, version, intent), priority=Priority.ROLLBACK)
    if not anew:
        raise PublishFailed(f"the organisation reported success, but {version} was not published again")


def _intents(work: Work) -> list[WriteRecord]:
    return [write for write in work.record.writes if write.action == f"{PREFIX}publish"]


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
    made = _intents(work)
    if not made:
        return None
    intent = made[-1].details
    return await came_of(
        context, work, version, lambda live: went_live(live, version, intent), priority=Priority.ROLLBACK
    )
