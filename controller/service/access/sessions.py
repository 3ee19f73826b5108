"""Sessions of people who logged in: a signed cookie says who they are, their groups, and until when.

Starlette signs the cookie and sets it. It is not encrypted, and it holds no secret of the person. The groups are mapped
to roles at each request, so that a change of the settings counts at once; a change of the groups themselves counts from
the next login on.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request

from controller.domain.clock import Clock
from controller.service.access.person import How, Membership, Person
from controller.service.access.tokens import TokenEntry, TokenFile

_MOST_ENDED: Final = 10_000
_KEY: Final = "person"
_LOGIN_S: Final = 600
"""How long the cookie of a login that has not ended is kept; a session is kept for its own time, if that is longer."""


class SessionContent(BaseModel):
    """Who has logged in."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str
    name: str
    subject: str
    groups: tuple[str, ...]
    until: AwareDatetime
    token: str | None = None
    """What recognises the entry of the token that the person logged in with; None for a login with the provider."""


class Sessions:
    """Begins, finds and ends sessions."""

    def __init__(
        self,
        key: bytes,
        lasts_s: float,
        clock: Clock,
        membership: Membership,
        tokens: TokenFile | None,
        *,
        secure: bool,
    ) -> None:
        """`secure` is whether people reach the service over TLS only."""
        self._key = key
        self._lasts = timedelta(seconds=lasts_s)
        self._clock = clock
        self._membership = membership
        self._tokens = tokens
        self._seal_key = hmac.new(key, b"sessions of tokens", hashlib.sha256).digest()
        self._secure = secure
        self._ended: OrderedDict[str, datetime] = OrderedDict()
        """Sessions of people who logged out, until their time is over: a copy of the cookie may be left."""

    def middleware(self) -> Middleware:
        """Reads and sets the cookie: http-only, same-site (lax: the provider's redirect must bring it), signed."""
        return Middleware(
            SessionMiddleware,
            secret_key=self._key.decode(),
            # The prefix makes browsers refuse a cookie of this name from another host or without TLS (RFC 6265bis).
            session_cookie="__Host-penstock" if self._secure else "penstock",
            max_age=max(_LOGIN_S, int(self._lasts.total_seconds())),
            same_site="lax",
            https_only=self._secure,
        )

    def begin(self, request: Request, name: str, subject: str, groups: Iterable[str]) -> Person:
        """Begin a session with a new id; all that the cookie held before is gone.

        Only groups that lead to a role are kept, because a cookie is small.
        """
        known = tuple(sorted(group for group in set(groups) if self._membership.knows(group)))
        until = self._clock.now() + self._lasts
        content = SessionContent(id=_new_id(), name=name, subject=subject, groups=known, until=until)
        _keep(request, content)
        return self._of_provider(content)

    def begin_with_token(self, request: Request, entry: TokenEntry) -> Person:
        """As `begin`, for a person who has a token. Neither the token nor its hash is kept."""
        until = self._clock.now() + self._lasts
        ends = until if entry.expires is None else min(until, entry.expires)
        content = SessionContent(
            id=_new_id(), name=entry.name, subject="", groups=(), until=ends, token=self._seal(entry)
        )
        _keep(request, content)
        return _of_token(entry)

    def person(self, request: Request) -> Person | None:
        """Who has logged in; None where nobody has, or the session has ended."""
        content = self._content(request)
        return None if content is None else self._person(content)

    def binding(self, request: Request) -> str | None:
        """What a CSRF token of this session is bound to; None where there is no session."""
        content = self._content(request)
        return None if content is None else content.id

    def end(self, request: Request) -> None:
        """Remove the cookie, and refuse copies of it from now on, in this process."""
        content = self._content(request)
        if content is not None:
            self._ended[content.id] = content.until
        while len(self._ended) > _MOST_ENDED or (self._ended and self._oldest_end() <= self._clock.now()):
            self._ended.popitem(last=False)
        request.session.clear()

    def _oldest_end(self) -> datetime:
        return next(iter(self._ended.values()))

    def _person(self, content: SessionContent) -> Person | None:
        """The person; None where the token that they logged in with has been withdrawn or has expired."""
        if content.token is None:
            return self._of_provider(content)
        entries = () if self._tokens is None else self._tokens.entries()
        found = [entry for entry in entries if hmac.compare_digest(self._seal(entry), content.token)]
        return _of_token(found[0]) if found else None

    def _seal(self, entry: TokenEntry) -> str:
        return hmac.new(self._seal_key, entry.hash.encode(), hashlib.sha256).hexdigest()

    def _of_provider(self, content: SessionContent) -> Person:
        return Person(content.name, How.OIDC, self._membership.grants(content.groups), content.subject)

    def _content(self, request: Request) -> SessionContent | None:
        try:
            content = SessionContent.model_validate(request.scope.get("session", {}).get(_KEY))
        except ValidationError:  # none, or one of another version
            return None
        return content if self._clock.now() < content.until and content.id not in self._ended else None


def _new_id() -> str:
    return secrets.token_urlsafe(32)


def _keep(request: Request, content: SessionContent) -> None:
    """Put it into the cookie; all that was there before is gone."""
    request.session.clear()
    request.session[_KEY] = content.model_dump(mode="json", exclude_none=True)


def _of_token(entry: TokenEntry) -> Person:
    return replace(entry.person, how=How.TOKEN_LOGIN)
