"""Connections to PostgreSQL that wait for no answer without a limit.

The server's own limits (`engine.py`) end statements of a server that works. A server that is stopped, a machine that
hangs and a network that drops packets end nothing, and TCP takes many minutes to notice.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeVar, cast

import psycopg
from sqlalchemy import Connection

ANSWER_TIMEOUT_S: Final = 6.0
"""Longer than the server's limit for a statement, which says more."""
T = TypeVar("T")


class NoAnswer(psycopg.OperationalError):
    """The server did not answer within the limit. The connection is closed: what it still did is not known."""


class BoundedConnection(psycopg.Connection[Any]):
    """Raises NoAnswer where the server does not answer for ANSWER_TIMEOUT_S."""

    bounded = True
    """False while a statement runs that may take longer, such as a migration."""

    def wait(self, gen: Generator[Any, Any, T], *arguments: Any, **named: Any) -> T:
        """Run one exchange with the server."""
        return super().wait(self._within_limit(gen), *arguments, **named)

    def _within_limit(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        """The same exchange; psycopg resumes it several times a second, also while nothing comes."""
        until_s = time.monotonic() + ANSWER_TIMEOUT_S
        try:
            wanted = next(gen)
            while True:
                ready = yield wanted
                if not ready and self.bounded and time.monotonic() > until_s:
                    self.pgconn.finish()
                    raise NoAnswer(f"the server has not answered for {ANSWER_TIMEOUT_S:g} s")
                wanted = gen.send(ready)
        except StopIteration as ended:
            found: T = ended.value
            return found


@contextmanager
def without_limit(connection: Connection) -> Iterator[None]:
    """Wait as long as it takes for the answers on this connection."""
    driver = cast("BoundedConnection", connection.connection.driver_connection)
    driver.bounded = False
    try:
        yield
    finally:
        driver.bounded = True


def is_silence(error: BaseException | None) -> bool:
    """Whether the server, or the way to it, did not answer in time; a refusal is an answer."""
    return isinstance(error, NoAnswer | psycopg.errors.ConnectionTimeout)
