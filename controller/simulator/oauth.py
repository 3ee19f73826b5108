"""Tokens of the organisation's clients. They live in memory only: after a restart every client asks for a new one."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from controller.simulator.settings import Client


@dataclass(frozen=True, slots=True)
class Token:
    value: str = field(repr=False)
    client: Client
    issued_at: datetime
    expires_at: datetime
    scope: str = ""
    """Space-separated scopes that the versioned dialect asked for; empty means all that the client has."""


@dataclass(slots=True)
class Tokens:
    """Issued tokens by their value."""

    _issued: dict[str, Token] = field(default_factory=dict, repr=False)

    def issue(self, client: Client, now: datetime, lifetime_s: float, scope: str = "") -> Token:
        token = Token(secrets.token_urlsafe(48), client, now, now + timedelta(seconds=lifetime_s), scope)
        self._issued[token.value] = token
        return token

    def get(self, value: str) -> Token | None:
        """The token, expired or not."""
        return self._issued.get(value)

    def expire(self, now: datetime, value: str) -> None:
        """Let a token expire at once."""
        token = self._issued.get(value)
        if token and token.expires_at > now:
            self._issued[value] = Token(value, token.client, token.issued_at, now, token.scope)

    def expire_all(self, now: datetime) -> None:
        """Let every token expire at once."""
        for value in list(self._issued):
            self.expire(now, value)

    def revoke(self, value: str) -> None:
        self._issued.pop(value, None)
