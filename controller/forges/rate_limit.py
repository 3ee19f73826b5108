"""Reads a forge's request limits from its answers, and says how long to wait.

GitHub: `x-ratelimit-remaining` and `-reset` (seconds since 1970) for the hourly limit; `retry-after`, or only words,
with 403 or 429 for the secondary limit. GitLab: `RateLimit-Remaining`, `RateLimit-Reset` and `Retry-After` with 429.
Gitea has no limit of its own, and the proxies before it use `Retry-After`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from controller.domain.clock import Clock
from controller.domain.waiting import http_date, retry_after_s
from controller.forges.call import ForgeAnswer
from controller.forges.errors import words_of

_LONGEST_S = 24 * 3600.0
_WORDS = ("rate limit", "abuse detection")
"""What GitHub says with a 403 of a limit."""


class ForgeRateLimit:
    """The limit of one token, as far as the answers told it."""

    def __init__(self, clock: Clock, secondary_wait_s: float) -> None:
        self._clock = clock
        self._secondary_wait_s = secondary_wait_s
        self._until_s = 0.0
        self._in_a_row = 0

    def wait_s(self) -> float:
        """Seconds until the next request is allowed; 0 when it is now."""
        return max(0.0, self._until_s - self._clock.monotonic())

    def learn(self, answer: ForgeAnswer) -> float | None:
        """The wait that the answer asks for, in seconds; None when it was not refused for a limit."""
        limited = is_limited(answer)
        left_s = self._reset_s(answer.headers) if _remaining(answer.headers) == 0 else None
        if not limited:
            self._in_a_row = 0
            if left_s is not None:
                self._until_s = self._clock.monotonic() + left_s
            return None
        told_s = retry_after_s(answer.headers, self._clock.now(), longest_s=_LONGEST_S)
        wait_s = told_s if told_s is not None else left_s
        if wait_s is None:
            wait_s = self._secondary_wait_s * 2.0 ** min(self._in_a_row, 5)
        self._in_a_row += 1
        self._until_s = self._clock.monotonic() + wait_s
        return wait_s

    def _reset_s(self, headers: Mapping[str, str]) -> float | None:
        """Seconds until the limit begins anew, by the forge's own clock where it tells."""
        text = headers.get("x-ratelimit-reset") or headers.get("ratelimit-reset") or ""
        if not (text.isascii() and text.isdecimal() and len(text) <= 12):
            return None
        now: datetime = http_date(headers.get("date", "")) or self._clock.now()
        return min(_LONGEST_S, max(1.0, int(text) - now.timestamp()))


def is_limited(answer: ForgeAnswer) -> bool:
    """Whether the request was refused for a limit, and for no missing permission."""
    if answer.status == 429 or (answer.status == 503 and "retry-after" in answer.headers):
        return True
    if answer.status != 403:
        return False
    if "retry-after" in answer.headers or _remaining(answer.headers) == 0:
        return True
    return any(words in words_of(answer).lower() for words in _WORDS)


def _remaining(headers: Mapping[str, str]) -> int | None:
    text = headers.get("x-ratelimit-remaining") or headers.get("ratelimit-remaining") or ""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 9 else None
