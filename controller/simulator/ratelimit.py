"""Limits the requests per token and minute, counted from the token's first request."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import ceil

WINDOW_S = 60.0


@dataclass(frozen=True, slots=True)
class Usage:
    """The requests of a token in its window, after a request."""

    count: int
    allowed: int
    reset_s: int
    """Whole seconds until the window restarts; at least 1."""

    @property
    def exceeded(self) -> bool:
        return self.count > self.allowed

    def headers(self) -> dict[str, str]:
        return {
            "inin-ratelimit-count": str(self.count),
            "inin-ratelimit-allowed": str(self.allowed),
            "inin-ratelimit-reset": str(self.reset_s),
        }


@dataclass(slots=True)
class RateLimit:
    """A fixed window for each key. Times are seconds on a monotonic clock."""

    per_minute: int
    _windows: dict[str, tuple[float, int]] = field(default_factory=dict)

    def count(self, key: str, at: float) -> Usage:
        """Count one more request of this key."""
        start, count = self._windows.get(key, (at, 0))
        if at - start >= WINDOW_S:
            start, count = at, 0
        self._windows[key] = (start, count + 1)
        return Usage(count + 1, self.per_minute, max(1, ceil(start + WINDOW_S - at)))
