"""Runs one operation for many flows, a few at a time, with progress."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from controller.domain.waiting import Advance, for_each

T = TypeVar("T")

CONCURRENCY = 50
"""Flows read at once, as many as share an export job; the request budget limits them further."""


def unwatched(_done: int, _total: int) -> None:
    """Ignore the progress."""


async def each_of(items: Iterable[T], work: Callable[[T], Awaitable[None]], advance: Advance = unwatched) -> None:
    """Do the work for every item, a few at a time. Raises the first error, which stops the rest."""
    waiting = list(items)
    advance(0, len(waiting))
    await for_each(waiting, work, at_once=CONCURRENCY, advance=advance)
