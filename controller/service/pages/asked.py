"""One request for a page: who asks, what the frame of the page shows, and errors as pages in the same look."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

import structlog
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from controller import __version__
from controller.domain.errors.api import Unauthenticated, UnknownResource
from controller.domain.errors.branches import PenstockError
from controller.service.access.logout import LOGOUT
from controller.service.access.person import How, Person, Role
from controller.service.access.refusals import LOGIN
from controller.service.access.statuses import STATUSES, status_of
from controller.service.assets import Assets, assets
from controller.service.described import Described
from controller.service.pages.rendering import fill
from controller.service.problems import error_headers
from controller.service.window import ServiceWindow

log = structlog.get_logger()

EVENTS: Final = "/api/v1/events"
_NO_STORE: Final = {"cache-control": "no-store"}
_PLACES: Final = (("Organisations", "/"), ("Running", "/running"), ("Syncs", "/syncs"), ("Audit", "/audit"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What every page has around its content."""

    assets: Assets
    now: datetime
    person: Person | None = None
    csrf: str = ""
    login: str | None = None
    """The address of the login; None without a login, and for a person who is logged in already."""
    logout: str | None = None
    places: tuple[tuple[str, str], ...] = _PLACES
    place: str = ""
    """The address of the place where the person is."""
    live: bool = False
    """Whether parts of the page follow events."""
    events: str = EVENTS
    version: str = ""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request by a person who may read the answer."""

    window: ServiceWindow
    request: Request
    person: Person
    organization: str = ""
    """The organisation of the address; empty where the page is about several."""
    form: Mapping[str, str] = field(default_factory=dict)
    """What a form sent; nothing of it is checked."""

    @property
    def now(self) -> datetime:
        return self.window.services.clock.now()

    @property
    def described(self) -> list[str]:
        """The organisations that the manifests describe."""
        return [each.organization.name for each in self.window.described()]

    def description(self) -> Described | None:
        """The organisation of the address with its manifests; None before they were read."""
        return self.window.description(self.organization)

    def desired(self) -> Described:
        """As `description`, and it is described. Raises UnknownResource."""
        found = self.description()
        if found is None:
            raise UnknownResource(f"no manifest that was read describes the organisation {self.organization}")
        return found

    def query(self, name: str) -> str:
        """A field of the query, without blanks around it; empty where it is not given."""
        return self.request.query_params.get(name, "").strip()

    def may_operate(self, organization: str) -> bool:
        return self.person.may(Role.OPERATE, organization)

    def page(self, template: str, place: str = "", *, live: bool = False, status: int = 200, **values: Any) -> Response:
        """The answer with a page; `live` where parts of it follow events."""
        frame = _frame(self.window, self.request, self.person, place=place, live=live)
        return HTMLResponse(fill(template, frame=frame, **values), status, _NO_STORE)


Endpoint = Callable[[Request], Awaitable[Response]]


class Pages:
    """Turns functions that answer into endpoints: the person is asked for first, and an error becomes a page."""

    def __init__(self, window: ServiceWindow) -> None:
        self._window = window

    def reading(self, answer: Callable[[Asked], Response]) -> Endpoint:
        """The endpoint of a page for everyone who may read its organisation; it may block, and runs in a thread."""

        return self.awaiting(lambda asked: asyncio.to_thread(answer, asked))

    def awaiting(self, answer: Callable[[Asked], Awaitable[Response]]) -> Endpoint:
        """As `reading`, for an answer that is awaited."""
        return self._endpoint(Role.READ, answer)

    def operating(self, answer: Callable[[Asked], Awaitable[Response]]) -> Endpoint:
        """The endpoint of a form for those who may operate its organisation."""
        return self._endpoint(Role.OPERATE, answer)

    def _endpoint(self, role: Role, answer: Callable[[Asked], Awaitable[Response]]) -> Endpoint:
        async def endpoint(request: Request) -> Response:
            organization = request.path_params.get("organization")
            try:
                person = await asyncio.to_thread(self._window.access.require, request, role, organization)
                form = await request.form() if request.method == "POST" else {}
                given = {name: value for name, value in form.items() if isinstance(value, str)}
                return await answer(Asked(self._window, request, person, organization or "", given))
            except PenstockError as error:
                return self.refused(request, error)

        return endpoint

    def refused(self, request: Request, error: PenstockError) -> Response:
        """The page of an error; an unknown person who can log in is led there."""
        access, status = self._window.access, status_of(error, _STATUSES, HTTPStatus.SERVICE_UNAVAILABLE)
        if isinstance(error, Unauthenticated) and access.can_log_in:
            return access.refusal(request, error)
        if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            log.warning("page.failed", code=error.code, error=error.message, path=request.url.path)
        try:
            person = access.person(request)
        except PenstockError:
            person = None
        title = _TITLES.get(status, status.phrase)
        frame = _frame(self._window, request, person)
        text = fill("failure", frame=frame, title=title, message=error.message, hint=error.hint, code=error.code)
        return HTMLResponse(text, status, {**_NO_STORE, **error_headers(error)})

    def handlers(self) -> Mapping[Any, Any]:
        """What answers where no route did: an address that there is not, a method that it does not take, a fault."""
        return {404: self._not_found, 405: self._not_found, 500: self._broken}

    async def _not_found(self, _: Request, error: Exception) -> Response:
        """The page of an address that there is not, and of a method that an address does not take."""
        status = HTTPStatus(error.status_code if isinstance(error, HTTPException) else 404)
        return self._plain_failure(status, _TITLES.get(status, status.phrase), "There is no page at this address.")

    async def _broken(self, request: Request, error: Exception) -> Response:
        """The page of a fault of our own. It tells nothing of the fault, which is in the log."""
        log.error("page.broke", path=request.url.path, exc_info=error)
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        return self._plain_failure(status, "Internal fault", "The page could not be made; the log says why.")

    def _plain_failure(self, status: HTTPStatus, title: str, message: str) -> Response:
        frame = Frame(assets=assets(), now=self._window.services.clock.now())
        text = fill("failure", frame=frame, title=title, message=message, hint=None, code=None)
        return HTMLResponse(text, status, _NO_STORE)


_TITLES: Final[Mapping[HTTPStatus, str]] = {
    HTTPStatus.UNAUTHORIZED: "Please log in",
    HTTPStatus.FORBIDDEN: "Not allowed",
    HTTPStatus.NOT_FOUND: "Not found",
    HTTPStatus.TOO_MANY_REQUESTS: "Too many requests",
    HTTPStatus.SERVICE_UNAVAILABLE: "Not available now",
}


_STATUSES: Final[Mapping[type[PenstockError], HTTPStatus]] = {**STATUSES, UnknownResource: HTTPStatus.NOT_FOUND}


def _frame(
    window: ServiceWindow, request: Request, person: Person | None, *, place: str = "", live: bool = False
) -> Frame:
    access, known = window.access, person is not None and person.how is not How.OPEN
    return Frame(
        assets=assets(),
        now=window.services.clock.now(),
        person=person if known else None,
        csrf=access.csrf_token(request) if person is not None else "",
        login=LOGIN if access.can_log_in and not known else None,
        logout=LOGOUT if person is not None and person.how.in_session else None,
        place=place,
        live=live,
        version=__version__ if known else "",
    )
