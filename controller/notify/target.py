"""What takes messages, how it answers, and how long to wait after it did not take one."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from controller.domain import waiting
from controller.notify.outbox import OutgoingMessage

CEILING_S = 3600.0
LONGEST_TRY_S = 20.0
"""No try takes longer."""
_BACKOFF = waiting.Backoff(5.0, longest_s=CEILING_S)


@dataclass(frozen=True, slots=True)
class Reply:
    """How a receiver answered."""

    taken: bool
    reason: str = ""
    """Why it was not taken, without URL or secret."""
    retry_after: str | None = None
    """The `Retry-After` header as it was sent."""
    answered: bool = False
    """Whether the receiver itself said no; else it is down, and the messages behind this one need not be tried."""
    final: bool = False
    """Whether it said that it will never take this message."""


Send = Callable[[OutgoingMessage], Awaitable[Reply]]
"""Sends one message in bounded time; failures are returned, never raised."""


class Target(Protocol):
    """Takes the messages of one receiver."""

    def opened(self) -> AbstractAsyncContextManager[Send]:
        """Sends within the block."""
        ...


def retry_after_s(attempts: int, header: str | None, now: datetime) -> float:
    """Seconds until the next try, after `attempts` failed ones before this.

    Exponential from 5 s to an hour, drawn between half and all of it. A longer `Retry-After` is honoured up to an hour.
    """
    ceiling_s = _BACKOFF.wait_s(attempts + 1)
    drawn_s = random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - spreads load, guards nothing
    return max(drawn_s, waiting.retry_after_s({"retry-after": header or ""}, now, longest_s=CEILING_S) or 0.0)
