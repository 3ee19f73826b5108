"""Following a running publish to its end.

Where the organisation lists what was published lately, one look serves all publishes in flight, and a publish is polled
only when its learned time has passed, or when the look leaves something open. Else it is polled when the organisation
announces its end, from the moment on at which it is likely done, and then ever more rarely.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace

from controller.delivery.change_run import ChangeRun
from controller.delivery.live_state import READ_FAULTS, patience_s
from controller.delivery.live_watch import EVENT_WAIT_S, AwaitedPublish, Shown
from controller.domain.errors.branches import PenstockError
from controller.domain.errors.change import PublishTimedOut
from controller.domain.errors.process import StoreFailed
from controller.domain.live import LiveFlow
from controller.domain.platform import Progress, ProgressState, Ticket, TicketKind
from controller.domain.redaction import SECRETS
from controller.domain.waiting import first_of

POLL_LONGEST_S = 60.0
"""The longest interval between two polls; it begins at the operator's setting and grows by half each time."""
_LOOK_SHARE = 0.15
"""The interval between polls within the learned time, as a share of how long the publish has taken so far."""
_UNKNOWN_POLLS = 4
"""A publish with unknown duration that looks would show is polled after this many of the operator's intervals."""
_LOOKS_FAIL_S = 60.0
"""A publish is polled so long after its learned time where no look has come: the window of the request limit."""
_MISSING_POLLS = 3
"""Polls in a row without a trace of an operation, before it counts as ended."""

OnPoll = Callable[[Progress], Awaitable[None]]


