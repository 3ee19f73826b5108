"""An organisation that answers what a test writes down: for faults that a well-behaved server would not send."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import httpx

from controller.domain.clock import Clock
from controller.domain.desired import Endpoint
from controller.genesys.connect import open_transport
from controller.genesys.settings import TransportSettings
from controller.genesys.transport import Transport

API = "https://api.genesys.test"
LOGIN = "https://login.genesys.test"
SECRET = "s3cr3t-of-the-client"

Reply = httpx.Response | Exception
Handler = Callable[[httpx.Request], httpx.Response]


def reply(status: int = 200, body: object = None, *, headers: dict[str, str] | None = None) -> httpx.Response:
    """A JSON answer."""
    return httpx.Response(status, headers=headers, content=json.dumps(body if body is not None else {}).encode())


def refusal(status: int, code: str, message: str, **fields: object) -> httpx.Response:
    """An ErrorBody as Genesys sends it."""
    return reply(status, {"status": status, "code": code, "message": message, **fields})


@dataclass
class ScriptedOrganization:
    """Gives the scripted replies in turn, then the last one for ever; tokens are always granted unless scripted."""

    replies: list[Reply | Handler] = field(default_factory=list)
    token_replies: list[Reply | Handler] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    token_requests: list[httpx.Request] = field(default_factory=list)

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token":
            self.token_requests.append(request)
            return _answer(_next(self.token_replies) or granted(f"token-{len(self.token_requests)}"), request)
        self.requests.append(request)
        return _answer(_next(self.replies) or reply(), request)

    def transport(self, clock: Clock, settings: TransportSettings | None = None) -> Transport:
        """The real transport in front of this organisation."""
        return open_transport(
            Endpoint(None, API, LOGIN),
            "client",
            SECRET,
            clock=clock,
            settings=settings or TransportSettings(),
            http=httpx.MockTransport(self),
        )


def script(*replies: Reply | Handler, tokens: Iterable[Reply | Handler] = ()) -> ScriptedOrganization:
    return ScriptedOrganization(list(replies), list(tokens))


def granted(value: str = "a-token", *, for_s: float = 86_400) -> httpx.Response:
    """A token."""
    return reply(body={"access_token": value, "expires_in": for_s})


def _next(replies: list[Reply | Handler]) -> Reply | Handler | None:
    if not replies:
        return None
    return replies.pop(0) if len(replies) > 1 else replies[0]


def _answer(given: Reply | Handler, request: httpx.Request) -> httpx.Response:
    if callable(given):
        return given(request)
    if isinstance(given, httpx.Response):
        # A fresh copy: a response can be read once, and the last one is given again and again.
        return httpx.Response(given.status_code, headers=given.headers, content=given.content)
    raise given
