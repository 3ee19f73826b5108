"""How a refused request is answered: a problem document for programs, a page or the way to the login for people."""

from __future__ import annotations

from collections.abc import Callable
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
_API: Final = "/api/"
_PAGES: Final = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=select_autoescape(default=True, default_for_string=True),
    undefined=StrictUndefined,
)

Refusal = Callable[[Request, PenstockError], Response]
"""Makes the answer to a request that was refused."""


def refuse(request: Request, error: PenstockError, *, login: bool) -> Response:
    """The answer to a refused request; `login` is whether people can log in."""
    status = status_of(error)
    if not _wants_page(request):
        return problem_response(error, status)
    if login and isinstance(error, Unauthenticated) and request.method in ("GET", "HEAD"):
        return RedirectResponse(f"{LOGIN}?next={quote(_own_address(request), safe='/')}", HTTPStatus.SEE_OTHER)
    headers = dict(error_headers(error))
    return message_page(status.phrase, error.message, error.hint, status=status, login=login, headers=headers)


def message_page(
    title: str,
    message: str,
    hint: str | None,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    login: bool = False,
    headers: dict[str, str] | None = None,
) -> HTMLResponse:
    """A page with a title, one message and a way on."""
    text = _PAGES.get_template("message.html.jinja").render(
        title=title, message=message, hint=hint, login=LOGIN if login else None, style=assets().style
    )
    return HTMLResponse(text, status, headers)


def _wants_page(request: Request) -> bool:
    accepts = request.headers.get("accept", "")
    return "text/html" in accepts and not request.url.path.startswith(_API)


def _own_address(request: Request) -> str:
    query = request.url.query
    return f"{request.url.path}?{query}" if query else request.url.path