async def follow(
    run: ChangeRun,
    ticket: Ticket,
    *,
    timeout_s: float | None = None,
    on_poll: OnPoll | None = None,
    judge: Callable[[LiveFlow], Shown] | None = None,
) -> Progress:
    """The progress at the end, good or bad. A poll that fails is not the end: the next one may succeed.

    `judge` says what a listed flow proves about the publish; without it only the publish itself is asked. The progress
    has the flow where a listing proved it.

    An operation that the flow does not show counts as ended. Raises PublishTimedOut, and Parked on a shutdown signal;
    a rollback is followed to its end.
    """
    if ticket.kind is TicketKind.DONE:
        return Progress(ProgressState.SUCCEEDED, flow_id=ticket.flow_id)
    clock = run.sync.clock
    limit_s = patience_s(run) if timeout_s is None else timeout_s
    deadline = clock.monotonic() + limit_s
    pacing, poll = _Pacing(run, ticket.flow_id or run.flow_id, judge), _Poll(run, ticket)
    missing_polls = 0
    with pacing.looking():
        while True:
            left_s = deadline - clock.monotonic()
            if left_s <= 0:
                raise poll.timed_out(limit_s)
            await pacing.pause(left_s)
            if pacing.proven is not None:
                run.tell("publish.progress", percent=100.0, stage="live", eta_s=None)
                return Progress(ProgressState.SUCCEEDED, percent=100.0, flow_id=pacing.proven.id, live=pacing.proven)
            progress = await poll.once()
            if progress is not None:
                run.tell("publish.progress", percent=progress.percent, stage=progress.stage, eta_s=progress.eta_s)
                if progress.finished:
                    pacing.ended(progress)
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
    """The pauses between the polls of one publish, and the looks that make most polls needless."""

    def __init__(self, run: ChangeRun, flow_id: str | None, judge: Callable[[LiveFlow], Shown] | None) -> None:
        self._run = run
        self._flow_id = flow_id
        self._events, self._watch = run.sync.events, run.sync.watch
        self._announced = self._events.announcement(flow_id)
        now, self._expected = run.sync.clock.monotonic(), run.expectation
        self._sent_at = now - run.since_sent_s
        self._interval_s = self._wait_s = base_s = run.sync.settings.poll_base_s
        self._awaited: AwaitedPublish | None = None
        earliest_s = 0.0 if self._expected is None else self._expected.earliest_s
        likely_at = self._sent_at + max(earliest_s, self._watch.interval_s)
        if judge is not None and self._watch.works and not run.going_back:
            latest_s = base_s * _UNKNOWN_POLLS if self._expected is None else self._expected.latest_s
            ask_at = max(self._sent_at + latest_s, now + base_s)
            self._awaited = AwaitedPublish(
                run.key, flow_id, judge, self._sent_at, likely_at, ask_at, lambda: self._events.reliable(flow_id)
            )
            # Looks may have to wait for the request limit, and a poll would wait even longer.
            self._wait_s = ask_at - now + _LOOKS_FAIL_S
        elif self._expected is not None:
            self._wait_s = max(likely_at - now, 0.0)
        self._overdue_s = 1.0
        self._eta_s: float | None = None
        self._was_announced = False
        self._reliable = False
        self._waits_for_event = False

    @property
    def proven(self) -> LiveFlow | None:
        """The flow, once a look has proven that the publish is done."""
        awaited = self._awaited
        return awaited.live if awaited is not None and awaited.proven else None

    def looking(self) -> AbstractContextManager[None]:
        """Within this, looks tell of the publish, where it can be told by them."""
        return nullcontext() if self._awaited is None else self._watch.awaiting(self._awaited)

    async def pause(self, longest_s: float) -> None:
        """Wait for the next poll, or for a look that tells.

        Raises Parked on a shutdown signal; a rollback is followed to its end.
        """
        clock, awaited = self._run.sync.clock, self._awaited
        until = clock.monotonic() + min(self._wait_s, longest_s)
        self._was_announced = False
        while True:
            await self._rest(until - clock.monotonic())
            announced = self._announced.is_set()
            self._was_announced = self._was_announced or announced
            self._reliable = self._events.reliable(self._flow_id)
            # Before the poll, so that an event during it is not lost.
            self._announced.clear()
            answered = awaited is None or not self._watch.works or awaited.answered.is_set()
            if awaited is None or answered or not announced or clock.monotonic() >= until:
                break
            self._watch.hasten(awaited)
        if awaited is not None:
            awaited.answered.clear()
            awaited.announced = False
            if awaited.event_missing:
                self._events.missed(self._flow_id)

    async def _rest(self, seconds: float) -> None:
        sync, awaited = self._run.sync, self._awaited
        ends = (self._announced,) if awaited is None else (self._announced, awaited.answered)
        if self._run.going_back:
            await first_of(sync.clock, seconds, *ends)
        else:
            await sync.signals.watch(seconds, *ends)

    def still_running(self, progress: Progress | None, *, found: bool) -> None:
        """Choose the next pause; `progress` is None when the poll failed.

        While events are reliable, the end of a publish that was seen running is waited for. A publish that is still
        running after an event lags behind it, and is polled as if there were no events. Once the organisation's
        estimate has passed, its next estimates are trusted less and less.
        """
        taken_s = self._run.sync.clock.monotonic() - self._sent_at
        if self._awaited is None and self._expected is not None and taken_s < self._expected.latest_s:
            self._wait_s = max(self._watch.interval_s, _LOOK_SHARE * taken_s)
        else:
            self._interval_s = self._wait_s = min(self._interval_s * 1.5, POLL_LONGEST_S)
        self._waits_for_event = self._reliable and not self._was_announced and found
        if self._waits_for_event:
            self._wait_s = EVENT_WAIT_S
        if progress is not None and progress.eta_s is not None:
            if self._eta_s is not None and self._eta_s <= POLL_LONGEST_S and not self._was_announced:
                self._overdue_s = min(self._overdue_s * 2, POLL_LONGEST_S)
            self._eta_s = progress.eta_s
            self._wait_s = min(max(progress.eta_s, self._overdue_s), POLL_LONGEST_S)
        if self._awaited is not None and self._watch.works:
            self._awaited.ask_at = self._run.sync.clock.monotonic() + self._wait_s
            self._wait_s += _LOOKS_FAIL_S

    def ended(self, progress: Progress) -> None:
        """The poll found the end. Where the event for it is missing, events are not waited for again."""
        if self._waits_for_event and not self._was_announced:
            self._events.missed(self._flow_id)
        awaited = self._awaited
        if awaited is not None and awaited.live is None and progress.state is ProgressState.SUCCEEDED:
            self._watch.ended_unlisted(awaited)
