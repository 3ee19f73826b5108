"""Server-sent events: which organisations changed, for pages and programs that would otherwise ask again and again.

One query a second serves all listeners of a process. A stream ends on its own before the limit for an answer; the
client connects again with `Last-Event-ID` and misses nothing, because marks only grow.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import structlog
from fastapi import APIRouter, Depends
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from controller.domain.clock import Clock
from controller.domain.errors.api import TooManyListeners
from controller.domain.errors.process import StoreFailed
from controller.domain.waiting import first_of
from controller.service.access.person import Role
from controller.service.api.entrance import Entrance
from controller.service.api.inputs import LARGEST_ID, LastEventId, OnlyOrganization
from controller.service.api.openapi import problems
from controller.service.connections import ANSWER_S, most_connections
from controller.store.live_marks import LiveChanges, LiveMarks, LiveTopic

log = structlog.get_logger()

POLL_S: Final = 1.0
HEARTBEAT_S: Final = 10.0
"""A comment, so that proxies and clients see that the stream lives."""
LONGEST_S: Final = ANSWER_S - HEARTBEAT_S
RETRY_MS: Final = 1000
"""How long a client waits until it connects again."""
_SHARE: Final = 4
"""Listeners get at most one in so many of the connections that the service takes."""
_STREAM: Final = "text/event-stream"
_EXAMPLE: Final = 'id: 412\nevent: changed\ndata: {"organizations": ["acme"], "running": ["acme"]}\n\n'


class SharedMarks:
    """What changed in the store; however many ask, the store is asked once a second."""

    def __init__(self, marks: LiveMarks, clock: Clock) -> None:
        self._store = marks
        self._clock = clock
        self._turn = asyncio.Lock()
        self._asked_at_s: float | None = None
        self._first = self._last = 0
        self._marks: dict[tuple[str, LiveTopic], int] = {}

    async def since(self, mark: int | None) -> LiveChanges:
        """What changed after a mark; None gives the present one. Raises StoreFailed."""
        async with self._turn:
            await self._ask()
            if mark is not None and mark < self._first:
                return await asyncio.to_thread(self._store.changed_since, mark)
            # A store that was restored counts from an earlier mark: everything that is known may have changed.
            after = self._last if mark is None else -1 if mark > self._last else mark
            return LiveChanges(self._last, frozenset(topic for topic, at in self._marks.items() if at > after))

    async def _ask(self) -> None:
        now_s = self._clock.monotonic()
        if self._asked_at_s is not None and now_s - self._asked_at_s < POLL_S:
            return
        begun = self._asked_at_s is not None
        found = await asyncio.to_thread(self._store.changed_since, self._last if begun else None)
        if not begun:
            self._first = found.mark
        self._last, self._asked_at_s = found.mark, now_s
        self._marks |= dict.fromkeys(found.topics, found.mark)


@dataclass(frozen=True, slots=True)
class _Listening:
    visible: Callable[[str], bool]
    only: str | None
    mark: int | None

    def sees(self, organization: str) -> bool:
        return self.only in (None, organization) and self.visible(organization)


class Events:
    """Lets a bounded number of clients listen, until the service stops."""

    def __init__(self, entrance: Entrance, stop: asyncio.Event, most: int | None = None) -> None:
        self._entrance = entrance
        self._stop = stop
        self._most = max(1, most_connections() // _SHARE) if most is None else most
        self._clock = entrance.window.services.clock
        self._marks = SharedMarks(entrance.store.marks, self._clock)
        self._listening = 0

    def router(self) -> APIRouter:
        """The route."""
        router = APIRouter(dependencies=[Depends(self._entrance.reader)], tags=["events"])
        content = {_STREAM: {"schema": {"type": "string"}, "example": _EXAMPLE}}
        stream: dict[int | str, dict[str, Any]] = {200: {"description": "The stream.", "content": content}}
        responses = stream | problems(HTTPStatus.TOO_MANY_REQUESTS)
        router.add_api_route("/events", self.events, responses=responses, response_class=Response)
        return router

    async def events(
        self, request: Request, organization: OnlyOrganization = None, last_event_id: LastEventId = None
    ) -> Response:
        """Which organisations changed, as server-sent events; `running` names those with a pass that moved on."""
        if organization is not None:
            self._entrance.access.require(request, Role.READ, organization)
        if self._listening >= self._most:
            raise TooManyListeners(f"{self._most} clients follow the events already", retry_after_s=LONGEST_S)
        listening = _Listening(self._entrance.visible(request), organization, _mark(last_event_id))
        return _Stream(self._stream(listening))

    async def _stream(self, listening: _Listening) -> AsyncIterator[str]:
        self._listening += 1
        try:
            yield f"retry: {RETRY_MS}\n\n"
            async for text in self._changes(listening):
                yield text
        except StoreFailed as error:
            log.warning("events.store-failed", error=error.message)
        finally:
            self._listening -= 1

    async def _changes(self, listening: _Listening) -> AsyncIterator[str]:
        mark = listening.mark
        ends_s = self._clock.monotonic() + LONGEST_S
        told_s = self._clock.monotonic()
        while not self._stop.is_set() and self._clock.monotonic() < ends_s:
            changes = await self._marks.since(mark)
            text = _event(listening, changes) if changes.mark != mark else None
            if text is None and self._clock.monotonic() - told_s >= HEARTBEAT_S:
                text = ": heartbeat\n\n"
            mark = changes.mark
            if text is not None:
                told_s = self._clock.monotonic()
                yield text
            await first_of(self._clock, POLL_S, self._stop)


class _Stream(StreamingResponse):
    """Not kept by caches, and passed on at once by proxies."""

    def __init__(self, content: AsyncIterator[str]) -> None:
        super().__init__(content, headers={"cache-control": "no-store", "x-accel-buffering": "no"}, media_type=_STREAM)


def _event(listening: _Listening, changes: LiveChanges) -> str:
    """The event for a listener; the mark alone where nothing changed that it may see."""
    seen = sorted({name for name, topic in changes.topics if topic is not LiveTopic.PUSH and listening.sees(name)})
    running = [name for name in seen if (name, LiveTopic.RUNNING) in changes.topics]
    if not seen:
        return f"id: {changes.mark}\n\n"
    data = json.dumps({"organizations": seen, "running": running})
    return f"id: {changes.mark}\nevent: changed\ndata: {data}\n\n"


def _mark(last_event_id: str | None) -> int | None:
    """The mark in the header; None where it is none of ours."""
    known = last_event_id is not None and last_event_id.isascii() and last_event_id.isdecimal()
    return min(int(last_event_id[:19]), LARGEST_ID) if known and last_event_id else None
