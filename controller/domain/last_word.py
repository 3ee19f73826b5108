"""The last word before a call leaves: asked after all waiting for turns and tokens, right before it is sent.

Whoever decides about a write knows no connection, and the connection knows nothing of leases.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_ASKED: ContextVar[Callable[[], None] | None] = ContextVar("last_word", default=None)


@contextmanager
def last_word_of(asked: Callable[[], None]) -> Iterator[None]:
    """Calls that are made within leave only if this raises nothing."""
    token = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(token)


def ask_for_the_last_word() -> None:
    """Raises whatever speaks against sending now."""
    asked = _ASKED.get()
    if asked is not None:
        asked()
