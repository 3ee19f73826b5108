"""The one entrance: who asks, what they may do, and the record of what they did."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from controller.domain.errors.api import Forbidden, RequestForged, TooManyRequests, Unauthenticated
from controller.domain.errors.branches import PenstockError
from controller.service.access.callers import Callers
from controller.service.access.forgery import Forgery
from controller.service.access.gate import SAFE_METHODS, BoundedBodies, Gate, SafeAnswers
from controller.service.access.identifying import Identifying
from controller.service.access.person import How, Person, Role
from controller.service.access.proxy import ProxyHeaders, TrustedProxy
from controller.service.access.refusals import Ways, refuse
from controller.service.access.sessions import Sessions
from controller.service.access.writes import SERVICE, RequestedWrite, WriteLog

log = structlog.get_logger()

T = TypeVar("T")
_PERSON: Final = "penstock_person"
_ORGANIZATION: Final = re.compile("/organizations/([^/]+)")


@dataclass(frozen=True, slots=True)
class AccessParts:
    """What access is made of."""

    identifying: Identifying
    proxy: TrustedProxy
    sessions: Sessions
    callers: Callers
    forgery: Forgery
    writes: WriteLog
    ways: Ways
    """How people can log in."""
    routes: Sequence[Route]
    """The pages of the logins and of the logout."""
    together: Callable[[], AbstractContextManager[None]]
    """One transaction of the store."""
    tls: bool
    """Whether people reach the service over TLS only."""


class Access:
    """Who may see and change what."""

    def __init__(self, parts: AccessParts) -> None:
        self._parts = parts

    def person(self, request: Request) -> Person | None:
        """Who asks; None where there is no credential and reading is not open.

        Raises Unauthenticated for a credential that is not valid, TooManyRequests after too many of them, and
        RequestForged where the request names a host that is not this service.
        """
        if not hasattr(request.state, _PERSON):
            setattr(request.state, _PERSON, self._parts.identifying.person(request))
        found: Person | None = getattr(request.state, _PERSON)
        return found

    def require(self, request: Request, role: Role, organization: str | None = None) -> Person:
        """Who asks, where they have a role in an organisation; without one, in any organisation at all.

        A page or answer about several organisations shows those of which `Person.may` is true. Raises Unauthenticated
        where nobody is known, Forbidden where the person lacks the role, and what `person` raises.
        """
        person = self.person(request)
        if person is not None and person.may(role, organization):
            return person
        if person is None or person.how is How.OPEN:
            raise Unauthenticated("the request has no credential", hint=self._ways_in)
        anyone = self._parts.identifying.anyone(request)
        if anyone is not None and anyone.may(role, organization):
            return anyone
        where = "any organisation" if organization is None else organization
        raise Forbidden(f"{person.name} does not have the role {role} in {where}", hint="an operator gives roles")

    def csrf_token(self, request: Request) -> str:
        """The token for the field `csrf_token` of a form; empty where the person can change nothing by a form."""
        person = self.person(request)
        if person is None or not person.how.ambient:
            return ""
        return self._parts.forgery.token(self._parts.identifying.binding(request, person))

    async def check_csrf(self, request: Request) -> None:
        """Raise RequestForged where a browser sent this without the CSRF token of the person's session.

        A request with a bearer token needs none: no browser adds either on its own. The gate has checked the origin.
        """
        person = self.person(request)
        if person is not None and person.how.ambient:
            await self._parts.forgery.require_token(request, self._parts.identifying.binding(request, person))

    async def write(self, request: Request, write: RequestedWrite, carry_out: Callable[[Person], T]) -> T:
        """What `carry_out` returns, for a person with the role operate; the audit log gets an entry either way.

        `carry_out` gets the person; its writes to the store and the entry are one transaction, in a thread: a store
        that is locked must not hold up the passes. Raises what it raises, what `require` and `check_csrf` raise, and
        StoreFailed.
        """
        address = self.address(request)
        self._parts.callers.require_writes(request)
        try:
            await self.check_csrf(request)
            person = self.require(request, Role.OPERATE, write.organization)
            return await asyncio.to_thread(self._carry_out, write, person, address, carry_out)
        except TooManyRequests:
            raise
        except PenstockError as error:
            await self._refused(request, write, error)
            raise

    def _carry_out(self, write: RequestedWrite, person: Person, address: str, carry_out: Callable[[Person], T]) -> T:
        with self._parts.together():
            result = carry_out(person)
            self._parts.writes.succeeded(write, person, address)
        return result

    def address(self, request: Request) -> str:
        """Where the request comes from, behind the operator's proxies."""
        return self._parts.callers.address(request)

    @property
    def can_log_in(self) -> bool:
        """Whether people can, with an OpenID provider or a token."""
        return self._parts.ways.any

    def refusal(self, request: Request, error: Exception) -> Response:
        """The answer to a refused request. Raises an error that is none of Penstock's again."""
        if not isinstance(error, PenstockError):
            raise error
        return refuse(request, error, ways=self._parts.ways)

    def routes(self) -> list[Route]:
        """The pages of the login; none where nobody can."""
        return list(self._parts.routes)

    def middleware(self) -> list[Middleware]:
        """What every request passes before any route, in this order."""
        return [
            Middleware(SafeAnswers, tls=self._parts.tls),
            Middleware(BoundedBodies),
            Middleware(ProxyHeaders, proxy=self._parts.proxy),
            self._parts.sessions.middleware(),
            Middleware(Gate, admit=self._admit, refuse=self.refusal),
        ]

    async def _admit(self, request: Request) -> None:
        """Raise unless the person has the role that the request's method needs, in any organisation."""
        if request.method in SAFE_METHODS:
            self.require(request, Role.READ)
            return
        self._parts.callers.require_writes(request)
        try:
            self._parts.forgery.require_own_origin(request)
            self.require(request, Role.OPERATE)
        except (Unauthenticated, Forbidden, RequestForged) as error:
            path = request.url.path
            found = _ORGANIZATION.search(path)
            organization = SERVICE if found is None else found[1]
            write = RequestedWrite(verb=f"{request.method} {path}", organization=organization)
            await self._refused(request, write, error)
            raise

    async def _refused(self, request: Request, write: RequestedWrite, error: PenstockError) -> None:
        if isinstance(error, Unauthenticated | Forbidden | RequestForged):
            self._parts.callers.count_write(request)
        person: Person | None = getattr(request.state, _PERSON, None)
        log.warning(
            "write.refused",
            verb=write.verb,
            organization=write.organization,
            person=None if person is None else person.name,
            code=error.code,
        )
        await asyncio.to_thread(self._parts.writes.refused, write, person, self.address(request), error)

    @property
    def _ways_in(self) -> str:
        token = "send a token as `Authorization: Bearer TOKEN`"  # noqa: S105 - a sentence
        return f"log in at /login, or {token}" if self.can_log_in else token
