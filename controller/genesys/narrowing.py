"""Queries over a range of time with a limited number of rows: halves the range until no answer is cut."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar

import structlog

from controller.genesys.paging import HasId

log = structlog.get_logger()

Row = TypeVar("Row", bound=HasId)

MOST_CALLS = 64
"""Largest number of calls. Beyond it, a sample that is spread over the whole range has to suffice."""
_NARROWEST = timedelta(milliseconds=1)


async def all_rows(
    fetch: Callable[[datetime, datetime], Awaitable[Sequence[Row]]], since: datetime, until: datetime, *, full: int
) -> AsyncIterator[Row]:
    """Every row from `since` up to `until` once, unordered.

    An answer of `full` rows or more counts as cut. The widest parts are halved first, so that missing rows are spread
    evenly.
    """
    seen: set[str] = set()
    stretches = deque([(since, until)])
    calls = left_out = 0
    while stretches:
        start, end = stretches.popleft()
        rows = await fetch(start, end)
        calls += 1
        if len(rows) >= full:
            if end - start > _NARROWEST and calls + len(stretches) + 2 <= MOST_CALLS:
                middle = start + (end - start) / 2
                stretches += [(start, middle), (middle, end)]
            else:
                left_out += 1
        for row in rows:
            if row.id not in seen:
                seen.add(row.id)
                yield row
    if left_out:
        log.warning("executions.sampled", rows=len(seen), calls=calls, cut_stretches=left_out)
