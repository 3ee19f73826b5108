"""Tokens of the organisation's clients, and limits of the requests per token and minute.

Tokens live only in memory: after a restart, clients request new ones.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from math import ceil

from controller.simulator.settings import SimulatedClient


@dataclass(frozen=True, slots=True)
class IssuedToken:
    value: str = field(repr=False)
    client: SimulatedClient
    expires_at: datetime
    scope: str = ""
    """Space-separated scopes that the versioned dialect requested; empty for all scopes of the client."""


@dataclass(slots=True)
class Tokens:
    """Issued tokens by their value."""

    _issued: dict[str, IssuedToken] = field(default_factory=dict, repr=False)

    def issue(self, client: SimulatedClient, now: datetime, lifetime_s: float, scope: str = "") -> IssuedToken:
        token = IssuedToken(secrets.token_urlsafe(48), client, now + timedelta(seconds=lifetime_s), scope)
        self._issued[token.value] = token
        return token

    def get(self, value: str) -> IssuedToken | None:
        """The token, expired or not."""
        return self._issued.get(value)

    def expire(self, now: datetime, value: str) -> None:
        """Let a token expire at once."""
        token = self._issued.get(value)
        if token and token.expires_at > now:
            self._issued[value] = replace(token, expires_at=now)

    def expire_all(self, now: datetime) -> None:
        """Let every token expire at once."""
        for value in list(self._issued):
            self.expire(now, value)

    def revoke(self, value: str) -> None:
        self._issued.pop(value, None)


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
