"""Doing one thing for many flows, a few at a time, with progress."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import TypeVar

from controller.domain.errors import PenstockError

T = TypeVar("T")

CONCURRENCY = 8
"""Flows that are read at once; the request budget limits them further."""

Advance = Callable[[int, int], None]
"""Called with how many of how many items are done."""


def unwatched(_done: int, _total: int) -> None:
    """Ignore the progress."""


async def each_of(items: Iterable[T], work: Callable[[T], Awaitable[None]], advance: Advance = unwatched) -> None:
    """Do the work for every item, a few at a time. Raises the first PenstockError, which stops the rest."""
    waiting = list(items)
    total, done = len(waiting), 0
    queue = iter(waiting)

    async def worker() -> None:
        nonlocal done
        for item in queue:
            await work(item)
            done += 1
            advance(done, total)

    advance(0, total)
    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(min(CONCURRENCY, total)):
                group.create_task(worker())
    except* PenstockError as errors:
        raise errors.exceptions[0] from None
