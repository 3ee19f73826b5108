"""When to look at a running publish again: once it is announced, or else ever more rarely."""

from __future__ import annotations

from controller.delivery.context import Context
from controller.domain.platform import Priority, Progress
from controller.domain.waiting import first_of


class Pacing:
    """The pauses between the looks at one publish."""

    def __init__(self, context: Context, flow_id: str | None, priority: Priority) -> None:
        self._context = context
        self._flow_id = flow_id
        self._priority = priority
        self._bell = context.hearing.bell(flow_id)
        self._interval_s = self._wait_s = context.settings.poll_base_s
        self._overdue_s = 1.0
        self._eta_s: float | None = None
        self._rang = False
        self._reliable = False
        self._awaiting = False

    async def pause(self, longest_s: float) -> None:
        """Wait for the next look. Raises Parked when the process has to go; a rollback is followed to its end."""
        seconds = min(self._wait_s, longest_s)
        if self._priority is Priority.ROLLBACK:
            await first_of(self._context.clock, seconds, self._bell)
        else:
            await self._context.signals.watch(seconds, self._bell)
        self._rang, self._reliable = self._bell.is_set(), self._context.hearing.reliable
        self._bell.clear()

    def still_running(self, progress: Progress | None, *, seen: bool) -> None:
        """Choose the next pause; `progress` is None when the look failed.

        A publish that was seen running while all is announced may be waited for. One that goes on after its
        announcement lags behind the organisation's own word, and is looked at as if there was none. Where the time that
        the organisation foresaw has passed, its next estimate is believed less and less.
        """
        settings = self._context.settings
        self._interval_s = min(self._interval_s * 1.5, settings.poll_cap_s)
        self._awaiting = self._reliable and not self._rang and seen
        self._wait_s = settings.announced_poll_s if self._awaiting else self._interval_s
        if progress is not None and progress.eta_s is not None:
            if self._eta_s is not None and self._eta_s <= settings.poll_cap_s and not self._rang:
                self._overdue_s = min(self._overdue_s * 2, settings.poll_cap_s)
            self._eta_s = progress.eta_s
            self._wait_s = min(max(progress.eta_s, self._overdue_s), settings.poll_cap_s)

    def ended(self) -> None:
        """The look found the end; where that was to be announced and was not, nobody waits for it again."""
        if self._awaiting and not self._rang:
            self._context.hearing.missed(self._flow_id)
