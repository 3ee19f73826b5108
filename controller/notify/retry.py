"""When a message that was not taken is sent again."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

BASE_S = 5.0
CEILING_S = 3600.0


def retry_after_s(attempts: int, header: str | None, now: datetime) -> float:
    """Seconds until the next try, after `attempts` failed ones before this.

    Exponential from 5 s to an hour, drawn between half and all of it. A longer `Retry-After` is honoured up to an hour.
    """
    ceiling = min(CEILING_S, BASE_S * 2.0 ** min(attempts, 20))
    drawn = random.uniform(ceiling / 2, ceiling)  # noqa: S311 - spreads load, guards nothing
    return max(drawn, min(CEILING_S, _asked_for_s(header, now)))


def _asked_for_s(header: str | None, now: datetime) -> float:
    """The seconds that a `Retry-After` header asks for: a number or an HTTP date; 0 when it says nothing useful."""
    if not header:
        return 0.0
    if header.strip().isdecimal():
        return float(header)
    try:
        moment = parsedate_to_datetime(header)
    except ValueError:
        return 0.0
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return max(0.0, (aware - now).total_seconds())
