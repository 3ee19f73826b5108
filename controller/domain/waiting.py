"""Waiting, fanning out and trying again: one way for all packages, on the injected clock, leaving no task behind."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeVar

from controller.domain.clock import Clock

T = TypeVar("T")
R = TypeVar("R")

Advance = Callable[[int, int], None]
"""Called with the number of items that are done and the number of all items."""


class Overtaken(Exception):  # noqa: N818 - how a race ended, not an error
    """The other one came first; the work was cancelled."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """How long the waits between two tries are."""

    first_s: float
    factor: float = 2.0
    longest_s: float = float("inf")

    def wait_s(self, failures: int) -> float:
        """Seconds until the next try after so many failed ones, at least one."""
        return min(self.longest_s, self.first_s * self.factor ** min(failures - 1, 64))

    def jittered_s(self, failures: int) -> float:
        """A random wait up to that (full jitter), so that many clients do not come back at the same moment."""
        return random.uniform(0.0, self.wait_s(failures))  # noqa: S311 - spreads load, guards nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience(Backoff):
    """How often something is tried, the first try included, and how long the waits in between are."""

    attempts: int


async def first_of(clock: Clock, seconds: float, *events: asyncio.Event) -> None:
    """Wait so long, or until one of the events is set."""
    waiting: list[asyncio.Future[Any]] = [asyncio.ensure_future(clock.sleep(seconds))]
    waiting += [asyncio.ensure_future(event.wait()) for event in events]
    async with _ending(*waiting):
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)


@asynccontextmanager
async def deadline(clock: Clock, seconds: float) -> AsyncIterator[None]:
    """Cancel the block when it takes longer, and raise TimeoutError. A cancellation from elsewhere passes through.

    It works as `asyncio.timeout` does, on the injected clock, and adds no function to the traceback of the block.
    """
    task, expired = asyncio.current_task(), False
    cancelled_before = 0 if task is None else task.cancelling()

    async def expire() -> None:
        nonlocal expired
        await clock.sleep(seconds)
        if task is not None:
            expired = True
            task.cancel()

    async with _ending(asyncio.ensure_future(expire())):
        try:
            yield
        except asyncio.CancelledError:
            # A cancellation from elsewhere may have come at the same moment, and must not become a TimeoutError.
            if task is not None and expired and task.uncancel() <= cancelled_before:
                raise TimeoutError(f"not done within {seconds:g} s") from None
            raise


async def finished_before(end: Awaitable[None], work: Awaitable[T]) -> T:
    """The work's result. Raises what the work raises, and Overtaken when the end comes first."""
    working, ending = asyncio.ensure_future(work), asyncio.ensure_future(end)
    async with _ending(working, ending):
        done, _ = await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
    if working not in done:
        raise Overtaken
    return working.result()


@asynccontextmanager
async def _ending(*tasks: asyncio.Future[Any]) -> AsyncIterator[None]:
    """After the body, cancel the tasks that are not done, and wait until they have ended."""
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def for_each(
    items: Iterable[T], work: Callable[[T], Awaitable[R]], *, at_once: int | None = None, advance: Advance | None = None
) -> list[R]:
    """The results of the work for every item, in the order of the items; `at_once` limits how many run together.

    The first failure cancels the others and is raised as it is, not as a group.
    """
    waiting = list(enumerate(items))
    total, results = len(waiting), dict[int, R]()
    queue = iter(waiting)

    async def worker() -> None:
        # The workers share the iterator: each takes the next item when it is free.
        for index, item in queue:
            results[index] = await work(item)
            if advance is not None:
                advance(len(results), total)

    try:
        async with asyncio.TaskGroup() as group:
            for _ in range(total if at_once is None else min(at_once, total)):
                group.create_task(worker())
    except BaseExceptionGroup as failures:
        raise _first_leaf(failures) from None
    return [results[index] for index in range(total)]


def _first_leaf(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def retry_after_s(headers: Mapping[str, str], now: datetime, *, longest_s: float = 3600.0) -> float | None:
    """Seconds of a `Retry-After` header, at most `longest_s`; None without a readable one. Names are in lower case.

    The header holds seconds or an HTTP date (RFC 9110, 10.2.3). A date is compared with the response's own `Date`
    where it has one, because our clock may be wrong.
    """
    text = headers.get("retry-after", "").strip()
    try:
        if text[:1].isdigit() and "," not in text:
            return min(longest_s, max(0.0, float(text)))
    except (ValueError, OverflowError):
        return None
    until = http_date(text)
    if until is None:
        return None
    wait_s = (until - (http_date(headers.get("date", "")) or now)).total_seconds()
    return min(longest_s, max(0.0, wait_s))


def http_date(text: str) -> datetime | None:
    """An HTTP date (RFC 9110, 5.6.7); None when the text is none."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
