"""Hearing from the organisation what happens: the end of a publish, or a version that fails, is seen at once."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager

import structlog

from controller.domain.errors import PenstockError
from controller.domain.events import ExecutionEvent, FlowEvent
from controller.domain.ports import EventStreams

log = structlog.get_logger()

OnExecution = Callable[[ExecutionEvent], None]

_UNDER_WAY = frozenset({"STARTED", "LOCKED", "PENDING_GENERATION", "PENDING_BACKEND_NOTIFICATION"})
"""Statuses of an operation that has not ended (`FlowsQueryCriteria` of the Platform API lists them)."""


class Hearing:
    """One channel for the flows of a sync. A help, never a need.

    What it says is never believed, only looked at sooner; and while it is silent everything is still looked at.
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._counting: defaultdict[str, list[OnExecution]] = defaultdict(list)
        self._open = False
        self._deaf = False

    @property
    def reliable(self) -> bool:
        """Whether what ends from now on is announced."""
        return self._open and not self._deaf

    def bell(self, flow_id: str | None) -> asyncio.Event:
        """Set when the flow may have come to rest, or when nothing is announced any more; whoever looks clears it."""
        return self._bells[flow_id or ""]

    def missed(self, flow_id: str | None) -> None:
        """Something ended that was not announced: from now on nobody waits for announcements."""
        log.info("channel.silent", flow=flow_id)
        self._deaf = True
        self._ring_all()

    @contextmanager
    def executions(self, flow_id: str, heard: OnExecution) -> Iterator[None]:
        """Meanwhile, `heard` is told of every execution of the flow that is announced."""
        self._counting[flow_id].append(heard)
        try:
            yield
        finally:
            self._counting[flow_id].remove(heard)

    async def listen_to_executions(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Tell of executions until cancelled or until the channel ends. Nothing that a channel does is raised."""
        try:
            async for event in notifications.execution_events(flow_ids):
                for heard in tuple(self._counting[event.flow_id]):
                    heard(event)
        except PenstockError as error:
            log.info("channel.failed", code=error.code, error=error.message)
        except Exception:
            # As above: gates look all the same.
            log.exception("channel.broke")

    async def listen(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Ring the bells until cancelled or until the channel ends. Nothing that a channel does is raised."""
        try:
            async for event in notifications.flow_events(flow_ids, on_open=self._opened):
                self._heard(event)
        except PenstockError as error:
            log.info("channel.failed", code=error.code, error=error.message)
        except Exception:
            # A proxy's or a library's fault must not end a delivery, which polls all the same.
            log.exception("channel.broke")
        finally:
            self._open = False
            self._ring_all()

    def _opened(self) -> None:
        self._open = True

    def _heard(self, event: FlowEvent) -> None:
        if event.status not in _UNDER_WAY:
            self.bell(event.flow_id).set()

    def _ring_all(self) -> None:
        for bell in self._bells.values():
            bell.set()
