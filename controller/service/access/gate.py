"""What every request passes before any route: the headers of answers, the size of bodies, and the role that it needs.

Each path needs a login, except those listed here; a method that may change something needs the role operate. So a route
that forgets to ask is closed, and routes only add for which organisation.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Final

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.domain.errors.branches import PenstockError
from controller.service.access.refusals import Refusal

OPEN_PATHS: Final = frozenset(
    {"/healthz", "/readyz", "/metrics", "/login", "/login/callback", "/login/token", "/logout"}
)
"""Paths without a credential: probes, metrics, and the way to a login."""
OPEN_FOLDERS: Final = ("/webhooks/", "/assets/")
"""Below these, too: forges' webhooks prove themselves with their own secret, and assets are files of the product."""
SAFE_METHODS: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing (RFC 9110, section 9.2.1)."""
LARGEST_BODY: Final = 1024**2
"""Bytes of a request to the API or a page. Webhooks have a limit of their own."""
_OWN_LIMIT: Final = "/webhooks/"
_POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; "
    "manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = {
    "content-security-policy": _POLICY,
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cache-control": "no-store",
}
_HSTS: Final = "max-age=31536000"


class SafeAnswers:
    """Adds the headers that make browsers careful, unless a route sets its own."""

    def __init__(self, app: ASGIApp, *, tls: bool) -> None:
        """`tls` is whether people reach the service over TLS only."""
        self._app = app
        self._headers = _HEADERS | ({"strict-transport-security": _HSTS} if tls else {})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers)


class BodyTooLong(Exception):  # noqa: N818 - it ends the reading of one request
    """The body has more bytes than are read."""


class BoundedBodies:
    """Refuses bodies that are too long, as they are announced and as they arrive."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_OWN_LIMIT):
            await self._app(scope, receive, send)
            return
        announced = Request(scope).headers.get("content-length", "0")
        if not announced.isdecimal() or int(announced[:20]) > LARGEST_BODY:
            await _too_long()(scope, receive, send)
            return
        began = False

        async def send_noticed(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, _bounded(receive), send_noticed)
        except BodyTooLong:
            if began:
                raise
            await _too_long()(scope, receive, send)


def _bounded(receive: Receive) -> Receive:
    """Receives a body until it is too long; raises BodyTooLong then."""
    left = LARGEST_BODY

    async def receive_bounded() -> Message:
        nonlocal left
        message = await receive()
        left -= len(message.get("body", b""))
        if left < 0:
            raise BodyTooLong
        return message

    return receive_bounded


def _too_long() -> Response:
    text = f"the body has more than {LARGEST_BODY} bytes\n"
    return PlainTextResponse(text, HTTPStatus.REQUEST_ENTITY_TOO_LARGE, {"connection": "close"})


class Gate:
    """Lets a request pass to the routes, or answers why not."""

    def __init__(self, app: ASGIApp, admit: Callable[[Request], Awaitable[None]], refuse: Refusal) -> None:
        self._app = app
        self._admit = admit
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope.setdefault("state", {})
        request = Request(scope, receive)
        try:
            if not is_open(scope["path"]):
                await self._admit(request)
        except PenstockError as error:
            await self._refuse(request, error)(scope, receive, send)
            return
        await self._app(scope, receive, send)


def is_open(path: str) -> bool:
    """Whether a path needs no credential."""
    return path in OPEN_PATHS or path.startswith(OPEN_FOLDERS)
