"""The one entrance: who asks, what they may do, and the record of what they did."""

from __future__ import annotations

from typing import Final

from starlette.requests import Request

from controller.domain.addresses import is_loopback
from controller.domain.clock import Clock
from controller.domain.errors import Forbidden, Unauthenticated
from controller.reconcile.access_settings import AccessSettings
from controller.service.access.forgery import Forgery, binding_of
from controller.service.access.person import ANYONE, Person, Role
from controller.service.access.session_key import session_key
from controller.service.access.tokens import TokenFile

_STATE: Final = "penstock_person"
_FORWARDED = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")


class Access:
    """Who may see and change what."""

    def __init__(self, settings: AccessSettings, clock: Clock) -> None:
        """Raises SettingsInvalid for settings that cannot be used."""
        self._open = settings.read_access == "open"
        self._loopback = is_loopback(settings.http_address.rpartition(":")[0])
        self._open_on_loopback = self._loopback and settings.read_access != "token"
        self._tokens = None if settings.tokens_file is None else TokenFile(settings.tokens_file, clock)
        self._forgery = Forgery(settings.public_url, session_key(settings))

    def person(self, request: Request) -> Person | None:
        """Who asks; None where there is no credential and reading is not open.

        Raises Unauthenticated for a credential that is not valid, and RequestForged where reading is open on loopback
        and the request names another host.
        """
        if not hasattr(request.state, _STATE):
            setattr(request.state, _STATE, self._identified(request))
        found: Person | None = getattr(request.state, _STATE)
        return found

    def require(self, request: Request, role: Role, organization: str | None = None) -> Person:
        """Who asks, where they have a role in an organisation; without one, in any organisation at all.

        A page or answer about several organisations shows those of which `Person.may` is true. Raises Unauthenticated
        where nobody is known, Forbidden where the person lacks the role, and what `person` raises.
        """
        person = self.person(request)
        if person is None:
            raise Unauthenticated("the request has no credential", hint=self._ways_in)
        if not person.may(role, organization):
            where = "any organisation" if organization is None else organization
            raise Forbidden(f"{person.name} has not the role {role} in {where}", hint="an operator gives roles")
        return person

    def csrf_token(self, request: Request) -> str:
        """The token that a form carries in the field `csrf_token`; empty where nobody can change anything by a form."""
        person = self.person(request)
        return self._forgery.token(binding_of(person)) if person is not None and person.how.ambient else ""

    async def check_csrf(self, request: Request) -> None:
        """Raise RequestForged where a page of another site may have made a browser send this.

        A bearer token is no such case: no browser adds it on its own.
        """
        self._forgery.require_own_origin(request)
        person = self.person(request)
        if person is not None and person.how.ambient:
            self._forgery.require_known_host(request)
            await self._forgery.require_token(request, binding_of(person))

    def _identified(self, request: Request) -> Person | None:
        token = bearer_token(request)
        if token is not None:
            return self._of_token(token)
        return self._anyone(request)

    def _of_token(self, token: str) -> Person:
        person = None if self._tokens is None else self._tokens.person(token)
        if person is None:
            raise Unauthenticated(
                "the token is unknown or has expired", hint="an operator makes one with `penstock token`"
            )
        return person

    def _anyone(self, request: Request) -> Person | None:
        """Anyone who reads where reading is open."""
        if not self._open and not self._open_on_loopback:
            return None
        if self._loopback:
            if not self._open and any(name in request.headers for name in _FORWARDED):
                return None  # a proxy listens on behalf of loopback, and others reach it
            self._forgery.require_known_host(request)
        return ANYONE

    @property
    def _ways_in(self) -> str:
        return "send a token as `Authorization: Bearer TOKEN`"


def bearer_token(request: Request) -> str | None:
    """The token of the `Authorization` header; None where there is none. Raises Unauthenticated for two of them."""
    given = request.headers.getlist("authorization")
    found = [value.partition(" ")[2].strip() for value in given if value.partition(" ")[0].lower() == "bearer"]
    if len(found) > 1:
        raise Unauthenticated("the request has several tokens", hint="send one")
    return found[0] if found else None
