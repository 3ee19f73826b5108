"""The moments at which a controller is killed: around every commit, every write to the organisation, every git write.

Found from outside, through SQLAlchemy's events, a transport around the real one, and git's entrance: the product knows
nothing of it.
"""

from __future__ import annotations

import os
import re
import signal
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import Connection, Engine, Pool, event

from controller.repository import command

READS = frozenset({"GET", "HEAD"})
GIT_WRITES = frozenset({"push", "unpack-objects", "update-ref", "merge"})
WHILE = "while"
"""How moments begin at which a git process runs, which goes on when its controller is killed."""
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|\d+")
_PENDING = "crash.commit"
_STATEMENTS = "crash.statements"


def kind_of(label: str) -> str:
    """The same for moments that differ in the flow, job or version alone."""
    return _ID.sub("#", label)


def one_of_each_kind(labels: Sequence[str]) -> list[int]:
    """The number of the last moment of each kind, counted from 1: most has happened by then."""
    return sorted({kind_of(label): number for number, label in enumerate(labels, 1)}.values())


class Points:
    """Counts the moments and tells them to a file; the process dies at the chosen one, and stops at others."""

    def __init__(self, told: Path, die_at: int | None, stop_at: frozenset[int]) -> None:
        self._told = told.open("a", buffering=1, encoding="utf-8")
        self._die_at = die_at
        self._stop_at = stop_at
        self._count = 0
        self._lock = threading.Lock()

    def reach(self, label: str) -> None:
        with self._lock:
            self._count += 1
            self._told.write(label + "\n")
            if self._count == self._die_at:
                os.kill(os.getpid(), signal.SIGKILL)
            if self._count in self._stop_at:
                # To this thread, which would go on for a moment if the main thread took the signal.
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)

    def watch(self) -> None:
        """Look at all engines and all git commands of this process."""
        self._watch_commits()
        self._watch_git()

    def _watch_commits(self) -> None:
        def statement(connection: Connection, _cursor: object, text: str, *_rest: object) -> None:
            words = text.split()
            if words[0] in ("INSERT", "UPDATE", "DELETE"):
                table = words[1] if words[0] == "UPDATE" else words[2]
                connection.info.setdefault(_STATEMENTS, []).append(f"{words[0].lower()} {table}")

        def before(connection: Connection) -> None:
            what = ", ".join(connection.info.pop(_STATEMENTS, ["schema"]))
            connection.info[_PENDING] = what
            self.reach(f"before the commit of {what}")

        def after(_dbapi: object, record: Any) -> None:
            record.info.pop(_STATEMENTS, None)
            what = record.info.pop(_PENDING, None)
            if what is not None:
                self.reach(f"after the commit of {what}")

        event.listen(Engine, "before_cursor_execute", statement)
        event.listen(Engine, "commit", before)
        event.listen(Pool, "checkin", after)

    def _watch_git(self) -> None:
        points, start = self, command.GitCommand.start

        def started(git: command.GitCommand, *words: str, **options: Any) -> Any:
            if words[0] not in GIT_WRITES:
                return start(git, *words, **options)
            points.reach(f"before git {words[0]}")
            process = start(git, *words, **options)
            if words[0] == "push":
                points.reach(f"{WHILE} git push runs")
            return process

        attempt = command.GitCommand.attempt

        def watched(git: command.GitCommand, *words: str, **options: Any) -> command.GitAnswer:
            answer = attempt(git, *words, **options)
            if words[0] in GIT_WRITES:
                points.reach(f"after git {words[0]}")
            return answer

        command.GitCommand.start = started  # type: ignore[method-assign]
        command.GitCommand.attempt = watched  # type: ignore[assignment]


class WatchedTransport(httpx.AsyncBaseTransport):
    """The network, with a moment before and after every request that is no read; the manifest's port is mapped."""

    def __init__(self, port: int, points: Points | None) -> None:
        self._inner = httpx.AsyncHTTPTransport(verify=False)  # there is none, and its context costs much
        self._port = port
        self._points = points

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        what = f"{request.method} {request.url.path}"
        watched = self._points if request.method not in READS and "/oauth/" not in what else None
        request.url = request.url.copy_with(port=self._port)
        if watched is not None:
            watched.reach(f"before {what}")
        response = await self._inner.handle_async_request(request)
        if watched is not None:
            watched.reach(f"after {what}")
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()
