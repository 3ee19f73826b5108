"""Turns the driver's exceptions into ours, and fails transactions at once while the store's server does not answer.

A caller waits for a silent server once, not each time. Passes ask the store from the event loop. If each question
waited for such a server, no probe would be answered, and Kubernetes would end a process that could have gone on.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import Engine, ExceptionContext, event, select
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from controller.domain.errors.process import StoreFailed
from controller.store.engine import shown_url

PROBE_PAUSE_S: Final = 1.0
"""Between two tries to reach the server."""
_HINT: Final = "look at the server and at the network between; what was begun is resumed once it answers"
_PG_DISK_FULL = "53100"
_PG_ENDED_FOR_ANOTHER = frozenset({"40001", "40P01"})
"""PostgreSQL's serialization_failure and deadlock_detected: the same transaction may succeed the next time."""
_NOT_OURS = frozenset({sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN})
"""SQLite's errors for a file that this process may not write; further bits give the exact reason."""


class Outage:
    """Begins with the first question without an answer, and ends when a thread of its own got one.

    SQLite is a file: its limits are those of `engine.py`.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._closed = threading.Event()
        self._prober: threading.Thread | None = None
        if engine.dialect.name == "postgresql":
            event.listen(engine, "handle_error", self._note)

    def refuse(self) -> None:
        """Raise StoreFailed while the server does not answer, except for the thread that asks whether it does."""
        if self._prober is not None and self._prober is not threading.current_thread():
            raise StoreFailed(f"the store {shown_url(self._engine.url)} does not answer", hint=_HINT)

    def close(self) -> None:
        """Ask no more whether it answers."""
        self._closed.set()

    def _note(self, context: ExceptionContext) -> None:
        from controller.store.postgres import is_silence  # the driver takes long, and most stores are SQLite

        if not is_silence(context.original_exception):
            return
        with self._lock:
            if self._prober is None and not self._closed.is_set():
                self._prober = threading.Thread(target=self._until_it_answers, name="store probe", daemon=True)
                self._prober.start()
        # Raised here, because SQLAlchemy would else connect again, and wait for that as well.
        self.refuse()

    def _until_it_answers(self) -> None:
        while not self._closed.wait(PROBE_PAUSE_S):
            if self._answers():
                break
        self._prober = None

    def _answers(self) -> bool:
        try:
            with self._engine.connect() as connection:
                connection.detach()  # the pool may be closed meanwhile, and would not close it then
                connection.execute(select(1))
        except (SQLAlchemyError, StoreFailed):
            return False
        return True


@contextmanager
def mapped(engine: Engine) -> Iterator[None]:
    """Raise StoreFailed for every exception of the driver."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        raise StoreFailed(
            f"the store {shown_url(engine.url)} failed: {str(cause).strip()}", hint=_hint(cause)
        ) from error
    except SQLAlchemyError as error:
        raise StoreFailed(f"the store {shown_url(engine.url)} failed: {type(error).__name__}") from error


def ended_for_another(error: StoreFailed) -> bool:
    """Whether PostgreSQL ended the transaction in favour of another one."""
    cause = error.__cause__
    return isinstance(cause, DBAPIError) and getattr(cause.orig, "sqlstate", None) in _PG_ENDED_FOR_ANOTHER


def _hint(cause: BaseException | None) -> str | None:
    full = getattr(cause, "sqlite_errorcode", None) == sqlite3.SQLITE_FULL
    if full or getattr(cause, "sqlstate", None) == _PG_DISK_FULL:
        return "free some disk space; the next pass resumes from the journal"
    if (getattr(cause, "sqlite_errorcode", None) or 0) & 0xFF in _NOT_OURS:
        return "let the user that runs penstock write that file and its folder, or set PENSTOCK_STORE to another place"
    return None
