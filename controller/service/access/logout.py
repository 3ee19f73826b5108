"""The end of a session: here, and where the provider tells how, at the provider, too."""

from __future__ import annotations

from http import HTTPStatus
from typing import Final

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from controller.service.access.oidc import OpenIdProvider
from controller.service.access.person import How
from controller.service.access.refusals import Ways, message_page
from controller.service.access.sessions import Sessions

LOGOUT: Final = "/logout"
_GOES_ON: Final = "logged-out"
"""What the cookie says until the page of the logout was shown: the session with the provider goes on."""


class Logout:
    """Logs people out."""

    def __init__(self, sessions: Sessions, provider: OpenIdProvider | None, ways: Ways) -> None:
        self._sessions = sessions
        self._provider = provider
        self._ways = ways

    def routes(self) -> list[Route]:
        """`POST /logout` ends a session, `GET /logout` is the page after that."""
        return [
            Route(LOGOUT, self._logged_out, methods=["GET"]),
            Route(LOGOUT, self._end, methods=["POST"]),
        ]

    async def _end(self, request: Request) -> Response:
        """End the session. A page of another site cannot: the same-site cookie is not sent with its form."""
        person = self._sessions.person(request)
        self._sessions.end(request)
        if person is not None and person.how is How.OIDC:
            request.session[_GOES_ON] = True
        return RedirectResponse(LOGOUT, HTTPStatus.SEE_OTHER)

    async def _logged_out(self, request: Request) -> Response:
        """A page, which leads on to the provider after a logout, and never after a mere link to it.

        The form itself cannot lead there: browsers hold a redirect against the policy for forms, too.
        """
        goes_on = request.session.pop(_GOES_ON, None) is not None
        onward = await self._provider.logout_address() if goes_on and self._provider is not None else None
        said = "Your session with Penstock has ended."
        if onward is not None:
            said = f"{said} The session with the provider ends at the provider."
        elif goes_on:
            said = f"{said} The session with the provider may go on."
        return message_page("Logged out", said, None, ways=self._ways, onward=onward)
