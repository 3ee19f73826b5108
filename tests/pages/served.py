"""The pages over ASGI, and on a port of this machine for a browser; a proxy tells who asks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any

import httpx
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from controller.domain.clock import Clock, SystemClock
from controller.service.access.opening import open_access
from controller.service.api.app import create_api
from controller.service.api.paths import ApiMount
from controller.service.board import Board
from controller.service.described import described_in
from controller.service.http import create_app, service_routes
from controller.service.window import ServiceWindow
from controller.store.store import Store
from tests.pages.showroom import Showroom
from tests.support.clock import ShiftedClock
from tests.support.shell import free_port

GRACE, ADA, UMA = "grace@example.com", "ada@example.com", "uma@example.com"
"""Grace may change something, Ada may read everything, and Uma one organisation."""
WHO = "x-forwarded-user"


@dataclass(frozen=True)
class Served:
    """The app with what it shows."""

    app: Starlette
    window: ServiceWindow
    nudged: list[tuple[str, str]]
    board: Board
    url: str = "http://127.0.0.1:8081"

    @property
    def store(self) -> Store:
        return self.window.services.store

    @property
    def now(self) -> datetime:
        return self.window.services.clock.now()

    def client(self, person: str | None = GRACE) -> httpx.AsyncClient:
        headers = {"accept": "text/html"} | ({} if person is None else {WHO: person})
        transport = httpx.ASGITransport(self.app, client=("127.0.0.1", 4321), raise_app_exceptions=False)
        return httpx.AsyncClient(transport=transport, base_url=self.url, headers=headers)


def application(room: Showroom, *, clock: Clock | None = None, url: str = "http://127.0.0.1:8081") -> Served:
    """The service's own app over the showroom's store."""
    own = room.world.services
    given: dict[str, Any] = {
        "http_address": url.removeprefix("http://"),
        "public_url": url,
        "read_access": "token",
        "proxy_addresses": ("127.0.0.1/32",),
        "proxy_user_header": WHO,
        "proxy_operators": (GRACE,),
        "proxy_readers": (ADA, f"{UMA}=labs"),
    }
    settings = type(own.settings).model_validate(own.settings.model_dump() | given)
    store = own.store if clock is None else Store.open(settings.store, clock=clock)
    services = replace(own, settings=settings, store=store, clock=clock or own.clock)
    nudged: list[tuple[str, str]] = []
    access = open_access(settings, store, services.clock)
    board = Board(services.clock)
    described = partial(described_in, room.read, services)
    window = ServiceWindow(services, described, lambda *what: nudged.append(what), access, lambda: board.repositories)
    api = ApiMount(lambda: create_api(window, asyncio.Event()))
    routes = service_routes(board, CollectorRegistry(), dict)
    return Served(create_app([*routes, api], window), window, nudged, board, url)


@contextmanager
def listening(room: Showroom) -> Iterator[Served]:
    """The app on a port; its clock goes on from where the showroom's stopped."""
    port = free_port()
    clock = ShiftedClock(SystemClock(), room.world.clock.now() - SystemClock().now())
    served = application(room, clock=clock, url=f"http://127.0.0.1:{port}")
    config = uvicorn.Config(
        served.app, host="127.0.0.1", port=port, log_config=None, lifespan="off", ws="none", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.02)
        yield served
    finally:
        server.should_exit = True
        thread.join()
        served.store.close()
