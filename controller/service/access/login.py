"""The pages of the login with an OpenID provider: there, and back."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from controller.domain.errors.api import Forbidden, LoginFailed, LoginUnavailable, TooManyRequests
from controller.domain.errors.branches import PenstockError
from controller.service.access.callers import Callers
from controller.service.access.oidc import OpenIdProvider
from controller.service.access.person import Person
from controller.service.access.refusals import LOGIN, Ways, own_path, refuse
from controller.service.access.sessions import Sessions
from controller.service.access.writes import SERVICE, RequestedWrite, WriteLog

log = structlog.get_logger()

CALLBACK: Final = f"{LOGIN}/callback"
_NEXT: Final = "next"


class Login:
    """Logs people in."""

    def __init__(
        self, provider: OpenIdProvider, sessions: Sessions, callers: Callers, writes: WriteLog, ways: Ways
    ) -> None:
        self._provider = provider
        self._sessions = sessions
        self._callers = callers
        self._writes = writes
        self._ways = ways

    def routes(self) -> list[Route]:
        """`GET /login` and `GET /login/callback`."""
        return [Route(LOGIN, self._begin), Route(CALLBACK, self._finish)]

    async def _begin(self, request: Request) -> Response:
        try:
            self._callers.begin_login(request)
            request.session[_NEXT] = own_path(request.query_params.get(_NEXT, "/"))
            return await self._provider.begin(request)
        except (TooManyRequests, LoginUnavailable, LoginFailed) as error:
            log.warning("login.refused", code=error.code, error=error.message)
            return refuse(request, error, ways=self._ways)

    async def _finish(self, request: Request) -> Response:
        try:
            self._callers.require_logins(request)
            onward = own_path(request.session.get(_NEXT, "/"))
            identity = await self._provider.finish(request)
            person = self._sessions.begin(request, identity.name, identity.subject, identity.groups)
            self._require_a_role(request, person)
            await asyncio.to_thread(self._writes.succeeded, _LOGIN, person, self._callers.address(request))
            return RedirectResponse(onward, HTTPStatus.SEE_OTHER)
        except (TooManyRequests, LoginUnavailable, LoginFailed, Forbidden) as error:
            return await self._not_logged_in(request, error)

    def _require_a_role(self, request: Request, person: Person) -> None:
        """Raise Forbidden, and end the session, where none of the person's groups leads to a role."""
        if not person.grants:
            self._sessions.end(request)
            raise Forbidden(f"{person.name} is in no group that has a role", hint="an operator gives roles")

    async def _not_logged_in(self, request: Request, error: PenstockError) -> Response:
        cause = error.__cause__
        log.warning("login.refused", code=error.code, error=error.message, cause=None if cause is None else str(cause))
        if isinstance(error, LoginFailed | Forbidden):
            self._callers.count_login(request)
            await asyncio.to_thread(self._writes.refused, _LOGIN, None, self._callers.address(request), error)
        return refuse(request, error, ways=self._ways)


_LOGIN: Final = RequestedWrite(verb="login", organization=SERVICE)
