"""Limits for clients of the service's own HTTP: connections, time, and log lines."""

from __future__ import annotations

import asyncio
import resource
from collections.abc import Mapping
from typing import Any

import structlog
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

log = structlog.get_logger()

MOST_CONNECTIONS = 100
_SHARE = 8
"""Clients get at most one in so many of the files that the process may open."""
_MOST_FILES = 65_536
REQUEST_S = 10.0
"""Time limit for receiving a whole request, the first and each later one."""
ANSWER_S = 60.0
"""Time limit for making and sending an answer."""
_QUIET_S = 60.0


def raise_limit_of_files() -> None:
    """Open as many files as the system lets this process open; the usual limit is far below that."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, _MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def most_connections() -> int:
    """How many clients may be connected at a time."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return MOST_CONNECTIONS if soft == resource.RLIM_INFINITY else max(1, min(MOST_CONNECTIONS, soft // _SHARE))


class BoundedProtocol(H11Protocol):
    """One connection with limits; uvicorn limits neither their number nor the time that a request takes.

    Of too many connections the one that has been idle longest is closed, so a probe is answered even when many clients
    only connect.
    """

    most = MOST_CONNECTIONS
    _timer: asyncio.TimerHandle | None = None
    _answered: object = None
    """The request that the timer was last set for."""
    since_s = 0.0
    """When the current wait, for a request or for its answer, began."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn has it
        super().connection_made(transport)
        self._expect(REQUEST_S)
        if len(self.connections) > self.most:
            waiting = [each for each in self.connections if isinstance(each, BoundedProtocol) and each.idle]
            min(waiting, key=lambda each: each.since_s, default=self).end()

    def connection_lost(self, exc: Exception | None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self._notice_request()

    def on_response_complete(self) -> None:
        self._expect(REQUEST_S)
        super().on_response_complete()
        self._notice_request()

    @property
    def idle(self) -> bool:
        """Whether no request is being answered."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def end(self) -> None:
        """Close the connection at once; it counts no more."""
        # The loop reports the end later; until then it would be counted, and chosen again.
        self.connections.discard(self)
        self.transport.abort()

    def _notice_request(self) -> None:
        """Set the limit for the answer, once for each request."""
        if self.cycle is not self._answered and not self.idle:
            self._answered = self.cycle
            self._expect(ANSWER_S)

    def _expect(self, within_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self.since_s = self.loop.time()
        self._timer = self.loop.call_later(within_s, self.end)


class LoopFaults:
    """Logs the event loop's complaints, each kind once a minute with a count.

    Without this, asyncio logs each waiting connection when no file descriptor is left, and fills the disk.
    """

    def __init__(self) -> None:
        self._logged: dict[str, tuple[float, int]] = {}

    def __call__(self, loop: asyncio.AbstractEventLoop, context: Mapping[str, Any]) -> None:
        error = context.get("exception")
        kind = f"{context.get('message')} ({type(error).__name__ if error is not None else 'no exception'})"
        last_s, more = self._logged.get(kind, (-_QUIET_S, 0))
        if loop.time() - last_s < _QUIET_S:
            self._logged[kind] = (last_s, more + 1)
            return
        self._logged[kind] = (loop.time(), 0)
        log.error("loop.fault", fault=kind, more=more, exc_info=error)
