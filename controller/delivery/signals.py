"""What ends a wait early: a shutdown, the rollback of the sync, and the events that the organisation pushes.

On a shutdown running publishes are followed a little longer, and nothing new begins.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Collection, Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog

from controller.domain.clock import Clock
from controller.domain.errors.branches import PenstockError
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.ports import EventStreams
from controller.domain.waiting import Overtaken, finished_before, first_of

T = TypeVar("T")


class Parked(Exception):  # noqa: N818 - not an error: the change is left in its state on purpose
    """The change stays in its state; the rollback or the next process resumes it from the journal."""


class Paused(Parked):
    """A gate could not decide; the change waits for more executions, or for a person."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Signals:
    """`stop` is the shutdown signal; `abort` means that a change failed and the sync is rolled back."""

    def __init__(self, clock: Clock, stop_grace_s: float, asked: Callable[[], bool] = lambda: False) -> None:
        """`asked` is another way to give the shutdown signal than a call of `stop`."""
        self._clock = clock
        self._grace_s = stop_grace_s
        self._asked = asked
        self._stop = asyncio.Event()
        self._halt = asyncio.Event()
        self._give_up_at: float | None = None
        self.aborting = False

    @property
    def stopping(self) -> bool:
        """Whether the shutdown signal was given, up to this moment."""
        if self._give_up_at is None and self._asked():
            self.stop()
        return self._give_up_at is not None

    def stop(self) -> None:
        if self._give_up_at is None:
            self._give_up_at = self._clock.monotonic() + self._grace_s
            self._stop.set()
            self._halt.set()

    def abort(self) -> None:
        self.aborting = True
        self._halt.set()

    def resume(self) -> None:
        """After the rollback: let the other changes continue, unless a shutdown was signalled."""
        self.aborting = False
        if not self.stopping:
            self._halt.clear()

    @property
    def halted(self) -> bool:
        """Whether no new change may begin."""
        return self.stopping or self._halt.is_set()

    def require_go(self) -> None:
        """Raises Parked when nothing new may begin."""
        if self.halted:
            raise Parked

    async def rest(self, seconds: float, *announcements: asyncio.Event) -> None:
        """Wait between polls of a live version, at most until a publish is announced.

        Raises Parked on a shutdown signal, or when the sync is rolled back.
        """
        if not self.halted:
            await first_of(self._clock, seconds, self._halt, *announcements)
        self.require_go()

    async def hold(self, seconds: float, begun: asyncio.Event) -> None:
        """Wait so long, or until the event is set or the shutdown signal is given."""
        if not (begun.is_set() or self.stopping):
            await first_of(self._clock, seconds, self._stop, begun)

    async def watch(self, seconds: float, *announcements: asyncio.Event) -> None:
        """Wait between polls of a running publish, at most until one of the announcements is set.

        Raises Parked when the grace after a shutdown signal is used up.
        """
        until = self._clock.monotonic() + seconds
        if not self.stopping:
            await first_of(self._clock, seconds, self._stop, *announcements)
        if any(announcement.is_set() for announcement in announcements) or self._give_up_at is None:
            return
        grace_s = self._give_up_at - self._clock.monotonic()
        if grace_s <= 0:
            raise Parked
        await first_of(self._clock, min(grace_s, max(until - self._clock.monotonic(), 0.0)), *announcements)

    async def in_time(self, reading: Awaitable[T]) -> T:
        """The result of a read. Raises Parked, and cancels the read, when the grace is used up."""
        try:
            return await finished_before(self._grace_used_up(), reading)
        except Overtaken:
            raise Parked from None

    async def _grace_used_up(self) -> None:
        await self._stop.wait()
        await self._clock.sleep(max((self._give_up_at or 0.0) - self._clock.monotonic(), 0.0))


log = structlog.get_logger()

OnExecution = Callable[[ExecutionEvent], None]

_UNDER_WAY = frozenset({"STARTED", "LOCKED", "PENDING_GENERATION", "PENDING_BACKEND_NOTIFICATION"})
"""Statuses of an operation that has not ended (`FlowsQueryCriteria` of the Platform API lists them)."""


@contextmanager
def _faults_survived() -> Iterator[None]:
    """A fault of the organisation, a proxy or a library must not end a delivery: it polls anyway."""
    try:
        yield
    except PenstockError as error:
        log.info("channel.failed", code=error.code, error=error.message)
    except Exception:
        log.exception("channel.broke")


class PublishEvents:
    """Subscriptions for the flows of a sync. They are optional: an event only makes the next poll come sooner.

    Events are never trusted, and polling goes on without them.
    """

    def __init__(self) -> None:
        self._announcements: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._counting: defaultdict[str, list[OnExecution]] = defaultdict(list)
        self._subscribed: frozenset[str] = frozenset()
        self._created: set[str] = set()
        self._any_created = asyncio.Event()
        self._open = False
        self._missed = False

    def reliable(self, flow_id: str | None) -> bool:
        """Whether the end of the flow's publish is announced from now on."""
        return self._open and not self._missed and flow_id in self._subscribed

    def announcement(self, flow_id: str | None) -> asyncio.Event:
        """Set when the flow's operation may have ended, or when events have ceased; the reader clears it."""
        return self._announcements[flow_id or ""]

    def missed(self, flow_id: str | None) -> None:
        """Report an end that was not announced: events are not waited for from now on."""
        log.info("channel.silent", flow=flow_id)
        self._missed = True
        self._ring_all()

    @contextmanager
    def executions(self, flow_id: str, on_execution: OnExecution) -> Iterator[None]:
        """Call `on_execution` for every announced execution of the flow within the block."""
        self._counting[flow_id].append(on_execution)
        try:
            yield
        finally:
            self._counting[flow_id].remove(on_execution)

    def created(self, flow_id: str) -> None:
        """Report a flow whose id became known just now, so that its executions can be subscribed to."""
        self._created.add(flow_id)
        self._any_created.set()

    async def next_created(self, clock: Clock, gather_s: float) -> frozenset[str]:
        """The flows that were created since the last call; waits for the first one, and so long for others."""
        await self._any_created.wait()
        await clock.sleep(gather_s)
        created = frozenset(self._created)
        self._created.clear()
        self._any_created.clear()
        return created

    async def follow_executions(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Pass executions on until cancelled or until the subscription ends. Raises nothing."""
        with _faults_survived():
            async for event in notifications.execution_events(flow_ids):
                for on_execution in tuple(self._counting[event.flow_id]):
                    on_execution(event)

    async def follow_flows(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Set the announcements until cancelled or until the subscription ends. Raises nothing."""
        self._subscribed = frozenset(flow_ids)
        try:
            with _faults_survived():
                async for event in notifications.flow_events(flow_ids, on_open=self._opened):
                    self._received(event)
        finally:
            self._open = False
            self._ring_all()

    def _opened(self) -> None:
        self._open = True

    def _received(self, event: FlowEvent) -> None:
        if event.status not in _UNDER_WAY:
            self.announcement(event.flow_id).set()

    def _ring_all(self) -> None:
        for announcement in self._announcements.values():
            announcement.set()
