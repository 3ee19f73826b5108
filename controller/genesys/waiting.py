"""Waiting for whichever comes first, on the injected clock, without leaving a task behind."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from controller.domain.clock import Clock

T = TypeVar("T")


async def nudged(event: asyncio.Event, clock: Clock, seconds: float) -> None:
    """Return when the event is set or the time is over."""
    await _first(asyncio.ensure_future(event.wait()), asyncio.ensure_future(clock.sleep(seconds)))


async def within(clock: Clock, seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The work's result. Raises TimeoutError, and cancels the work, when it takes longer."""
    task = asyncio.ensure_future(work)
    await _first(task, asyncio.ensure_future(clock.sleep(seconds)))
    if task.cancelled():
        raise TimeoutError(f"not done within {seconds:g} s")
    return task.result()


async def _first(one: asyncio.Future[Any], other: asyncio.Future[Any]) -> None:
    try:
        await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        one.cancel()
        other.cancel()
        await asyncio.gather(one, other, return_exceptions=True)
