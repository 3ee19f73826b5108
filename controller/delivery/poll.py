"""Following a running publish: patient where the organisation tells how long it takes or when it ends."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from controller.delivery.context import Context
from controller.delivery.pacing import Pacing
from controller.delivery.unread import READ_FAULTS, left_of_limit
from controller.delivery.work import Work
from controller.domain.errors import PenstockError, PublishTimedOut, StoreFailed
from controller.domain.platform import Capability, Priority, Progress, ProgressState, Ticket, TicketKind
from controller.domain.redaction import SECRETS

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
    """The progress at the end, good or bad. Whatever a look ends with is no end: the next look may succeed.

    An operation that the flow does not show counts as ended. A rollback is followed to its end.

    Raises PublishTimedOut, and Parked when the process has to go.
    """
    if ticket.kind is TicketKind.DONE:
        return Progress(ProgressState.SUCCEEDED, flow_id=ticket.flow_id)
    clock, settings = context.clock, context.settings
    deadline = clock.monotonic() + timeout_s
    pacing = Pacing(context, ticket.flow_id or work.flow_id, priority)
    looking = _Looking(context, work, ticket, priority)
    unseen = 0
    while True:
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            raise looking.timed_out(timeout_s)
        await pacing.pause(left_s)
        progress = await looking.look()
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


def limit_of(context: Context, work: Work) -> float:
    """How long a publish may take from when it was sent: as the manifest says, or else as the operator does."""
    desired = work.desired
    stages_s = 0.0
    if desired is not None and context.can(Capability.PERCENTAGE_ROLLOUT):
        stages_s = sum(stage.duration_s for stage in desired.rollout.stages)
    if desired is not None and desired.rollout.timeout_s is not None:
        return desired.rollout.timeout_s + stages_s
    uploaded = any(write.action == "upload" for write in work.record.writes)
    return context.settings.upload_timeout_s if uploaded else context.settings.publish_timeout_s + stages_s


def outlasted(context: Context, work: Work) -> bool:
    """Whether the time is over that a publish may take from when it was sent."""
    return left_of_limit(context, work, limit_of(context, work)) <= 0


def patience_of(context: Context, work: Work) -> float:
    """How long a publish is followed: for what is left of its limit; in a later process for a few looks at least."""
    limit_s = limit_of(context, work)
    return max(left_of_limit(context, work, limit_s), min(context.settings.lost_answer_grace_s, limit_s))


def _is_unseen(ticket: Ticket, progress: Progress) -> bool:
    """The flow shows no trace of the operation: it never began, or another one took its place.

    Waiting longer tells nothing; what is live does, and the caller looks at that next.
    """
    return ticket.kind is TicketKind.OPERATION and progress.stage is None and progress.percent is None


class _Looking:
    """The looks at one publish; what they end with is told, and only told again when it is something else."""

    def __init__(self, context: Context, work: Work, ticket: Ticket, priority: Priority) -> None:
        self._context = context
        self._work = work
        self._ticket = ticket
        self._priority = priority
        self._fault: PenstockError | None = None

    async def look(self) -> Progress | None:
        """How it stands; None where that cannot be read."""
        try:
            progress = await self._context.platform.at(self._priority).publishing.progress(self._ticket)
        except StoreFailed:
            raise
        except READ_FAULTS as fault:
            if self._fault is None or self._fault.code != fault.code:
                message = SECRETS.text(fault.message)
                self._context.tell("verify.unread", self._work, message=message)
            self._fault = fault
            return None
        self._fault = None
        return progress

    def timed_out(self, timeout_s: float) -> PublishTimedOut:
        """What to raise when the time is over."""
        work, ticket = self._work, self._ticket
        unread = f"; it could not be read last ({self._fault.message})" if self._fault is not None else ""
        return PublishTimedOut(
            f"{work.change.flow} ({work.key}): {ticket.kind.value} {ticket.id} did not end within {timeout_s:.0f} s, "
            f"and it is not known yet what becomes of it{unread}"
        )
