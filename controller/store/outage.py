"""Fails transactions at once while the store's server does not answer: a caller waits for it once, not each time.

Passes ask the store from the event loop. If each question waited for a silent server, no probe would be answered, and
Kubernetes would end a process that could have gone on.
"""

from __future__ import annotations

import threading
from typing import Final

from sqlalchemy import Engine, ExceptionContext, event, select
from sqlalchemy.exc import SQLAlchemyError

from controller.domain.errors.process import StoreFailed
from controller.store.engine import shown_url

PROBE_PAUSE_S: Final = 1.0
"""Between two tries to reach the server."""
_HINT: Final = "look at the server and at the network between; what was begun is resumed once it answers"


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
                connection.execute(select(1))
        except (SQLAlchemyError, StoreFailed):
            return False
        return True
