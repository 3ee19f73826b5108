"""The service's app with an access of its own, and one route that changes something, driven over ASGI."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import yaml
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from controller.reconcile.services import Services
from controller.reconcile.settings import Settings
from controller.service.access.access import Access
from controller.service.access.opening import open_access
from controller.service.access.person import Person
from controller.service.access.tokens import hash_of
from controller.service.access.writes import RequestedWrite
from controller.service.board import Board
from controller.service.http import create_app, service_routes
from controller.service.window import ServiceWindow
from controller.store.audit import AuditEntry
from controller.store.audit_reading import AuditQuery, AuditReading
from controller.store.store import Store
from tests.support.clock import SteppedClock
from tests.support.stores import prepare

PUBLIC_URL = "https://penstock.example.com"
CLIENT = "203.0.113.9"
"""Where requests come from, unless a test says otherwise."""
OPERATOR = "penstock_operator-token-of-the-tests-000000000000"
READER = "penstock_reader-token-of-the-tests-00000000000000"
UK = "penstock_uk-operator-token-of-the-tests-0000000000"


@dataclass
class Served:
    """One app with its store and clock."""

    app: Starlette
    access: Access
    store: Store
    url: str
    clock: SteppedClock
    suspended: list[tuple[str, str]] = field(default_factory=list)
    """What the route that changes something did: organisation and person."""

    def client(self, token: str | None = None, address: str = CLIENT, **more: Any) -> httpx.AsyncClient:
        """A program or browser that does not follow redirects."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app, client=(address, 4321)),
            base_url=more.pop("base_url", PUBLIC_URL),
            headers=headers | more.pop("headers", {}),
            **more,
        )

    def entries(self) -> list[AuditEntry]:
        """The audit log, oldest first."""
        reading = AuditReading.open(self.url)
        try:
            return list(reading.oldest_first(AuditQuery()))
        finally:
            reading.close()


@contextmanager
def served(folder: Path, **settings: Any) -> Iterator[Served]:
    """The app with these settings; it listens on all addresses and knows three tokens, unless they say otherwise."""
    prepare(folder / "access.db")
    url, clock = f"sqlite:///{folder}/access.db", SteppedClock()
    given = {"http_address": "0.0.0.0:8081", "public_url": PUBLIC_URL, "tokens_file": tokens_file(folder)} | settings
    with Store.open(url, clock=clock) as store:
        services = Services(Settings(store=url, **given), store, clock)
        access = open_access(services.settings, store, clock)
        window = ServiceWindow(services, lambda: (), lambda _organization, _reason: None, access)
        made = Served(Starlette(), access, store, url, clock)
        routes = service_routes(Board(clock), CollectorRegistry(), dict)
        made.app = create_app([*routes, *_own_routes(made)], window)
        yield made


def tokens_file(folder: Path) -> Path:
    """A file with the three tokens."""
    path = folder / "tokens.yaml"
    entries = [
        {"name": "operator", "hash": hash_of(OPERATOR), "role": "operate"},
        {"name": "reader", "hash": hash_of(READER), "role": "read"},
        {"name": "uk", "hash": hash_of(UK), "role": "operate", "organizations": ["uk-*"]},
    ]
    path.write_text(yaml.safe_dump({"tokens": entries}), encoding="utf-8")
    return path


def _own_routes(made: Served) -> list[Route]:
    """Routes as the API and the page have them."""

    async def suspend(request: Request) -> Response:
        organization = request.path_params["organization"]

        def carry_out(person: Person) -> None:
            made.store.suspensions.suspend(organization, by=person.name, reason="a test")
            made.suspended.append((organization, person.name))

        write = RequestedWrite(verb="suspend", organization=organization, reason="a test")
        await made.access.write(request, write, carry_out)
        return PlainTextResponse("done")

    async def who(request: Request) -> Response:
        person = made.access.person(request)
        name = None if person is None else person.name
        return JSONResponse({"name": name, "csrf": made.access.csrf_token(request)})

    async def headers(request: Request) -> Response:
        return JSONResponse(dict(request.headers))

    return [
        Route("/headers", headers),
        Route("/organizations/{organization}/suspend", suspend, methods=["POST"]),
        Route("/who", who),
    ]
