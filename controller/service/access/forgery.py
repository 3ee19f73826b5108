"""Recognises requests that a page of another site makes a person's browser send.

Three checks: the `Host` header, against a name that was made to lead to loopback (DNS rebinding); the `Origin` header,
against forms and scripts of other sites; and a token in each form, which only pages of the service can read.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

from starlette.datastructures import FormData
from starlette.requests import Request

from controller.domain.addresses import is_loopback
from controller.domain.errors.api import RequestForged
from controller.domain.web_origin import host_of, web_origin

FIELD: Final = "csrf_token"
"""The field of a form that has the token."""
HEADER: Final = "x-csrf-token"
"""The header that has it where a script sends something else than a form."""
_FORM: Final = "application/x-www-form-urlencoded"
"""The only kind of form that the pages have: parts of the other kind would be files on disk."""


class Forgery:
    """Tells a request of the service's own pages from one of another site."""

    def __init__(self, public_url: str | None, key: bytes) -> None:
        self._public_url = public_url
        self._public_host = None if public_url is None else host_of(public_url.partition("://")[2])
        self._key = hmac.new(key, b"csrf", hashlib.sha256).digest()

    def require_known_host(self, request: Request) -> None:
        """Raise RequestForged unless the request names this machine, or the host of PENSTOCK_PUBLIC_URL."""
        named = request.headers.getlist("host")
        host = host_of(named[0]) if len(named) == 1 else None
        if host is None or not (is_loopback(host) or host == self._public_host):
            raise RequestForged(
                "the request names a host that is not this service",
                hint="open the service at loopback or at PENSTOCK_PUBLIC_URL",
            )

    def require_own_origin(self, request: Request) -> None:
        """Raise RequestForged where a browser says that a page of another site sent the request."""
        origins = request.headers.getlist("origin")
        if not origins and request.headers.get("sec-fetch-site", "same-origin") in ("same-origin", "none"):
            return
        if len(origins) != 1 or not self._is_own(origins[0], request):
            raise RequestForged(
                "the request comes from a page of another site",
                hint="use the pages of this service, at the address in PENSTOCK_PUBLIC_URL",
            )

    def _is_own(self, origin: str, request: Request) -> bool:
        try:
            given = web_origin(origin)
        except ValueError:
            return False
        if given == self._public_url:
            return True
        # Without PENSTOCK_PUBLIC_URL the service has no name: loopback is all that is known to be its own.
        host = host_of(given.partition("://")[2])
        return host is not None and is_loopback(host) and given == f"http://{request.headers.get('host', '').lower()}"

    def token(self, binding: str) -> str:
        """The token that is bound to a session or, where a proxy keeps the session, to a person."""
        return hmac.new(self._key, binding.encode(), hashlib.sha256).hexdigest()

    async def require_token(self, request: Request, binding: str) -> None:
        """Raise RequestForged unless the header or the form has the token. The comparison takes constant time."""
        given = request.headers.get(HEADER) or _text(await _form(request), FIELD)
        if not hmac.compare_digest(given.encode(), self.token(binding).encode()):
            raise RequestForged(
                "the request has no valid CSRF token" if given else "the request has no CSRF token",
                hint="load the page again and repeat the action",
            )


async def _form(request: Request) -> FormData:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return await request.form() if kind == _FORM else FormData()


def _text(form: FormData, name: str) -> str:
    value = form.get(name)
    return value if isinstance(value, str) else ""
