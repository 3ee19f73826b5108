"""Events that the organisation pushes during a sync: the end of a publish, or an execution, is seen at once."""

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


class PublishEvents:
    """Subscriptions for the flows of a sync. They are optional: an event only makes the next poll come sooner.

    Events are never trusted, and polling goes on without them.
    """

    def __init__(self) -> None:
        self._bells: defaultdict[str, asyncio.Event] = defaultdict(asyncio.Event)
        self._counting: defaultdict[str, list[OnExecution]] = defaultdict(list)
        self._open = False
        self._missed = False

    @property
    def reliable(self) -> bool:
        """Whether the end of a publish is announced from now on."""
        return self._open and not self._missed

    def bell(self, flow_id: str | None) -> asyncio.Event:
        """Set when the flow's operation may have ended, or when events have ceased; the reader clears it."""
        return self._bells[flow_id or ""]

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

    async def follow_executions(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Pass executions on until cancelled or until the subscription ends. Raises nothing."""
        try:
            async for event in notifications.execution_events(flow_ids):
                for on_execution in tuple(self._counting[event.flow_id]):
                    on_execution(event)
        except PenstockError as error:
            log.info("channel.failed", code=error.code, error=error.message)
        except Exception:
            # A fault of a proxy or a library must not end a delivery: gates poll anyway.
            log.exception("channel.broke")

    async def follow_flows(self, notifications: EventStreams, flow_ids: Collection[str]) -> None:
        """Set the bells until cancelled or until the subscription ends. Raises nothing."""
        try:
            async for event in notifications.flow_events(flow_ids, on_open=self._opened):
                self._received(event)
        except PenstockError as error:
            log.info("channel.failed", code=error.code, error=error.message)
        except Exception:
            # A fault of a proxy or a library must not end a delivery, which polls anyway.
            log.exception("channel.broke")
        finally:
            self._open = False
            self._ring_all()

    def _opened(self) -> None:
        self._open = True

    def _received(self, event: FlowEvent) -> None:
        if event.status not in _UNDER_WAY:
            self.bell(event.flow_id).set()

    def _ring_all(self) -> None:
        for bell in self._bells.values():
            bell.set()
