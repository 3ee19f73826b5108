"""Sending a source: register a job, note its id, put the file, follow the job."""

from __future__ import annotations

from collections.abc import Awaitable

from controller.delivery.context import Context
from controller.delivery.work import Work
from controller.delivery.writer import Call, Took, urgency, write
from controller.domain.errors import NotFound, PublishFailed
from controller.domain.platform import Priority, Progress, ProgressState, Ticket, UploadSlot
from controller.domain.status import StepState

_SHOWN = 3


async def send_source(
    context: Context, work: Work, text: str, *, prefix: str = "", state: StepState | None = None
) -> Ticket:
    """Upload a flow file; the ticket is in the journal before the file is on its way."""
    platform, priority = context.platform, urgency(prefix)

    async def nothing() -> None:
        """A registration without a file has no effect: it may simply be repeated."""

    def register() -> Awaitable[UploadSlot]:
        return platform.register_upload(priority=priority)

    slot = await write(context, work, Call(f"{prefix}register", register, nothing, state=state))

    async def send() -> bool:
        await platform.upload(slot, text, priority=priority)
        return True

    async def look() -> Took[bool] | None:
        return Took(value=True) if await arrived(context, slot.ticket, priority=priority) else None

    details = {"job": slot.ticket.id}
    await write(context, work, Call(f"{prefix}upload", send, look, details=details))
    return slot.ticket


async def arrived(context: Context, ticket: Ticket, *, priority: Priority = Priority.PUBLISH) -> bool:
    """Whether a registered job has got its file; looks long enough for a file that is still on its way."""
    looks = max(int(context.settings.lost_answer_grace_s / context.settings.verify_wait_s), 1)
    for look in range(looks):
        if look:
            await context.clock.sleep(context.settings.verify_wait_s)
        try:
            progress = await context.platform.progress(ticket, priority=priority)
        except NotFound:
            return False
        if progress.started:
            return True
    return False


def require_success(context: Context, work: Work, progress: Progress) -> None:
    """Keep the organisation's words. Raises PublishFailed unless the job or operation succeeded."""
    for message in progress.messages:
        context.note(work, message)
    if progress.state is ProgressState.SUCCEEDED:
        return
    words = "; ".join(context.redactor.text(message) for message in progress.messages[:_SHOWN])
    raise PublishFailed(
        f"{work.change.flow} ({work.key}): publishing {progress.state.value}: {words or 'no reason given'}",
        hint="correct the flow and commit it; nothing is tried again until then",
    )
