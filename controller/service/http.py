"""Probes, metrics and the state of all organisations over HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import Callable, Iterator, Sequence

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from controller.domain.documents import plain
from controller.domain.errors.process import SettingsInvalid
from controller.domain.redaction import SECRETS
from controller.service.access.statuses import STATUSES
from controller.service.board import Board
from controller.service.connections import BoundedProtocol, most_connections
from controller.service.pages.asked import Pages
from controller.service.pages.routes import page_routes
from controller.service.status_document import Latencies, status_document
from controller.service.window import ServiceWindow
from controller.store.store import Store

_QUEUE = 128
"""Connections that may wait in the kernel."""


def service_routes(
    board: Board, registry: CollectorRegistry, latencies: Latencies, store: Store | None = None
) -> list[BaseRoute]:
    """`/healthz`: the process runs. `/readyz`: everything was looked at once. `/metrics`. `/status`.

    `/status` tells what all controllers that share the store know; without one, what this process knows.
    """

    async def healthz(_: Request) -> Response:
        return PlainTextResponse("ok\n")

    async def readyz(_: Request) -> Response:
        fault = store.database.fault if store is not None else None
        if fault is not None:
            return PlainTextResponse(SECRETS.plain(f"{fault}\n"), status_code=503)
        return PlainTextResponse("ready\n") if board.ready else PlainTextResponse("starting\n", status_code=503)

    async def metrics(_: Request) -> Response:
        # The process-wide registry holds the figures of the process: memory, CPU, garbage collection.
        found = (generate_latest(registry) + generate_latest(REGISTRY)).decode()
        return Response(SECRETS.plain(found), media_type=CONTENT_TYPE_LATEST)

    async def status(_: Request) -> Response:
        # In a thread: a store that answers late must not hold up the passes.
        found = await asyncio.to_thread(status_document, board, latencies(), store)
        return JSONResponse(SECRETS.texts(plain(found)))

    return [
        Route("/healthz", healthz),
        Route("/readyz", readyz),
        Route("/metrics", metrics),
        Route("/status", status),
    ]


def create_app(routes: Sequence[BaseRoute], window: ServiceWindow) -> Starlette:
    """These routes, those of the login and the pages, behind the access that the window has.

    `window` is what API and page may see; routes find it in the app's state.
    """
    access, pages = window.access, Pages(window)
    app = Starlette(
        routes=[*routes, *access.routes(), *page_routes(pages)],
        middleware=access.middleware(),
        exception_handlers={**dict.fromkeys(STATUSES, access.refusal), **pages.handlers()},
    )
    app.state.window = window
    return app


class Measured:
    """Tells how long each request waited for the beginning of its answer: a stream of events may last for hours."""

    def __init__(self, app: ASGIApp, observer: Callable[[str, int, float], None]) -> None:
        """The observer is called with the path, the status and the seconds."""
        self._app = app
        self._observer = observer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        began_s = time.monotonic()

        async def observed(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._observer(scope["path"], message["status"], time.monotonic() - began_s)
            await send(message)

        await self._app(scope, receive, observed)


class _ServiceServer(uvicorn.Server):
    """uvicorn without signal handlers: the service stops it."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen with a longer queue than the backlog, which asyncio uses for both."""
        await super().startup(sockets)
        for each in sockets or ():
            each.listen(_QUEUE)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


async def serve(app: Starlette, address: str, stop: asyncio.Event) -> None:
    """Serve on `host:port` until `stop` is set. Raises SettingsInvalid when the address is not available."""
    listening = await _listening(address)
    # Log our failures, not clients' invalid requests.
    logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
    most = most_connections()
    config = uvicorn.Config(
        app,
        http=type("Protocol", (BoundedProtocol,), {"most": most}),
        ws="none",
        lifespan="off",
        log_config=None,
        # Headers of proxies are read in access/proxy.py, and believed from the operator's addresses only.
        proxy_headers=False,
        # Answers do not name the server.
        server_header=False,
        access_log=False,
        # A batch of connections is accepted before any is read: keep it small, or it would close those already there.
        backlog=max(1, most // 4),
        timeout_graceful_shutdown=2,
    )
    server = _ServiceServer(config)
    serving = asyncio.ensure_future(server.serve(listening))
    stopping = asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        server.should_exit = True
        stopping.cancel()
        await serving


async def _listening(address: str) -> list[socket.socket]:
    """A socket for each address that the host has."""
    host, _, port = address.rpartition(":")
    opened: list[socket.socket] = []
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        for family, kind, protocol, _, where in dict.fromkeys(found):
            opened.append(socket.socket(family, kind, protocol))
            opened[-1].settimeout(0)
            opened[-1].setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                opened[-1].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            opened[-1].bind(where)
    except OSError as error:
        for each in opened:
            each.close()
        raise SettingsInvalid(
            f"cannot listen on {address}: {error.strerror or error}", hint="set PENSTOCK_HTTP_ADDRESS"
        ) from error
    return opened
