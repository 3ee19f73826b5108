"""The login of a person who has a token and no OpenID provider: it is typed in once, and a session takes its place."""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from controller.domain.errors.api import LoginFailed, RequestForged, TooManyRequests
from controller.domain.errors.branches import PenstockError
from controller.service.access.callers import Callers
from controller.service.access.forgery import Forgery
from controller.service.access.refusals import LOGIN, TOKEN_LOGIN, Ways, own_path, refuse, token_page
from controller.service.access.sessions import Sessions
from controller.service.access.statuses import status_of
from controller.service.access.tokens import TokenFile
from controller.service.access.writes import SERVICE, RequestedWrite, WriteLog

log = structlog.get_logger()

_FORM: Final = "login"
"""What the cookie says of the form that was shown, which has no session yet."""
_LONGEST: Final = 4096
"""Characters of a token that are looked at."""


class TokenLogin:
    """Takes a token by a form, once, and never shows or keeps it."""

    def __init__(
        self, tokens: TokenFile, sessions: Sessions, callers: Callers, forgery: Forgery, writes: WriteLog, ways: Ways
    ) -> None:
        self._tokens = tokens
        self._sessions = sessions
        self._callers = callers
        self._forgery = forgery
        self._writes = writes
        self._ways = ways

    def routes(self) -> list[Route]:
        """The form, and where it is sent. Without a provider, `/login` leads to it."""
        routes = [
            Route(TOKEN_LOGIN, self._show, methods=["GET"]),
            Route(TOKEN_LOGIN, self._enter, methods=["POST"]),
        ]
        return routes if self._ways.provider else [*routes, Route(LOGIN, self._lead, methods=["GET"])]

    async def _lead(self, request: Request) -> Response:
        query = f"?{request.url.query}" if request.url.query else ""
        return RedirectResponse(f"{TOKEN_LOGIN}{query}", HTTPStatus.SEE_OTHER)

    async def _show(self, request: Request) -> Response:
        request.session.setdefault(_FORM, secrets.token_urlsafe(16))
        return self._form(request, request.query_params.get("next", "/"))

    def _form(self, request: Request, onward: object, error: PenstockError | None = None) -> Response:
        csrf = self._forgery.token(self._binding(request))
        status = HTTPStatus.OK if error is None else status_of(error)
        return token_page(TOKEN_LOGIN, csrf, own_path(onward), error, status=status, ways=self._ways)

    async def _enter(self, request: Request) -> Response:
        onward = (await request.form()).get("next", "/")
        try:
            self._callers.require_logins(request)
            self._callers.require_tokens(request)
            self._forgery.require_own_origin(request)
            await self._forgery.require_token(request, self._binding(request))
            return await self._begin(request, own_path(onward))
        except TooManyRequests as error:
            return refuse(request, error, ways=self._ways)
        except (LoginFailed, RequestForged) as error:
            await self._refused(request, error)
            request.session.setdefault(_FORM, secrets.token_urlsafe(16))
            return self._form(request, onward, error)

    async def _begin(self, request: Request, onward: str) -> Response:
        """Begin a session. Raises LoginFailed."""
        given = (await request.form()).get("token", "")
        entry = self._tokens.entry(given.strip()[:_LONGEST] if isinstance(given, str) else "")
        if entry is None:
            self._callers.count_token(request)
            raise LoginFailed("the token is unknown or has expired", hint="an operator gives tokens")
        person = self._sessions.begin_with_token(request, entry)
        await asyncio.to_thread(self._writes.succeeded, _ENTERS, person, self._callers.address(request))
        return RedirectResponse(onward, HTTPStatus.SEE_OTHER)

    async def _refused(self, request: Request, error: PenstockError) -> None:
        log.warning("login.refused", code=error.code, error=error.message)
        self._callers.count_login(request)
        await asyncio.to_thread(self._writes.refused, _ENTERS, None, self._callers.address(request), error)

    @staticmethod
    def _binding(request: Request) -> str:
        return f"{_FORM}:{request.session.get(_FORM, '')}"


_ENTERS: Final = RequestedWrite(verb="login", organization=SERVICE)
