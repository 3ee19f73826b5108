"""When a message that was not accepted is sent again."""

from __future__ import annotations

import random
from datetime import datetime

from controller.domain import waiting

CEILING_S = 3600.0
_BACKOFF = waiting.Backoff(5.0, longest_s=CEILING_S)


def retry_after_s(attempts: int, header: str | None, now: datetime) -> float:
    """Seconds until the next try, after `attempts` failed ones before this.

    Exponential from 5 s to an hour, drawn between half and all of it. A longer `Retry-After` is honoured up to an hour.
    """
    ceiling_s = _BACKOFF.wait_s(attempts + 1)
    drawn_s = random.uniform(ceiling_s / 2, ceiling_s)  # noqa: S311 - spreads load, guards nothing
    return max(drawn_s, waiting.retry_after_s({"retry-after": header or ""}, now, longest_s=CEILING_S) or 0.0)
