"""Every route of `penstock run` needs the role read, or operate where it may change something; a few are open.

The routes are those that the app has: a new one is walked without a change here.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import BaseRoute, Mount, Route

from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.service.controller import Controller
from controller.service.feeds import FolderFeed
from controller.service.followed_repository import RepositorySource
from controller.service.pages.actions import _FORMS
from controller.store.store import Store
from tests.access.served import OPERATOR, PUBLIC_URL, READER, UK, tokens_file
from tests.pages.showroom import flows_of, view_of
from tests.support.clock import SteppedClock
from tests.support.stores import prepare

OPEN = {
    "GET /healthz",
    "GET /readyz",
    "GET /metrics",
    "GET /login",
    "GET /login/callback",
    "GET /login/token",
    "POST /login/token",
    "GET /logout",
    "POST /logout",
    "POST /webhooks/github",
    "POST /webhooks/gitlab",
    "POST /webhooks/gitea",
}
"""Routes without a credential; webhooks have a secret of their own, and logging out harms nobody."""
_OPEN_FOLDER = "/assets"
_REASON = {"reason": "a test"}
_ORDERS: tuple[Mapping[str, str], ...] = (
    _REASON,
    _REASON | {"digest": f"sha256:{0:064}"},
    _REASON | {"flow": "flow-00000"},
    _REASON | {"flow": "flow-00000", "version": "1.0"},
)
"""What writes want to be told."""
_SAFE = {"GET", "HEAD", "OPTIONS"}
_PROXY = "10.1.2.3"
_ELSEWHERE = "us-sales"
"""An organisation in which the token for `uk-*` has no role."""


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A method and a path, with something for each parameter."""

    method: str
    path: str
    template: str

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"

    @property
    def is_open(self) -> bool:
        return self.name.replace("HEAD ", "GET ") in OPEN or (
            self.template.startswith(_OPEN_FOLDER) and self.method in _SAFE
        )

    @property
    def is_safe(self) -> bool:
        return self.method in _SAFE

    @property
    def is_for_operators(self) -> bool:
        """Whether it needs the role operate: a write, or the form of one."""
        return not self.is_safe or re.search(r"^/organizations/\{organization\}/actions/", self.template) is not None

    @property
    def of_an_organization(self) -> bool:
        return re.search(r"/organizations/\{", self.template) is not None


def ways(routes: Sequence[BaseRoute], prefix: str = "") -> Iterator[Way]:
    """Every method and path of these routes and of those that are mounted below. An unknown kind fails."""
    for route in routes:
        router = getattr(route, "original_router", None)  # what FastAPI makes of a router that is included
        if isinstance(route, Route):
            template = prefix + route.path
            for method in sorted(route.methods or _SAFE):
                for verb in _FORMS if "{verb}" in template else ("",):
                    path = template.replace("{verb}", verb)
                    yield Way(method, re.sub(r"\{[^}]*\}", _ELSEWHERE, path), template.replace("{verb}", verb))
        elif router is not None:
            yield from ways(router.routes, prefix + vars(route)["include_context"].prefix)
        elif isinstance(route, Mount) and route.routes:
            yield from ways(route.routes, prefix + route.path)
        else:
            pytest.fail(f"{type(route).__name__} below {prefix!r} is a kind of route that is not walked")


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Starlette]:
    """The whole app, as `penstock run` serves it on all addresses, with every way in."""
    monkeypatch.setenv("PENSTOCK_INCOMING_WEBHOOK_SECRET", "0123456789abcdef0123")
    monkeypatch.setenv("PENSTOCK_OIDC_CLIENT_SECRET", "a secret of the tests")
    with whole_app(tmp_path) as made:
        yield made


@contextmanager
def whole_app(folder: Path) -> Iterator[Starlette]:
    prepare(folder / "routes.db")
    clock, url = SteppedClock(), f"sqlite:///{folder}/routes.db"
    settings = Settings(
        store=url,
        http_address="0.0.0.0:8081",
        public_url=PUBLIC_URL,
        repository_url="https://git.example.com/voice/flows.git",
        tokens_file=tokens_file(folder),
        proxy_addresses=(_PROXY,),
        proxy_user_header="X-Forwarded-User",
        proxy_operators=("alice",),
        oidc_issuer="http://127.0.0.1:9",
        oidc_client_id="penstock",
        oidc_readers=("staff",),
    )
    (folder / "manifests").mkdir()
    with Store.open(url, clock=clock) as store:
        services = Services(settings, store, clock)
        store.views.post(view_of(_ELSEWHERE, clock.now()), flows_of(_ELSEWHERE, clock.now(), 1))
        feed = FolderFeed(folder / "manifests", settings, clock)
        source = RepositorySource("default", settings, feed)
        yield Controller(services, [source], asyncio.Event())._app()


