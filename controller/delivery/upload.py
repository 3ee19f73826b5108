"""Sending a source: register a job, note its id, put the file, follow the job."""

from __future__ import annotations

from collections.abc import Awaitable

from controller.delivery.before_writing import require_ready
from controller.delivery.context import Context
from controller.delivery.meanwhile import noted_of_flow
from controller.delivery.reading import current
from controller.delivery.unread import READ_FAULTS
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, came_to_nothing, urgency, write
from controller.domain.capabilities import provided
from controller.domain.errors import FlowLocked, PenstockError, PublishFailed, PublishUnexplained, StoreFailed
from controller.domain.platform import Capability, FailureCause, Priority, Progress, ProgressState, Ticket, UploadSlot
from controller.domain.redaction import SECRETS
from controller.domain.status import StepState

_SHOWN = 3


async def send_source(
    context: Context, work: Work, text: str, *, prefix: str = "", state: StepState | None = None
) -> Ticket:
    """Upload a flow file; the ticket is in the journal before the file is on its way."""
    priority = urgency(prefix)
    uploads = provided(context.platform.at(priority).uploads, context.platform.dialect, Capability.PUBLISH_SOURCE)

    def register() -> Awaitable[UploadSlot]:
        return uploads.register()

    slot = await write(context, work, Call(f"{prefix}register", register, state=state))

    async def send() -> bool:
        await uploads.send(slot, text)
        return True

    async def look() -> Took[bool] | None:
        return Took(value=True) if await arrived(context, slot.ticket, priority=priority) else None

    async def ready() -> None:
        await require_ready(context, work, back=bool(prefix))

    details = {"job": slot.ticket.id, **({} if prefix else noted_of_flow(work.seen))}
    await write(context, work, Call(f"{prefix}upload", send, look, details=details, ready=ready))
    return slot.ticket


async def arrived(context: Context, ticket: Ticket, *, priority: Priority = Priority.PUBLISH) -> bool:
    """Whether a registered job has got its file; looks long enough for a file that is still on its way.

    Raises what the looks ended with where none of them told: a job that is not found may only not be seen yet.
    """
    fault: PenstockError | None = None
    for look in range(max(int(context.settings.lost_answer_grace_s / context.settings.verify_wait_s), 1)):
        if look:
            await context.clock.sleep(context.settings.verify_wait_s)
        try:
            progress = await context.platform.at(priority).publishing.progress(ticket)
        except StoreFailed:
            raise
        except READ_FAULTS as error:
            fault = error
            continue
        fault = None
        if progress.started:
            return True
    if fault is not None:
        raise fault
    return False


async def failed_of_nothing(context: Context, work: Work, progress: Progress) -> bool:
    """Whether a publish ended badly for no reason in the content, and the flow is as it was before.

    The journal keeps that the write came to nothing: there is nothing to take back then.
    """
    if progress.state is ProgressState.SUCCEEDED or _blames_content(progress):
        return False
    live = await current(context, work)
    if (None if live is None else live.published_version) != work.record.previous_version:
        return False
    came_to_nothing(context, work)
    return True


def _blames_content(progress: Progress) -> bool:
    return progress.state is ProgressState.FAILED and progress.cause is FailureCause.CONTENT


def require_success(context: Context, work: Work, progress: Progress) -> None:
    """Keep the organisation's words. Raises PublishFailed where it failed of the content, and FlowLocked or
    PublishUnexplained where it ended badly for another reason or for none.
    """
    for message in progress.messages:
        context.note(work, message)
    if progress.state is ProgressState.SUCCEEDED:
        return
    words = "; ".join(SECRETS.text(message) for message in progress.messages[:_SHOWN])
    told = f"{work.change.flow} ({work.key}): publishing {progress.state.value}: {words or 'no reason given'}"
    if _blames_content(progress):
        raise PublishFailed(told, hint="correct the flow and commit it; nothing is tried again until then")
    if progress.cause is FailureCause.LOCK:
        raise FlowLocked(told, hint="ask for the lock to be released, or set onLocked: wait or unlock")
    raise PublishUnexplained(told)
