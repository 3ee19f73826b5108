"""How a refused request is answered: a problem document for programs, a page or the way to the login for people."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from controller.domain.errors.api import Unauthenticated
from controller.domain.errors.branches import PenstockError
from controller.service.access.statuses import status_of
from controller.service.assets import assets
from controller.service.problems import error_headers, problem_response

LOGIN: Final = "/login"
TOKEN_LOGIN: Final = f"{LOGIN}/token"
_LONGEST_ADDRESS: Final = 512
_API: Final = "/api/"
_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
)

Refusal = Callable[[Request, PenstockError], Response]
"""Makes the answer to a request that was refused."""


@dataclass(frozen=True, slots=True)
class Ways:
    """How people can log in."""

    provider: bool
    """With an OpenID provider."""
    token: bool
    """With a token that the operator gives."""

    @property
    def any(self) -> bool:
        """Whether anybody can."""
        return self.provider or self.token


def refuse(request: Request, error: PenstockError, *, ways: Ways) -> Response:
    """The answer to a refused request."""
    status = status_of(error)
    if not _wants_page(request):
        return problem_response(error, status)
    if ways.any and isinstance(error, Unauthenticated) and request.method in ("GET", "HEAD"):
        return RedirectResponse(f"{LOGIN}?next={quote(_own_address(request), safe='/')}", HTTPStatus.SEE_OTHER)
    headers = dict(error_headers(error))
    page = message_page(status.phrase, error.message, error.hint, ways=ways)
    page.status_code = status
    page.headers.update(headers)
    return page


def message_page(title: str, message: str, hint: str | None, *, ways: Ways, onward: str | None = None) -> HTMLResponse:
    """A page with a title, one message and a way on; to `onward` it leads on its own."""
    return HTMLResponse(_page("message", title, ways, message=message, hint=hint, refresh=onward))


def token_page(
    address: str, csrf: str, onward: str, error: PenstockError | None, *, status: HTTPStatus, ways: Ways
) -> HTMLResponse:
    """The form that takes a token; `error` is why it did not take the last one."""
    shown = Ways(provider=ways.provider, token=False)
    text = _page("token", "Log in with a token", shown, address=address, csrf=csrf, onward=onward, error=error)
    return HTMLResponse(text, status)


def own_path(address: object) -> str:
    """The address where it is a path of this service; else the first page. No login leads to another site."""
    if not isinstance(address, str) or not address.startswith("/") or address.startswith(("//", "/\\")):
        return "/"
    return address if address.isascii() and address.isprintable() and len(address) <= _LONGEST_ADDRESS else "/"


def _page(template: str, title: str, ways: Ways, **values: object) -> str:
    links = {"login": LOGIN if ways.any else None, "token_login": TOKEN_LOGIN if ways.provider and ways.token else None}
    shown = {"refresh": None, **links, **values}
    return _PAGES.get_template(f"{template}.html.jinja").render(title=title, style=assets().style, **shown)


def _wants_page(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith(_API)


def _own_address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