async def status(app: Starlette, way: Way, headers: Mapping[str, str], address: str, body: bytes) -> int:
    """The status of the answer. The rest is not waited for: a stream of events has no end."""
    began: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    path, _, query = way.path.partition("?")
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": way.method,
        "scheme": "https",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [
            (b"content-length", str(len(body)).encode()),
            *((name.lower().encode(), value.encode()) for name, value in headers.items()),
        ],
        "client": (address, 4321),
        "server": ("penstock.example.com", 443),
    }
    given = iter([{"type": "http.request", "body": body, "more_body": False}])

    async def receive() -> Any:
        return next(given, None) or await asyncio.get_running_loop().create_future()

    async def send(message: Any) -> None:
        if message["type"] == "http.response.start" and not began.done():
            began.set_result(message["status"])

    answering = asyncio.ensure_future(app(scope, receive, send))
    await asyncio.wait({answering, began}, return_when=asyncio.FIRST_COMPLETED)
    if not began.done():
        await answering
    answering.cancel()
    await asyncio.gather(answering, return_exceptions=True)
    return began.result()


async def asked(
    app: Starlette, way: Way, token: str | None = None, address: str = "203.0.113.9", body: bytes = b"", **more: str
) -> int:
    headers = {"Host": "penstock.example.com", "Accept": "application/json", "Idempotency-Key": "a-test", **more}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    return await status(app, way, headers, address, body)


async def is_refused(app: Starlette, way: Way, fresh: Iterator[str], token: str | None = None, **more: str) -> bool:
    """Whether the request is refused once it has the form that the route wants; no form of it is carried out."""
    codes = set()
    for orders in _ORDERS:
        forms = {"application/json": json.dumps(orders), "application/x-www-form-urlencoded": urlencode(orders)}
        for kind, body in forms.items():
            each = {"X-Forwarded-For": next(fresh), **more, "Content-Type": kind}
            codes.add(await asked(app, way, token, _PROXY, body.encode(), **each))
    return 403 in codes and codes <= {403, 404, 409, 422}


def addresses() -> Iterator[str]:
    """A new address for each request, so that no limit hides an answer."""
    for number in range(60_000):
        yield f"198.18.{number // 250}.{number % 250 + 1}"


async def test_the_walk_finds_the_routes(app: Starlette) -> None:
    found = {way.name for way in ways(app.routes)}

    assert {"GET /status", "GET /readyz", "POST /webhooks/github", "GET /login", "POST /logout"} <= found
    assert found >= OPEN


async def test_the_walk_finds_all_that_the_api_describes(app: Starlette) -> None:
    found = {way.name for way in ways(app.routes)}
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=PUBLIC_URL) as client:
        answer = await client.get("/api/v1/openapi.json", headers={"Authorization": f"Bearer {READER}"})
    paths = answer.json()["paths"]
    described = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}

    assert len([name for name in described if name.startswith("POST ")]) >= 7
    assert {name if "/api/v1" in name else name.replace(" /", " /api/v1/", 1) for name in described} <= {
        re.sub(r":\w+}", "}", name) for name in found
    }


async def test_nothing_answers_without_a_credential_but_what_is_open(app: Starlette) -> None:
    fresh = addresses()
    answers = {way: await asked(app, way, address=next(fresh)) for way in ways(app.routes)}

    assert {way.name for way, code in answers.items() if not way.is_open and code != 401} == set()


async def test_a_reader_reads_everything_and_writes_nothing(app: Starlette) -> None:
    fresh = addresses()
    for way in ways(app.routes):
        if way.is_open:
            continue
        code = await asked(app, way, READER, next(fresh))
        assert (code in (401, 403)) == way.is_for_operators, (way, code)


async def test_an_operator_is_refused_nowhere(app: Starlette) -> None:
    fresh = addresses()
    for way in ways(app.routes):
        if not way.is_open:
            assert await asked(app, way, OPERATOR, next(fresh)) not in (401, 403), way


async def test_a_role_in_other_organisations_is_none_in_this_one(app: Starlette) -> None:
    fresh = addresses()
    for way in ways(app.routes):
        if way.of_an_organization:
            assert await is_refused(app, way, fresh, UK), way


async def test_a_browser_writes_nothing_without_the_token_of_its_session(app: Starlette) -> None:
    fresh = addresses()
    for way in ways(app.routes):
        if not way.is_safe and not way.is_open:
            browser = {"X-Forwarded-User": "alice", "Origin": PUBLIC_URL}
            assert await is_refused(app, way, fresh, **browser), way


async def test_a_path_that_nothing_answers_is_closed_as_well(app: Starlette) -> None:
    fresh = addresses()
    for method in ("GET", "POST", "PUT", "DELETE", "PATCH", "TRACE"):
        for path in ("/nowhere", "/api/v1/nowhere", "/healthz/", "/HEALTHZ", "//healthz", "/metrics/x", "/login/x"):
            assert await asked(app, Way(method, path, path), address=next(fresh)) == 401, (method, path)
