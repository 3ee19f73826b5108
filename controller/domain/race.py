"""Work that is given up when something else comes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


class Overtaken(Exception):  # noqa: N818 - how a race ended, not an error
    """The other one came first; the work was cancelled."""


async def finished_before(end: Awaitable[None], work: Awaitable[T]) -> T:
    """The work's result. Raises what the work raises, and Overtaken when the end comes first."""
    working, ending = asyncio.ensure_future(work), asyncio.ensure_future(end)
    try:
        await asyncio.wait((working, ending), return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise Overtaken
    finally:
        for task in (working, ending):
            task.cancel()
        await asyncio.gather(working, ending, return_exceptions=True)
