"""Following a running publish to its end: polled when the organisation announces it, and else ever more rarely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.live_state import READ_FAULTS, patience_s
from controller.domain.errors import PenstockError, PublishTimedOut, StoreFailed
from controller.domain.platform import Progress, ProgressState, Ticket, TicketKind
from controller.domain.redaction import SECRETS
from controller.domain.waiting import first_of

POLL_LONGEST_S = 60.0
"""The longest interval between two polls; it begins at the operator's setting and grows by half each time."""
EVENT_WAIT_S = 30.0
"""How long an event is waited for after a poll at which the publish was still running."""
_MISSING_POLLS = 3
"""Polls in a row without a trace of an operation, before it counts as ended."""

OnPoll = Callable[[Progress], Awaitable[None]]


async def follow(
    run: ChangeRun, ticket: Ticket, *, timeout_s: float | None = None, on_poll: OnPoll | None = None
) -> Progress:
    """The progress at the end, good or bad. A poll that fails is not the end: the next one may succeed.

    An operation that the flow does not show counts as ended. Raises PublishTimedOut, and Parked on a shutdown signal;
    a rollback is followed to its end.
    """
    if ticket.kind is TicketKind.DONE:
        return Progress(ProgressState.SUCCEEDED, flow_id=ticket.flow_id)
    clock = run.sync.clock
    limit_s = patience_s(run) if timeout_s is None else timeout_s
    deadline = clock.monotonic() + limit_s
    pacing, poll = _Pacing(run, ticket.flow_id or run.flow_id), _Poll(run, ticket)
    missing_polls = 0
    while True:
        left_s = deadline - clock.monotonic()
        if left_s <= 0:
            raise poll.timed_out(limit_s)
        await pacing.pause(left_s)
        progress = await poll.once()
        if progress is not None:
            run.tell("publish.progress", percent=progress.percent, stage=progress.stage, eta_s=progress.eta_s)
            if progress.finished:
                pacing.ended()
                return progress
            missing_polls = missing_polls + 1 if _is_missing(ticket, progress) else 0
            if missing_polls >= _MISSING_POLLS:
                return replace(progress, state=ProgressState.SUCCEEDED)
            if on_poll is not None:
                await on_poll(progress)
        pacing.still_running(progress, found=progress is not None and not missing_polls)


def _is_missing(ticket: Ticket, progress: Progress) -> bool:
    """Whether the flow shows no trace of the operation: it never began, or another one replaced it.

    Waiting longer reveals nothing; the caller reads the live flow next.
    """
    return ticket.kind is TicketKind.OPERATION and progress.stage is None and progress.percent is None


class _Poll:
    """The polls of one publish. An error is announced once, until it becomes another one."""

    def __init__(self, run: ChangeRun, ticket: Ticket) -> None:
        self._run = run
        self._ticket = ticket
        self._fault: PenstockError | None = None

    async def once(self) -> Progress | None:
        """The progress; None where it cannot be read."""
        try:
            progress = await self._run.platform.publishing.progress(self._ticket)
        except StoreFailed:
            raise
        except READ_FAULTS as fault:
            if self._fault is None or self._fault.code != fault.code:
                self._run.tell("verify.unread", message=SECRETS.text(fault.message))
            self._fault = fault
            return None
        self._fault = None
        return progress

    def timed_out(self, limit_s: float) -> PublishTimedOut:
        ticket = self._ticket
        last = f"; it could not be read last ({self._fault.message})" if self._fault is not None else ""
        return PublishTimedOut(
            f"{self._run.label}: {ticket.kind.value} {ticket.id} did not end within {limit_s:.0f} s, "
            f"and its result is not known yet{last}"
        )


class _Pacing:
    """The pauses between the polls of one publish."""

    def __init__(self, run: ChangeRun, flow_id: str | None) -> None:
        self._run = run
        self._flow_id = flow_id
        self._announced = run.sync.events.announcement(flow_id)
        self._interval_s = self._wait_s = run.sync.settings.poll_base_s
        self._overdue_s = 1.0
        self._eta_s: float | None = None
        self._was_announced = False
        self._reliable = False
        self._awaiting = False

    async def pause(self, longest_s: float) -> None:
        """Wait for the next poll. Raises Parked on a shutdown signal; a rollback is followed to its end."""
        sync, seconds = self._run.sync, min(self._wait_s, longest_s)
        if self._run.going_back:
            await first_of(sync.clock, seconds, self._announced)
        else:
            await sync.signals.watch(seconds, self._announced)
        self._was_announced, self._reliable = self._announced.is_set(), sync.events.reliable
        # Before the poll, so that an event during it is not lost.
        self._announced.clear()

    def still_running(self, progress: Progress | None, *, found: bool) -> None:
        """Choose the next pause; `progress` is None when the poll failed.

        While events are reliable, the end of a publish that was seen running is waited for. A publish that is still
        running after an event lags behind it, and is polled as if there were no events. Once the organisation's
        estimate has passed, its next estimates are trusted less and less.
        """
        self._interval_s = min(self._interval_s * 1.5, POLL_LONGEST_S)
        self._awaiting = self._reliable and not self._was_announced and found
        self._wait_s = EVENT_WAIT_S if self._awaiting else self._interval_s
        if progress is not None and progress.eta_s is not None:
            if self._eta_s is not None and self._eta_s <= POLL_LONGEST_S and not self._was_announced:
                self._overdue_s = min(self._overdue_s * 2, POLL_LONGEST_S)
            self._eta_s = progress.eta_s
            self._wait_s = min(max(progress.eta_s, self._overdue_s), POLL_LONGEST_S)

    def ended(self) -> None:
        """The poll found the end. Where the event for it is missing, events are not waited for again."""
        if self._awaiting and not self._was_announced:
            self._run.sync.events.missed(self._flow_id)
