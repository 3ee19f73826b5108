"""Finds out who asks: a token first, then the proxy's word, then a session, then anyone where reading is open."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request

from controller.domain.errors.api import Unauthenticated
from controller.service.access.callers import Callers
from controller.service.access.forgery import Forgery
from controller.service.access.person import ANYONE, Person
from controller.service.access.proxy import TrustedProxy, is_forwarded
from controller.service.access.sessions import Sessions
from controller.service.access.tokens import TokenFile

_SCHEME = "bearer"


@dataclass(frozen=True, slots=True)
class OpenReading:
    """Where anyone may read."""

    everywhere: bool
    """The operator says so."""
    loopback: bool
    """The service listens on loopback, and the operator does not forbid it."""
    listens_on_loopback: bool


class Identifying:
    """Finds out who asks."""

    def __init__(
        self,
        tokens: TokenFile | None,
        proxy: TrustedProxy,
        sessions: Sessions,
        callers: Callers,
        forgery: Forgery,
        reading: OpenReading,
    ) -> None:
        self._tokens = tokens
        self._proxy = proxy
        self._sessions = sessions
        self._callers = callers
        self._forgery = forgery
        self._reading = reading

    def person(self, request: Request) -> Person | None:
        """Who asks; None where there is no credential and reading is not open.

        Raises Unauthenticated for a credential that is not valid, TooManyRequests after too many of them, and
        RequestForged where the request names a host that is not this service.
        """
        token = bearer_token(request)
        if token is not None:
            return self._of_token(request, token)
        person = self._proxy.person(request)
        if person is not None:
            # On loopback any page could pose as the proxy, under a name that was made to lead here.
            self._forgery.require_known_host(request)
            return person
        return self._sessions.person(request) or self.anyone(request)

    def anyone(self, request: Request) -> Person | None:
        """Anyone who reads; None where reading is not open. Raises RequestForged as `person` does."""
        if not self._reading.everywhere and not self._reading.loopback:
            return None
        if self._reading.listens_on_loopback:
            if not self._reading.everywhere and is_forwarded(request):
                return None  # a proxy passes on what others ask
            self._forgery.require_known_host(request)
        return ANYONE

    def binding(self, request: Request, person: Person) -> str:
        """What the person's CSRF tokens are bound to: the session, or the name where a proxy keeps the session."""
        session = self._sessions.binding(request) if person.how.in_session else None
        return f"{person.how}:{session or person.name}"

    def _of_token(self, request: Request, token: str) -> Person:
        self._callers.require_tokens(request)
        entry = None if self._tokens is None else self._tokens.entry(token)
        if entry is None:
            self._callers.count_token(request)
            raise Unauthenticated(
                "the token is unknown or has expired", hint="an operator makes one with `penstock token`"
            )
        return entry.person


def bearer_token(request: Request) -> str | None:
    """The token of the `Authorization` header; None where there is none. Raises Unauthenticated for several."""
    parts = [value.strip().partition(" ") for value in request.headers.getlist("authorization")]
    found = [token.strip() for scheme, _, token in parts if scheme.lower() == _SCHEME]
    if len(found) > 1:
        raise Unauthenticated("the request has several tokens", hint="send one")
    return found[0] if found else None
