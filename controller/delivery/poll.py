"""Following a running publish: patient where the organisation tells how long it takes or when it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from controller.delivery.context import Context
from controller.delivery.pacing import Pacing
from controller.delivery.work import Work
from controller.domain.errors import PublishTimedOut, Transient, Waiting
from controller.domain.platform import Priority, Progress, ProgressState, Ticket, TicketKind

OnStage = Callable[[Progress], Awaitable[None]]


async def follow(
    context: Context,
    work: Work,
    ticket: Ticket,
    *,
    timeout_s: float,
    priority: Priority = Priority.PUBLISH,
    on_look: OnStage | None = None,
) -> Progress:
    """The progress at the end, good or bad. Faults on the way are no end: the next look may succeed.

    An operation that the flow does not show counts as ended. A rollback is followed to its end.

    Raises PublishTimedOut, and Parked when the process has to go.
    """
    if ticket.kind is TicketKind.DONE:
        return Progress(ProgressState.SUCCEEDED, flow_id=ticket.flow_id)
    clock, settings = context.clock, context.settings
    deadline = clock.monotonic() + timeout_s
    pacing = Pacing(context, ticket.flow_id or work.flow_id, priority)
    unseen = 0
    while True:
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            raise _timed_out(work, ticket, timeout_s)
        await pacing.pause(left_s)
        progress = await _look(context, ticket, priority)
        if progress is not None:
            context.tell("publish.progress", work, percent=progress.percent, stage=progress.stage, eta_s=progress.eta_s)
            if progress.finished:
                pacing.ended()
                return progress
            unseen = unseen + 1 if _is_unseen(ticket, progress) else 0
            if unseen >= settings.unseen_looks:
                return replace(progress, state=ProgressState.SUCCEEDED)
            if on_look is not None:
                await on_look(progress)
        pacing.still_running(progress, seen=progress is not None and not unseen)


def _is_unseen(ticket: Ticket, progress: Progress) -> bool:
    """The flow shows no trace of the operation: it never began, or another one took its place.

    Waiting longer tells nothing; what is live does, and the caller looks at that next.
    """
    return ticket.kind is TicketKind.OPERATION and progress.stage is None and progress.percent is None


async def _look(context: Context, ticket: Ticket, priority: Priority) -> Progress | None:
    try:
        return await context.platform.progress(ticket, priority=priority)
    except (Transient, Waiting):
        return None


def _timed_out(work: Work, ticket: Ticket, timeout_s: float) -> PublishTimedOut:
    return PublishTimedOut(
        f"{work.change.flow} ({work.key}): {ticket.kind.value} {ticket.id} did not end within {timeout_s:.0f} s",
        hint="look at the flow in Architect; the next pass reads again what is live",
    )
