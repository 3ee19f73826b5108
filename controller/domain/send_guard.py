"""A check right before a request is sent, after all waiting for turns and tokens.

The code that decides about a write knows no connection, and the connection knows nothing of leases: a context variable
carries the check from the one to the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_CHECK: ContextVar[Callable[[], None] | None] = ContextVar("send_guard", default=None)


@contextmanager
def sends_guarded_by(check: Callable[[], None]) -> Iterator[None]:
    """Requests that are sent within this block are sent only if the check raises nothing."""
    token = _CHECK.set(check)
    try:
        yield
    finally:
        _CHECK.reset(token)


def check_before_sending() -> None:
    """Raises what the check of the block raises."""
    check = _CHECK.get()
    if check is not None:
        check()
